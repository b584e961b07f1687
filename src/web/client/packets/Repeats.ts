/** Datagrams that came before: which of the packets of a service are sent again. Pure. */
import type { Arrow } from "../../Arrow.ts"
import type * as Fate from "../diagram/Fate.ts"

/** The latest datagrams, by sender, receiver and text, and the number of those of a sender to a receiver. */
export interface Repeats {
  /** Number of a datagram among those of its sender and receiver. The datagram seen last is the last. */
  readonly seen: ReadonlyMap<string, number>
  readonly counts: ReadonlyMap<string, number>
}

/** Datagrams of one sender to one receiver among which a repetition is looked for: TFTP counts from 0 to 65,535. */
const maxDistanceCount = 200

/** Maximum number of datagrams, and of pairs of sender and receiver, that are remembered. */
export const maxRememberedCount = 4_000

/** Kinds of packets that say the same time after time, without a number: those of presence. */
const periodicKinds = new Set(["COURSE", "FORWARD", "SUBSCRIBE", "GRANTED"])

/** No datagram. */
export const none: Repeats = { seen: new Map(), counts: new Map() }

/** Sets a value as the latest of a map, whose oldest are left out. */
const setLatest = (map: Map<string, number>, key: string, value: number) => {
  map.delete(key)
  map.set(key, value)
  if (map.size <= maxRememberedCount) return
  for (const oldest of map.keys()) {
    map.delete(oldest)
    return
  }
}

/** Marks the packets that are alike to an earlier one of the same sender and receiver. */
export const mark = (
  repeats: Repeats,
  packets: ReadonlyArray<Arrow>
): readonly [Repeats, ReadonlyArray<Fate.Packet>] => {
  if (packets.length === 0) return [repeats, packets]
  const [seen, counts] = [new Map(repeats.seen), new Map(repeats.counts)]
  const marked = packets.map((packet) => {
    const { from, kind, label, to, transport } = packet
    if (transport !== "udp" || periodicKinds.has(kind)) return packet
    const pair = `${from} ${to}`
    const key = `${pair} ${kind} ${label}`
    const number = (counts.get(pair) ?? 0) + 1
    const before = seen.get(key)
    setLatest(counts, pair, number)
    setLatest(seen, key, number)
    return before !== undefined && number - before <= maxDistanceCount ? { ...packet, isAgain: true } : packet
  })
  return [{ seen, counts }, marked]
}
