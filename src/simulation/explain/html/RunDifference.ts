/**
 * Comparison of two runs, event by event: the shortest list of events that only one of them has (E. W. Myers, An O(ND)
 * difference algorithm and its variations, 1986). Pure.
 */
import * as FaultRandom from "../../faults/FaultRandom.ts"
import type * as Recording from "../../Recording.ts"
import type { DifferenceRow } from "./PageData.ts"

/** An event for a comparison. */
export interface Compared {
  /** Events with the same key may stand beside each other. */
  readonly key: string
  /** Events with the same key but another value differ. */
  readonly value: string
}

/** A pair of positions: an event of each run, or -1 for none. */
type Pair = readonly [one: number, other: number]

const hashOf = (bytes: Uint8Array): number => {
  let state = 0x811c9dc5
  for (const byte of bytes) {
    state = Math.imul(state ^ byte, 0x01000193)
    state ^= state >>> 13
  }
  return state
}

/** Parts of events that must be the same: all for two runs of a seed, and only contents if their faults differ. */
export type Strictness = "all" | "contents"

const partsOf = (event: Recording.Event, nameOf: (address: string) => string): Compared => {
  switch (event._tag) {
    case "Packet": {
      const { bytes, fault, from, kind, lost, to } = event.packet
      const hosts = `${nameOf(from.address)} ${nameOf(to.address)}`
      return { key: `packet ${kind} ${hosts} ${bytes.length} ${hashOf(bytes)}`, value: `${fault} ${lost === true}` }
    }
    case "Log":
      return { key: `log ${event.host} ${event.level} ${FaultRandom.hash(event.message)}`, value: "" }
    case "Host":
      return { key: `host ${event.host} ${event.event} ${event.detail}`, value: "" }
    case "Link":
      return { key: `link ${event.event} ${event.detail}`, value: "" }
    case "Disk":
      return { key: `disk ${event.host} ${event.operation} ${event.path} ${event.bytes}`, value: `${event.fault}` }
    case "Switch":
      return { key: `switch ${event.point} ${event.choice}`, value: event.fiber }
    case "Digest":
      return { key: `state ${event.host} ${event.label}`, value: `${hashOf(event.bytes)}` }
    case "Reached":
      return { key: `reached ${event.label}`, value: "" }
  }
}

/** Returns the key and the value of an event, by which it is compared. */
export const comparedOf = (event: Recording.Event, nameOf: (address: string) => string, strictness: Strictness) => {
  const { key, value } = partsOf(event, nameOf)
  if (strictness === "contents") return { key, value }
  const ports =
    event._tag === "Packet" ? `${event.packet.from.port} ${event.packet.to.port} ${event.packet.arrives}` : ""
  return { key, value: `${value} ${event.at} ${ports}` }
}

/** Edits after which the search begins anew at the furthest point: it bounds the memory to some megabytes. */
const maxEdits = 1_000

/** Keys of both runs, and the range that is searched. */
interface Search {
  readonly one: ReadonlyArray<string>
  readonly other: ReadonlyArray<string>
}

/** Follows the recorded search back from a point, and returns its pairs in order. */
const pairsTo = (trace: ReadonlyArray<Int32Array>, start: Pair, end: Pair, last: number): ReadonlyArray<Pair> => {
  const pairs: Array<Pair> = []
  let [x, y] = [end[0] - start[0], end[1] - start[1]]
  for (let edits = last; edits >= 0; edits--) {
    const row = trace[edits]!
    const k = x - y
    const isDown = k === -edits || (k !== edits && row[k - 1 + edits + 1]! < row[k + 1 + edits + 1]!)
    const previousX = edits === 0 ? 0 : isDown ? row[k + 1 + edits + 1]! : row[k - 1 + edits + 1]!
    const previousY = edits === 0 ? 0 : previousX - (isDown ? k + 1 : k - 1)
    while (x > previousX && y > previousY) pairs.push([start[0] + --x, start[1] + --y])
    if (edits === 0) break
    if (isDown) pairs.push([-1, start[1] + --y])
    else pairs.push([start[0] + --x, -1])
  }
  return pairs.reverse()
}

/** Tests if a point is further than another, or as far and nearer to the middle of both runs. */
const isFurther = (x: number, y: number, other: { readonly x: number; readonly y: number }) =>
  x + y > other.x + other.y || (x + y === other.x + other.y && Math.abs(x - y) < Math.abs(other.x - other.y))

/** Searches from a point on; returns the pairs up to the end, or up to the furthest point after the most edits. */
const searchFrom = ({ one, other }: Search, start: Pair): ReadonlyArray<Pair> => {
  const [width, height] = [one.length - start[0], other.length - start[1]]
  const trace: Array<Int32Array> = []
  let furthest = new Int32Array(3)
  let best = { x: 0, y: 0, edits: 0 }
  for (let edits = 0; ; edits++) {
    // The furthest points of `edits - 1`, with index 0 for the diagonal `-edits - 1`.
    trace.push(furthest)
    const next = new Int32Array(2 * edits + 5)
    for (let k = -edits; k <= edits; k += 2) {
      const [left, right] = [furthest[k - 1 + edits + 1]!, furthest[k + 1 + edits + 1]!]
      let x = edits === 0 ? 0 : k === -edits || (k !== edits && left < right) ? right : left + 1
      let y = x - k
      while (x < width && y < height && one[start[0] + x] === other[start[1] + y]) {
        x++
        y++
      }
      next[k + edits + 2] = x
      if (x <= width && y <= height && isFurther(x, y, best)) best = { x, y, edits }
      if (x >= width && y >= height) return pairsTo(trace, start, [start[0] + width, start[1] + height], edits)
    }
    if (edits === maxEdits) return pairsTo(trace, start, [start[0] + best.x, start[1] + best.y], best.edits)
    furthest = next
  }
}

/** Returns the number of events that both runs have in common at their ends. */
const commonEnd = (one: ReadonlyArray<string>, other: ReadonlyArray<string>): number => {
  let length = 0
  while (length < Math.min(one.length, other.length) && one.at(-1 - length) === other.at(-1 - length)) length++
  return length
}

/** Returns the events of both runs as pairs, in the order of both. */
const align = (one: ReadonlyArray<string>, other: ReadonlyArray<string>): ReadonlyArray<Pair> => {
  const common = commonEnd(one, other)
  const [end, otherEnd] = [one.length - common, other.length - common]
  const search: Search = { one: one.slice(0, end), other: other.slice(0, otherEnd) }
  const pairs: Array<Pair> = []
  let [x, y] = [0, 0]
  while (x < end || y < otherEnd) {
    const found = searchFrom(search, [x, y])
    for (const pair of found) {
      pairs.push(pair)
      if (pair[0] >= 0) x++
      if (pair[1] >= 0) y++
    }
  }
  for (let at = 0; at < common; at++) pairs.push([end + at, otherEnd + at])
  return pairs
}

/** Compares two runs, and returns a row for each event or pair of events. */
export const make = (one: ReadonlyArray<Compared>, other: ReadonlyArray<Compared>): ReadonlyArray<DifferenceRow> => {
  const keys = (events: ReadonlyArray<Compared>) => events.map(({ key }) => key)
  return align(keys(one), keys(other)).map(([at, otherAt]) => [
    at,
    otherAt,
    at >= 0 && otherAt >= 0 && one[at]!.value !== other[otherAt]!.value ? 1 : 0
  ])
}

/** Returns the position of the first event of each run at which they differ; the length if there is none. */
export const firstDifference = (one: ReadonlyArray<Compared>, other: ReadonlyArray<Compared>): number => {
  const length = Math.min(one.length, other.length)
  for (let at = 0; at < length; at++) {
    if (one[at]!.key !== other[at]!.key || one[at]!.value !== other[at]!.value) return at
  }
  return length
}
