/** Selection of the rows of a long picture: the most important ones, with a count in each gap. Pure. */

/** An element that may be left out. */
interface Ranked {
  readonly importance: "fault" | "warning" | "message" | "packet" | "detail"
}

/** A row, or the rows that are left out in its place. */
export type Shown<A> = { readonly row: A } | { readonly omitted: ReadonlyArray<A> }

/** Rows that are always considered first: those at the end, where the failure is, and those at the start. */
const [lastRows, firstRows] = [6, 3]

/** Neighbours of a fault that are shown before other rows. */
const contextRows = 2

/** Faults from the start and from the end that are considered; a picture has no room for more. */
const maxFaults = 20

/** Returns the positions in the order in which they are kept. */
const ranking = (rows: ReadonlyArray<Ranked>): Iterable<number> => {
  const order = new Set<number>()
  const add = (at: number) => {
    if (at >= 0 && at < rows.length) order.add(at)
  }
  const faults = rows.flatMap(({ importance }, at) => (importance === "fault" || importance === "warning" ? [at] : []))
  const chosen = faults.length <= 2 * maxFaults ? faults : [...faults.slice(0, maxFaults), ...faults.slice(-maxFaults)]
  add(rows.length - 1)
  for (const at of chosen) add(at)
  for (let at = 1; at <= lastRows; at++) add(rows.length - at)
  for (let at = 0; at < firstRows; at++) add(at)
  for (let distance = 1; distance <= contextRows; distance++) {
    for (const at of chosen) {
      add(at - distance)
      add(at + distance)
    }
  }
  rows.forEach(({ importance }, at) => {
    if (importance === "message") add(at)
  })
  for (let at = rows.length - 1; at >= 0; at--) if (rows[at]!.importance === "packet") add(at)
  for (let at = rows.length - 1; at >= 0; at--) add(at)
  return order
}

/** Counts the lines of a selection: its rows and its gaps. */
const lineCount = (kept: ReadonlyArray<number>, total: number): number => {
  let lines = kept.length
  let next = 0
  for (const at of kept) {
    if (at > next) lines++
    next = at + 1
  }
  return next < total ? lines + 1 : lines
}

/** Returns at most `maxLines` lines, in order. */
export const select = <A extends Ranked>(rows: ReadonlyArray<A>, maxLines: number): ReadonlyArray<Shown<A>> => {
  if (rows.length <= maxLines) return rows.map((row) => ({ row }))
  let kept: ReadonlyArray<number> = []
  let tried = 0
  for (const at of ranking(rows)) {
    // Once the picture is full, only rows that close a gap can still be added.
    if (tried++ > 40 * maxLines) break
    const more = [...kept, at].sort((a, b) => a - b)
    if (lineCount(more, rows.length) <= maxLines) kept = more
  }
  const shown: Array<Shown<A>> = []
  let next = 0
  for (const at of [...kept, rows.length]) {
    if (at > next) shown.push({ omitted: rows.slice(next, at) })
    if (at < rows.length) shown.push({ row: rows[at]! })
    next = at + 1
  }
  return shown
}
