/** Rows of the page: lists that are cut, and texts that are safe to show. Pure. */
import * as ShownText from "../ShownText.ts"

/** Rows, and the number of those that are left out. */
export interface Rows<out A> {
  readonly rows: ReadonlyArray<A>
  readonly omitted: number
}

/** Most rows of one service, and of a section of the page. */
export const maxRows = 200

const maxTextChars = 200

/** Returns the first rows of a list, at most `max`. */
export const cut = <A>(all: ReadonlyArray<A>, max: number = maxRows): Rows<A> => ({
  rows: all.length <= max ? all : all.slice(0, max),
  omitted: Math.max(0, all.length - max)
})

/** Escapes and shortens a text that this process did not write. */
export const text = (value: string): string => ShownText.short(value, maxTextChars)

/** Rounds a number to decimal digits; one that is not finite, which has no form on the wire, is 0. */
export const rounded = (value: number, digits = 0): number =>
  Number.isFinite(value) ? Math.round(value * 10 ** digits) / 10 ** digits : 0
