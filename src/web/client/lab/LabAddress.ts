/** The addresses of runs: the settings of the laboratory as fragments of the page. Pure. */
import * as Settings from "../../lab/Settings.ts"
import * as Route from "../Route.ts"

/** Returns the address of a run. */
export const of = (settings: Settings.Settings): string =>
  Route.format({ page: "lab", query: Settings.format(settings) })

const queryOf = (address: string): string => {
  const route = Route.parse(address)
  return route.page === "lab" ? route.query : ""
}

/** Returns the settings of an address: anything is read, and what is not valid becomes valid. */
export const parse = (address: string): Settings.Settings => Settings.parse(queryOf(address))

/**
 * Returns the address to show in place of one with wrong, missing or unknown parameters. Undefined for one that is
 * right, and for that of the laboratory without a run.
 */
export const correctionOf = (address: string): string | undefined => {
  const right = of(parse(address))
  return queryOf(address) === "" || queryOf(address) === queryOf(right) ? undefined : right
}
