/** Schemas of the integers in fault plans. */
import * as Schema from "effect/Schema"

export const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** The largest integer in a plan. */
export const max = Number.MAX_SAFE_INTEGER

export const Nanos = between(0, max)
export const Natural = between(0, max)
export const Count = between(1, max)
