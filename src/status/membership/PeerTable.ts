/**
 * Table of peers: a pure step from a table and a packet, or the time, to a new table and the changes.
 *
 * Times are arguments, in milliseconds of the receiver's clock; the clocks of the peers are not used. Time during which
 * the receiver itself did not run is not counted as silence of its peers.
 *
 * **Example** (Detect a peer that has stopped)
 *
 * ```ts
 * import * as Result from "effect/Result"
 * import { PeerTable } from "effect-inet/status"
 *
 * const heartbeat = {
 *   dialect: "effect-inet",
 *   from: { address: "192.0.2.1", port: 2066 },
 *   id: "00c0ffee00c0ffee",
 *   name: "worker",
 *   incarnation: 1,
 *   sequence: 1,
 *   interval: 1_000,
 *   goodbye: false,
 *   payload: new Uint8Array()
 * } as const
 *
 * const empty = PeerTable.make({ decode: () => Result.succeed("ok") }, 0)
 * const [first, joined] = PeerTable.receive(empty, heartbeat, 0)
 * joined.map(({ _tag }) => _tag) // => ["Joined"]
 *
 * let table = first
 * const seen: Array<string> = []
 * for (let now = 250; now <= 6_000; now += 250) {
 *   const [next, changes] = PeerTable.tick(table, now)
 *   table = next
 *   for (const { _tag } of changes) seen.push(`${_tag} after ${now} ms`)
 * }
 * seen // => ["Suspect after 3000 ms", "Down after 5000 ms"]
 * ```
 */
import type * as Result from "effect/Result"
import type { Change, Dialect, Heartbeat, Peer, State } from "../Peer.ts"
import * as Eviction from "./Eviction.ts"
import * as PeerRecord from "./PeerRecord.ts"
import * as PeerRecordMap from "./PeerRecordMap.ts"
import * as Suspicion from "./Suspicion.ts"

/** Options of a table: decoder, thresholds and limits. @category models @since 0.1.0 */
export interface Options<A> {
  /** Decodes a payload; fails with the reason. */
  readonly decode: (payload: Uint8Array, dialect: Dialect) => Result.Result<A, string>
  /** Id of the peer that owns the table. Default: the owner is not in the table. */
  readonly self?: string | undefined
  /** Missed heartbeats after which a peer is suspect, without packet loss. Default 3. */
  readonly suspectAfter?: number | undefined
  /** Missed heartbeats after which a peer is down, without packet loss. Default 5. */
  readonly downAfter?: number | undefined
  /** Largest number of missed heartbeats before `down`, at any packet loss. Default 30. */
  readonly maxMissed?: number | undefined
  /** Heartbeats after which a peer that is `down` or `left` is forgotten. Default 60. */
  readonly forgetAfter?: number | undefined
  /**
   * Largest number of peers. Default 4,096. A full table evicts peers that are not established, are `down` or `left`,
   * or come from crowded addresses; established peers go last, unless their address holds a quarter of the table.
   */
  readonly maxPeers?: number | undefined
  /** Longest time between two steps, in milliseconds; twice as much is a stall. Default 250. */
  readonly tickPeriod?: number | undefined
}

/** A peer table. @category models @since 0.1.0 */
export interface PeerTable<A> extends PeerRecord.TableContext<A> {
  readonly records: PeerRecordMap.PeerRecordMap<A>
  /** Time of the last step, by the receiver's clock. */
  readonly lastStepAt: number
  /** Time before which silence changes no record. */
  readonly nextCheckAt: number
  /** Time until which a full table admits no new peer, since the last eviction found too few to remove. */
  readonly fullUntil: number
}

/** A table and the changes of the step. @category models @since 0.1.0 */
export type Step<A> = readonly [table: PeerTable<A>, changes: ReadonlyArray<Change<A>>]

/** Makes an empty table. @category constructors @since 0.1.0 */
export const make = <A>(options: Options<A>, now: number): PeerTable<A> => ({
  settings: {
    decode: options.decode,
    self: options.self,
    thresholds: {
      suspectAfter: options.suspectAfter ?? 3,
      downAfter: options.downAfter ?? 5,
      maxMissed: options.maxMissed ?? 30
    },
    forgetAfter: options.forgetAfter ?? 60,
    maxPeers: options.maxPeers ?? 4_096,
    tickPeriod: options.tickPeriod ?? 250
  },
  records: PeerRecordMap.empty,
  networkLoss: Suspicion.empty,
  lastStepAt: now,
  time: 0,
  resumedAt: 0,
  nextCheckAt: Number.POSITIVE_INFINITY,
  fullUntil: 0
})

/**
 * Returns the table's time. A gap of more than two periods is a stall and counts as two; a clock that was set back adds
 * nothing.
 */
const tableTimeAt = <A>({ lastStepAt, settings, time }: PeerTable<A>, now: number) =>
  time + Math.min(Math.max(0, now - lastStepAt), 2 * settings.tickPeriod)

/** A table under construction: each step makes one copy and mutates it before it is returned. */
type MutableTable<A> = { -readonly [Key in keyof PeerTable<A>]: PeerTable<A>[Key] }

const advanceClock = <A>(table: PeerTable<A>, now: number): MutableTable<A> => {
  const time = tableTimeAt(table, now)
  const isOnTime = now - table.lastStepAt <= 2 * table.settings.tickPeriod
  return {
    settings: table.settings,
    records: table.records,
    networkLoss: table.networkLoss,
    lastStepAt: now,
    time,
    resumedAt: isOnTime ? table.resumedAt : time,
    nextCheckAt: table.nextCheckAt,
    fullUntil: table.fullUntil
  }
}

const noChanges: ReadonlyArray<never> = []

const change = <A>(
  _tag: Change<A>["_tag"],
  { networkLoss, time }: PeerTable<A>,
  record: PeerRecord.PeerRecord<A>
): Change<A> => ({
  _tag,
  peer: PeerRecord.view(record, networkLoss, time)
})

const put = <A>(table: MutableTable<A>, record: PeerRecord.PeerRecord<A>): PeerTable<A> => {
  table.records = PeerRecordMap.set(table.records, record)
  table.nextCheckAt = Math.min(table.nextCheckAt, record.nextCheckAt)
  return table
}

/** Evicts records if the table is full. The search is expensive, so forged packets must not trigger it at will. */
const evictIfFull = <A>(table: MutableTable<A>): ReadonlyArray<Change<A>> => {
  const { records, settings, time } = table
  if (PeerRecordMap.size(records) < settings.maxPeers || time < table.fullUntil) return noChanges
  const evicted = Eviction.evict(PeerRecordMap.values(records), settings.maxPeers)
  const evictedSet = new Set(evicted)
  table.records = PeerRecordMap.filterMap(records, (record) => (evictedSet.has(record) ? undefined : record))
  if (evicted.length < Eviction.batchSize(settings.maxPeers)) table.fullUntil = time + settings.tickPeriod
  return evicted.map((record) => change("Forgotten", table, record))
}

const admit = <A>(table: MutableTable<A>, heartbeat: Heartbeat): Step<A> => {
  const forgotten = evictIfFull(table)
  if (PeerRecordMap.size(table.records) >= table.settings.maxPeers) return [table, forgotten]
  const record = PeerRecord.make(heartbeat, table)
  return [put(table, record), [...forgotten, change("Joined", table, record)]]
}

/**
 * Applies a packet. An outdated packet changes nothing, and neither does a goodbye of an unknown peer.
 *
 * @category transitions
 * @since 0.1.0
 */
export const receive = <A>(before: PeerTable<A>, heartbeat: Heartbeat, now: number): Step<A> => {
  const table = advanceClock(before, now)
  const existing = PeerRecordMap.get(table.records, heartbeat.id)
  if (existing === undefined) return heartbeat.goodbye ? [table, noChanges] : admit(table, heartbeat)
  const { changes, networkLoss, record } = PeerRecord.receive(existing, heartbeat, table)
  if (record === existing) return [table, noChanges]
  table.networkLoss = networkLoss
  return [put(table, record), changes.length === 0 ? noChanges : changes.map((tag) => change(tag, table, record))]
}

/**
 * Applies the passage of time. Call it once per `tickPeriod`, to detect silent peers and stalls of the receiver.
 *
 * @category transitions
 * @since 0.1.0
 */
export const tick = <A>(before: PeerTable<A>, now: number): Step<A> => {
  const table = advanceClock(before, now)
  if (table.time < table.nextCheckAt) return [table, noChanges]
  const changes: Array<Change<A>> = []
  let nextCheckAt = Number.POSITIVE_INFINITY
  const records = PeerRecordMap.filterMap(table.records, (record) => {
    const after = record.nextCheckAt > table.time ? record : PeerRecord.tick(record, table)
    if (after === undefined) {
      changes.push(change("Forgotten", table, record))
      return undefined
    }
    nextCheckAt = Math.min(nextCheckAt, after.nextCheckAt)
    const { state } = after.info
    if (state !== record.info.state) changes.push(change(state === "down" ? "Down" : "Suspect", table, after))
    return after
  })
  return [{ ...table, records, nextCheckAt }, changes]
}

/** Returns the numbers of peers by state, without the peer that owns the table. @category getters @since 0.1.0 */
export const countOthers = <A>({ records }: PeerTable<A>): Record<State, number> => {
  const counts: Record<State, number> = { alive: 0, suspect: 0, down: 0, left: 0 }
  for (const { info } of PeerRecordMap.values(records)) if (!info.self) counts[info.state]++
  return counts
}

/** Returns one peer, with ages as of `now`. @category getters @since 0.1.0 */
export const get = <A>(table: PeerTable<A>, id: string, now: number): Peer<A> | undefined => {
  const record = PeerRecordMap.get(table.records, id)
  return record === undefined ? undefined : PeerRecord.view(record, table.networkLoss, tableTimeAt(table, now))
}

/** Returns all peers ordered by name and then by id, so that the order is stable. @category getters @since 0.1.0 */
export const peers = <A>(table: PeerTable<A>, now: number): ReadonlyArray<Peer<A>> => {
  const time = tableTimeAt(table, now)
  return PeerRecordMap.values(table.records)
    .map((record) => PeerRecord.view(record, table.networkLoss, time))
    .sort((one, other) => compare(one.name, other.name) || compare(one.id, other.id))
}

const compare = (one: string, other: string) => (one < other ? -1 : one > other ? 1 : 0)
