/** Validation of the options of a run: what is wrong with one, in a line. */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"

/** Options that are checked: see `Simulation.Options`. */
export interface RunOptions {
  readonly seed?: number | undefined
  readonly deadline?: Duration.Input | undefined
  readonly preempt?: number | undefined
  readonly globals?: "virtual" | "real" | undefined
  readonly epochMillis?: number | undefined
}

/** Largest distance of a `Date` from 1970. */
const maxEpochMillis = 8.64e15

const invalid = (name: string, value: unknown, limit: string) =>
  `invalid ${name} ${typeof value === "string" ? JSON.stringify(value) : String(value)}: must be ${limit}`

/** Returns true for a number from `min` to `max`, not for NaN. */
const isWithin = (value: number, min: number, max: number) => value >= min && value <= max

const isDeadline = (value: Duration.Input) =>
  Option.match(Duration.fromInput(value), { onNone: () => false, onSome: (one) => Duration.toMillis(one) >= 0 }) &&
  (typeof value !== "number" || value >= 0)

/** Describes the first invalid option; returns undefined if all are valid. */
export const problemOf = ({ deadline, epochMillis, globals, preempt, seed }: RunOptions): string | undefined => {
  if (seed !== undefined && !Number.isSafeInteger(seed)) {
    return invalid("seed", seed, `a whole number up to ${Number.MAX_SAFE_INTEGER}`)
  }
  if (deadline !== undefined && !isDeadline(deadline)) {
    return invalid("deadline", deadline, `a duration of at least 0, such as "10 seconds"`)
  }
  if (preempt !== undefined && !isWithin(preempt, 0, 1)) return invalid("preempt", preempt, "a number from 0 to 1")
  if (globals !== undefined && globals !== "virtual" && globals !== "real") {
    return invalid("globals", globals, `"virtual" or "real"`)
  }
  if (epochMillis !== undefined && !isWithin(epochMillis, -maxEpochMillis, maxEpochMillis)) {
    return invalid("epochMillis", epochMillis, "milliseconds since 1970, as of a Date")
  }
  return undefined
}
