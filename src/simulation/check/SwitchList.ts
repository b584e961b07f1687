/** Text form of the decisions of a scheduler: `2.7, 3.4/0:2`, or `none`. */
import type { Decision } from "../runtime/SimSchedulerQueue.ts"

/** Formats decisions. A decision without a number preempts the fiber, or takes the second task. */
export const format = (decisions: ReadonlyArray<Decision>): string =>
  decisions.length === 0
    ? "none"
    : decisions.map(([point, choice]) => (choice === 1 ? point : `${point}:${choice}`)).join(", ")

const pattern = /^(\d+(?:\.\d+)?(?:\/\d+)?)(?::(\d+))?$/

/** Parses decisions; returns undefined for another text. */
export const parse = (text: string): ReadonlyArray<Decision> | undefined => {
  if (text.trim() === "none") return []
  const decisions: Array<Decision> = []
  for (const part of text.split(",")) {
    const match = pattern.exec(part.trim())
    if (match === null) return undefined
    decisions.push([match[1]!, Number(match[2] ?? 1)])
  }
  return decisions
}

/** Describes the given decisions whose points no run reached; returns undefined if there are none. */
export const unused = (given: ReadonlyArray<Decision>, made: ReadonlySet<string>): string | undefined => {
  const missing = given.filter(([point]) => !made.has(point))
  if (missing.length === 0) return undefined
  return `SIM_SWITCHES never applied: ${format(missing)}; the program has changed, or the seed is another`
}
