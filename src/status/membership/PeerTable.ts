/**
 * Who is here, and how they are: a table and a packet, or the time, give a table and what has changed. Pure.
 *
 * Times are arguments, in milliseconds of whatever clock the receiver has; no peer's clock counts. The time in which
 * the table was not looked at is the receiver's own fault: whoever sleeps for a minute does not find the world dead.
 */
import type * as Result from "effect/Result"
import type { Change, Dialect, Heartbeat, Peer } from "../Peer.ts"
import * as Eviction from "./Eviction.ts"
import * as PeerRecord from "./PeerRecord.ts"
import * as PeerRecordMap from "./PeerRecordMap.ts"
import * as Suspicion from "./Suspicion.ts"

/** How a table judges. @category models @since 0.1.0 */
export interface Options<A> {
  /** Reads a payload, or says why that cannot be done. */
  readonly decode: (payload: Uint8Array, dialect: Dialect) => Result.Result<A, string>
  /** The id of the peer that has the table. */
  readonly self?: string | undefined
  /** Heartbeats missed until a peer is suspect, where nothing gets lost. Default 3. */
  readonly suspectAfter?: number | undefined
  /** Heartbeats missed until it is down, where nothing gets lost. Default 5. */
  readonly downAfter?: number | undefined
  /** The most heartbeats that may be missed, whatever the loss. Default 30. */
  readonly maxMissed?: number | undefined
  /** Heartbeats after which a peer that is down or has left is forgotten. Default 60. */
  readonly forgetAfter?: number | undefined
  /**
   * Default 4,096. When there are more, the least recently heard go: newcomers, the dead and those of crowded addresses
   * first, those who are known well last, unless a quarter of the table and more is of their address.
   */
  readonly maxPeers?: number | undefined
  /** Milliseconds between two looks at the table, at most. Default 250. */
  readonly tickPeriod?: number | undefined
}

/** @category models @since 0.1.0 */
export interface PeerTable<A> extends PeerRecord.TableContext<A> {
  readonly records: PeerRecordMap.PeerRecordMap<A>
  /** When the table was looked at last, by the receiver's clock. */
  readonly lastStepAt: number
  /** No record changes by itself before this time. */
  readonly nextCheckAt: number
  /** Until then nobody new is taken in: there was hardly anyone to make room for others. */
  readonly fullUntil: number
}

/** A table, and what has changed in it. @category models @since 0.1.0 */
export type Step<A> = readonly [table: PeerTable<A>, changes: ReadonlyArray<Change<A>>]

/** An empty table. @category constructors @since 0.1.0 */
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

/** The table's clock. A gap of more than two periods is a stall; a clock that was set back stands still, too. */
const tableTimeAt = <A>({ lastStepAt, settings, time }: PeerTable<A>, now: number) =>
  time + Math.min(Math.max(0, now - lastStepAt), 2 * settings.tickPeriod)

/** A table that nobody has seen yet may still be changed: a step makes one, and not one after the other. */
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

/** Makes room for one more, if there can be any. Looking for it costs, and strangers must not have it done at will. */
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
 * Takes a packet. One that is older than what was heard of its sender changes nothing, nor does the goodbye of one
 * nobody knows.
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
 * Lets time pass: to be called once a period, so that silence is noticed, and the receiver's own stalls.
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

/** One peer. @category getters @since 0.1.0 */
export const get = <A>(table: PeerTable<A>, id: string, now: number): Peer<A> | undefined => {
  const record = PeerRecordMap.get(table.records, id)
  return record === undefined ? undefined : PeerRecord.view(record, table.networkLoss, tableTimeAt(table, now))
}

/** All peers, by name and then by id, so that none changes its place without need. @category getters @since 0.1.0 */
export const peers = <A>(table: PeerTable<A>, now: number): ReadonlyArray<Peer<A>> => {
  const time = tableTimeAt(table, now)
  return PeerRecordMap.values(table.records)
    .map((record) => PeerRecord.view(record, table.networkLoss, time))
    .sort((one, other) => compare(one.name, other.name) || compare(one.id, other.id))
}

const compare = (one: string, other: string) => (one < other ? -1 : one > other ? 1 : 0)
