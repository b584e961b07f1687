/** Variables of the environment that are nearly those of an option: nothing reads them. */
import * as Effect from "effect/Effect"
import * as ServerConfig from "../../../network/ServerConfig.ts"
import { CommandInput } from "../../common/settings/CommandInput.ts"
import { settingsOf, type Table } from "../../common/settings/settings.ts"

/**
 * Returns whether one letter is missing, added or another, or two neighbours are swapped. A plural is another option,
 * such as PRIMES_HOSTS of the farm beside PRIMES_HOST of its server.
 */
const isSimilar = (one: string, other: string): boolean => {
  if (one === `${other}S` || other === `${one}S`) return false
  let start = 0
  while (start < one.length && one[start] === other[start]) start++
  let end = 0
  const shorter = Math.min(one.length, other.length)
  while (end < shorter - start && one.at(-1 - end) === other.at(-1 - end)) end++
  const [rest, otherRest] = [one.slice(start, one.length - end), other.slice(start, other.length - end)]
  if (rest.length <= 1 && otherRest.length <= 1) return true
  return rest.length === 2 && otherRest.length === 2 && rest === `${otherRest[1]}${otherRest[0]}`
}

/** Finds the misspelt names, each with the one that is meant. Both begin with the same service. Pure. */
export const find = (names: ReadonlyArray<string>, known: ReadonlySet<string>) =>
  names.flatMap((name) => {
    const service = name.slice(0, name.indexOf("_") + 1)
    if (service === "" || known.has(name)) return []
    const meant = [...known].find((one) => one.startsWith(service) && isSimilar(name, one))
    return meant === undefined ? [] : [{ name, meant }]
  })

/** Logs a warning for each misspelt variable of the running command, and of the services with other flags. */
export const warn = Effect.fnUntraced(function* (others: ReadonlyArray<Table>) {
  const { flags } = yield* CommandInput
  const settings = [flags, ...others].flatMap(settingsOf)
  const known = new Set(settings.map(({ name, section }) => ServerConfig.variable(section, name)))
  for (const { meant, name } of find(Object.keys(process.env), known)) {
    yield* Effect.logWarning(`the variable ${name} is unknown and has no effect; is ${meant} meant?`)
  }
})
