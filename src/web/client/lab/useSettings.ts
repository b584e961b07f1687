/** The settings of the laboratory, which are in the address of the page. */
import { useCallback, useEffect, useState } from "preact/hooks"
import * as Settings from "../../lab/Settings.ts"
import * as Route from "../Route.ts"

/** The settings, and the way they were set: an `opened` run plays at once, an `adjusted` one is shown whole. */
export interface Chosen {
  readonly settings: Settings.Settings
  readonly by: "opened" | "adjusted"
}

/** Returns the address of a run. */
export const addressOf = (settings: Settings.Settings): string =>
  Route.format({ page: "lab", query: Settings.format(settings) })

const read = (): Settings.Settings => {
  const route = Route.parse(location.hash)
  return Settings.parse(route.page === "lab" ? route.query : "")
}

/** Writes settings into the address, without a new entry of the history. */
const write = (settings: Settings.Settings): void => {
  try {
    history.replaceState(null, "", addressOf(settings))
  } catch {
    // A browser limits the changes of the address in a time: the next one writes it.
  }
}

/** Returns the settings and their setter. An address that is opened sets them, too. */
export const useSettings = (): readonly [Chosen, (chosen: Chosen) => void] => {
  const [chosen, setChosen] = useState<Chosen>(() => ({ settings: read(), by: "opened" }))
  useEffect(() => {
    const open = () => {
      if (Route.parse(location.hash).page === "lab") setChosen({ settings: read(), by: "opened" })
    }
    addEventListener("hashchange", open)
    return () => removeEventListener("hashchange", open)
  }, [])
  const choose = useCallback((next: Chosen) => {
    const settings = Settings.normalize(next.settings)
    write(settings)
    setChosen({ ...next, settings })
  }, [])
  return [chosen, choose]
}
