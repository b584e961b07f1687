/** Selection of the events of a long run that are in its page: the last ones, faults, and those around a difference. */

/** Properties of an event by which it is selected. */
interface Selected {
  readonly isImportant: boolean
  /** Name of the state that the event shows, if it shows one. */
  readonly state: string | undefined
}

/** Limits of a selection. */
export interface Limits {
  /** Events at the end of the run. */
  readonly last: number
  /** Important events before them, from the first on. */
  readonly important: number
  /** Events on each side of the first difference. */
  readonly around: number
}

/** Limits of a page: it has some megabytes at most. */
const pageLimits: Limits = { last: 10_000, important: 1_000, around: 500 }

/** Returns the positions of the events that are in the page, in order. */
export const select = (
  events: ReadonlyArray<Selected>,
  firstDifference: number | undefined,
  limits: Limits = pageLimits
): ReadonlyArray<number> => {
  const start = Math.max(0, events.length - limits.last)
  const chosen = new Set<number>()
  const states = new Map<string, number>()
  for (let at = 0; at < start; at++) {
    const { isImportant, state } = events[at]!
    if (isImportant && chosen.size < limits.important) chosen.add(at)
    if (state !== undefined) states.set(state, at)
  }
  // The states at the start of the last events.
  for (const at of states.values()) chosen.add(at)
  if (firstDifference !== undefined) {
    const end = Math.min(start, firstDifference + limits.around)
    for (let at = Math.max(0, firstDifference - limits.around); at < end; at++) chosen.add(at)
  }
  for (let at = start; at < events.length; at++) chosen.add(at)
  return [...chosen].sort((a, b) => a - b)
}
