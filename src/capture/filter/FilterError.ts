/** Failure to parse a display filter: position, what was expected, and what is there. */
import * as Data from "effect/Data"

/**
 * A text that is not a display filter.
 *
 * @category errors
 * @since 0.1.0
 */
export class FilterError extends Data.TaggedError("FilterError")<{
  /** Index of the character where the text goes wrong, from 0. */
  readonly position: number
  /** Correct input there: `a value of ip.addr: an IPv4 address or network`. */
  readonly expected: string
  /** Input that is there: `"80.0"`, or `the end`. */
  readonly found: string
  /** Advice, such as the names closest to an unknown field. */
  readonly fix?: string | undefined
}> {
  override get message(): string {
    const fix = this.fix === undefined ? "" : `; ${this.fix}`
    return `filter at character ${this.position + 1}: expected ${this.expected}, found ${this.found}${fix}`
  }
}
