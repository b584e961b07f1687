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
  readonly mostMissed?: number | undefined
  /** Heartbeats after which a peer that is down or has left is forgotten. Default 60. */
  readonly forgetAfter?: number | undefined
  /**
   * Default 4,096. When there are more, the least recently heard go: newcomers, the dead and those of crowded addresses
   * first, those who are known well last, unless a quarter of the table and more is of their address.
   */
  readonly maxPeers?: number | undefined
  /** Milliseconds between two looks at the table, at most. Default 250. */
  readonly period?: number | undefined
}

/** @category models @since 0.1.0 */
export interface PeerTable<A> extends PeerRecord.Look<A> {
  readonly rows: PeerRecordMap.Rows<A>
  /** When the table was looked at last, by the receiver's clock. */
  readonly seenAt: number
  /** No row changes by itself before this time. */
  readonly due: number
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
    patience: {
      suspectAfter: options.suspectAfter ?? 3,
      downAfter: options.downAfter ?? 5,
      most: options.mostMissed ?? 30
    },
    forgetAfter: options.forgetAfter ?? 60,
    maxPeers: options.maxPeers ?? 4_096,
    period: options.period ?? 250
  },
  rows: PeerRecordMap.empty,
  network: Suspicion.empty,
  seenAt: now,
  time: 0,
  wokeAt: 0,
  due: Number.POSITIVE_INFINITY,
  fullUntil: 0
})

/** The table's clock. A gap of more than two periods is a stall; a clock that was set back stands still, too. */
const timeOf = <A>({ seenAt, settings, time }: PeerTable<A>, now: number) =>
  time + Math.min(Math.max(0, now - seenAt), 2 * settings.period)

/** A table that nobody has seen yet may still be changed: a step makes one, and not one after the other. */
type Fresh<A> = { -readonly [Key in keyof PeerTable<A>]: PeerTable<A>[Key] }

const look = <A>(table: PeerTable<A>, now: number): Fresh<A> => {
  const time = timeOf(table, now)
  const isAwake = now - table.seenAt <= 2 * table.settings.period
  return {
    settings: table.settings,
    rows: table.rows,
    network: table.network,
    seenAt: now,
    time,
    wokeAt: isAwake ? table.wokeAt : time,
    due: table.due,
    fullUntil: table.fullUntil
  }
}

const nothing: ReadonlyArray<never> = []

const change = <A>(_tag: Change<A>["_tag"], { network, time }: PeerTable<A>, row: PeerRecord.Row<A>): Change<A> => ({
  _tag,
  peer: PeerRecord.view(row, network, time)
})

const put = <A>(table: Fresh<A>, row: PeerRecord.Row<A>): PeerTable<A> => {
  table.rows = PeerRecordMap.set(table.rows, row)
  table.due = Math.min(table.due, row.due)
  return table
}

/** Makes room for one more, if there can be any. Looking for it costs, and strangers must not have it done at will. */
const makeRoom = <A>(table: Fresh<A>): ReadonlyArray<Change<A>> => {
  const { rows, settings, time } = table
  if (PeerRecordMap.size(rows) < settings.maxPeers || time < table.fullUntil) return nothing
  const evicted = Eviction.evict(PeerRecordMap.values(rows), settings.maxPeers)
  const gone = new Set(evicted)
  table.rows = PeerRecordMap.filterMap(rows, (row) => (gone.has(row) ? undefined : row))
  if (evicted.length < Eviction.share(settings.maxPeers)) table.fullUntil = time + settings.period
  return evicted.map((row) => change("Forgotten", table, row))
}

const admit = <A>(table: Fresh<A>, beat: Heartbeat): Step<A> => {
  const forgotten = makeRoom(table)
  if (PeerRecordMap.size(table.rows) >= table.settings.maxPeers) return [table, forgotten]
  const row = PeerRecord.make(beat, table)
  return [put(table, row), [...forgotten, change("Joined", table, row)]]
}

/**
 * Takes a packet. One that is older than what was heard of its sender changes nothing, nor does the goodbye of one
 * nobody knows.
 *
 * @category transitions
 * @since 0.1.0
 */
export const receive = <A>(before: PeerTable<A>, beat: Heartbeat, now: number): Step<A> => {
  const table = look(before, now)
  const known = PeerRecordMap.get(table.rows, beat.id)
  if (known === undefined) return beat.goodbye ? [table, nothing] : admit(table, beat)
  const { changes, network, row } = PeerRecord.receive(known, beat, table)
  if (row === known) return [table, nothing]
  table.network = network
  return [put(table, row), changes.length === 0 ? nothing : changes.map((tag) => change(tag, table, row))]
}

/**
 * Lets time pass: to be called once a period, so that silence is noticed, and the receiver's own stalls.
 *
 * @category transitions
 * @since 0.1.0
 */
export const tick = <A>(before: PeerTable<A>, now: number): Step<A> => {
  const table = look(before, now)
  if (table.time < table.due) return [table, nothing]
  const changes: Array<Change<A>> = []
  let due = Number.POSITIVE_INFINITY
  const rows = PeerRecordMap.filterMap(table.rows, (row) => {
    const after = row.due > table.time ? row : PeerRecord.tick(row, table)
    if (after === undefined) {
      changes.push(change("Forgotten", table, row))
      return undefined
    }
    due = Math.min(due, after.due)
    const { state } = after.known
    if (state !== row.known.state) changes.push(change(state === "down" ? "Down" : "Suspect", table, after))
    return after
  })
  return [{ ...table, rows, due }, changes]
}

/** One peer. @category getters @since 0.1.0 */
export const get = <A>(table: PeerTable<A>, id: string, now: number): Peer<A> | undefined => {
  const row = PeerRecordMap.get(table.rows, id)
  return row === undefined ? undefined : PeerRecord.view(row, table.network, timeOf(table, now))
}

/** All peers, by name and then by id, so that none changes its place without need. @category getters @since 0.1.0 */
export const peers = <A>(table: PeerTable<A>, now: number): ReadonlyArray<Peer<A>> => {
  const time = timeOf(table, now)
  return PeerRecordMap.values(table.rows)
    .map((row) => PeerRecord.view(row, table.network, time))
    .sort((one, other) => compare(one.name, other.name) || compare(one.id, other.id))
}

const compare = (one: string, other: string) => (one < other ? -1 : one > other ? 1 : 0)
