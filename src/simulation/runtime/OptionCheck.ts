/** Checks of the options of a simulation. An invalid one throws an error of one line with its value and the limit. */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"

/** Returns an option as text for a message. */
const show = (value: unknown) =>
  typeof value === "string" ? JSON.stringify(value) : Array.isArray(value) ? `[${value.join(", ")}]` : String(value)

/** Throws the error of an invalid option. */
export const refuse = (name: string, value: unknown, wanted: string): never => {
  throw new Error(`invalid ${name} ${show(value)}: ${wanted}`)
}

/** Checks that an option is left out, or a number within limits. */
export const number = (name: string, value: number | undefined, least: number, most: number, wanted: string): void => {
  if (value !== undefined && !(typeof value === "number" && value >= least && value <= most))
    refuse(name, value, wanted)
}

/** Longest duration: a hundred years. */
const maxMillis = 100 * 365 * 86_400_000

/** Returns the milliseconds of a duration, which may be negative for `isSigned`. */
export const millis = (name: string, value: Duration.Input, isSigned = false): number => {
  const duration = Number.isNaN(value) ? Option.none() : Duration.fromInput(value)
  const time = Option.isSome(duration) ? Duration.toMillis(duration.value) : Number.NaN
  const least = isSigned ? -maxMillis : 0
  if (time >= least && time <= maxMillis) return time
  const range = isSigned ? "of at most a hundred years in either direction" : "from 0 to a hundred years"
  return refuse(name, value, `use a duration ${range}, such as "10 millis"`)
}
