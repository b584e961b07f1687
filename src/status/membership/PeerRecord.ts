/** One peer's line in a table: what a packet of its own, or its silence, makes of it. Pure. */

import * as Bytes from "effect/Bytes"
import * as Result from "effect/Result"
import * as Endpoint from "../../network/Endpoint.ts"
import type { Change, Dialect, Heartbeat, Peer } from "../Peer.ts"
import * as RivalIncarnation from "./RivalIncarnation.ts"
import * as Suspicion from "./Suspicion.ts"

/** How rows are judged. */
interface Settings<A> {
  readonly decode: (payload: Uint8Array, dialect: Dialect) => Result.Result<A, string>
  readonly self: string | undefined
  readonly patience: Suspicion.Patience
  readonly forgetAfter: number
  readonly maxPeers: number
  readonly period: number
}

/** What a table knows when it looks at a row. */
export interface Look<A> {
  readonly settings: Settings<A>
  /** The record of all peers together. */
  readonly network: Suspicion.Record
  /** The table's own clock, which stands still while the table was not looked at for long. */
  readonly time: number
  /** When it stood still last. */
  readonly wokeAt: number
}

/** What is known of a peer, and seldom changes. Times are those of the table, without its stalls. */
interface Known<A> extends Omit<Peer<A>, "age" | "missed" | "since" | "known" | "loss"> {
  readonly stateAt: number
  readonly startedAt: number
  /** The payload as it came: the Endpoint.same bytes are not read twice. */
  readonly bytes: Uint8Array
  readonly other: RivalIncarnation.OtherLife | undefined
}

/**
 * A peer, and what each of its packets changes: that is kept small, since with 200 peers that hear each other 40,000
 * packets come in a second, and each row lives for one interval, long enough to be dear to collect.
 */
export interface Row<A> {
  readonly known: Known<A>
  /** -1 where packets have none. */
  readonly sequence: number
  /** Which of the 31 packets up to `sequence` have come, the latest as the lowest bit. */
  readonly window: number
  /** Packets that were taken, of this incarnation. */
  readonly heard: number
  readonly heardAt: number
  readonly record: Suspicion.Record
  /** When it has to be looked at again, if nothing comes. */
  readonly due: number
}

const windowSize = 31

/** As if all had come: of what was before the first packet nothing is missing. */
const complete = -1

type Said<A> = Pick<Known<A>, "bytes" | "payload" | "invalid">

/** Keeps the last payload that could be read. */
const say = <A>(beat: Heartbeat, before: A | undefined, { decode }: Settings<A>): Said<A> => {
  const bytes = new Uint8Array(beat.payload)
  const read = decode(bytes, beat.dialect)
  return Result.isSuccess(read)
    ? { bytes, payload: read.success, invalid: undefined }
    : { bytes, payload: before, invalid: read.failure }
}

/** When a row changes by silence, or is forgotten: a whole number, which takes no memory of its own. */
const dueOf = <A>(
  { interval, self, state, stateAt }: Known<A>,
  heardAt: number,
  record: Suspicion.Record,
  { forgetAfter, patience }: Settings<A>,
  network: Suspicion.Record
): number => {
  if (self) return Number.POSITIVE_INFINITY
  if (state === "down" || state === "left") return Math.ceil(stateAt + forgetAfter * interval)
  const { down, suspect } = Suspicion.deadlines(interval, record, network, patience)
  return Math.ceil(heardAt + (state === "alive" ? suspect : down))
}

/** The first packet of a life, perhaps of a peer that has had others. */
export const make = <A>(beat: Heartbeat, { network, settings, time }: Look<A>, before?: Row<A> | undefined): Row<A> => {
  const known: Known<A> = {
    id: beat.id,
    name: beat.name,
    address: beat.from,
    dialect: beat.dialect,
    self: beat.id === settings.self,
    state: beat.goodbye ? "left" : "alive",
    incarnation: beat.incarnation,
    interval: beat.interval,
    conflict: false,
    ...say(beat, before?.known.payload, settings),
    stateAt: time,
    startedAt: time,
    other: before === undefined ? undefined : RivalIncarnation.former(before.known.incarnation, before.sequence, time)
  }
  const record = before?.record ?? Suspicion.empty
  return {
    known,
    sequence: beat.sequence ?? -1,
    window: complete,
    heard: 1,
    heardAt: time,
    record,
    due: dueOf(known, time, record, settings, network)
  }
}

/** What a packet makes of a row. */
export interface Heard<A> {
  readonly row: Row<A>
  readonly network: Suspicion.Record
  readonly changes: ReadonlyArray<Change<A>["_tag"]>
}

const none: ReadonlyArray<never> = []

const isSilent = ({ known: { state } }: Row<unknown>) => state === "down" || state === "left"

/**
 * What a packet tells of loss and lateness: nothing after a long silence, which is a break and no usual loss, nor after
 * a time in which nobody listened. But who is back soon was declared down by mistake, and that is to be learnt from.
 * A lost packet takes its time: without it, it was one of a quick few, or was lost by a receiver that slept.
 */
const measure = <A>(row: Row<A>, step: number, { network, settings, time, wokeAt }: Look<A>) => {
  const { interval, self, state } = row.known
  const { downAfter, most } = settings.patience
  const silence = time - row.heardAt
  const tardy = Math.min(downAfter * interval, Math.max(0, silence - step * interval))
  const isUsual = step <= (state === "down" ? 2 * downAfter : most) && state !== "left"
  if (self || row.heardAt < wokeAt || !isUsual) return { record: row.record, network, window: complete }
  const lost = Math.min(step - 1, Math.floor(silence / interval))
  return {
    record: Suspicion.heard(row.record, lost, tardy),
    network: Suspicion.heard(network, lost, 0, "network"),
    window: lost < step - 1 ? complete : step < windowSize ? (row.window << step) | 1 : 1
  }
}

/** The Endpoint.same value where nothing of it has changed. */
const knownOf = <A>(known: Known<A>, beat: Heartbeat, { settings, time }: Look<A>): Known<A> => {
  const { address, interval, name } = known
  const state = beat.goodbye ? "left" : "alive"
  const conflict = known.conflict && time - known.other!.at <= settings.patience.downAfter * interval
  const isAsBefore =
    state === known.state && conflict === known.conflict && name === beat.name && interval === beat.interval
  const isSaid = Bytes.Equivalence(known.bytes, beat.payload)
  if (isAsBefore && isSaid && Endpoint.same(address, beat.from)) return known
  return {
    ...known,
    ...(isSaid ? undefined : say(beat, known.payload, settings)),
    name: beat.name,
    address: beat.from,
    state,
    interval: beat.interval,
    conflict,
    stateAt: state === known.state ? known.stateAt : time
  }
}

/** A packet of its sender's present life, later than all before. */
const next = <A>(row: Row<A>, beat: Heartbeat, look: Look<A>): Heard<A> => {
  const { settings, time } = look
  const step = beat.sequence === undefined ? 1 : beat.sequence - row.sequence
  const { network, record, window } = measure(row, step, look)
  const known = knownOf(row.known, beat, look)
  const after: Row<A> = {
    known,
    sequence: beat.sequence ?? -1,
    window,
    heard: row.heard + 1,
    heardAt: time,
    record,
    due: dueOf(known, time, record, settings, network)
  }
  return { row: after, network, changes: known === row.known ? none : changesOf(row.known, known) }
}

const changesOf = <A>(before: Known<A>, after: Known<A>): ReadonlyArray<Change<A>["_tag"]> => {
  const changes: Array<Change<A>["_tag"]> = []
  if (after.state !== before.state) changes.push(after.state === "left" ? "Left" : "Alive")
  if (after.bytes !== before.bytes || after.name !== before.name) changes.push("Updated")
  return changes
}

/** A packet that was overtaken, or came twice. */
const late = <A>(row: Row<A>, age: number, network: Suspicion.Record): Heard<A> => {
  const missing = 1 << age
  if ((row.window & missing) !== 0) return { row, network, changes: none }
  return {
    row: { ...row, window: row.window | missing, record: Suspicion.found(row.record) },
    network: Suspicion.found(network),
    changes: none
  }
}

/** Nobody is told that oneself is silent, so the state does not show it. */
const isQuiet = <A>({ heardAt, known }: Row<A>, { settings, time }: Look<A>) =>
  known.state !== "alive" || (known.self && time - heardAt > settings.patience.suspectAfter * known.interval)

/** A packet of another life, which is the present one if it is a later one, or if it goes on and the known one not. */
const otherwise = <A>(row: Row<A>, beat: Heartbeat, look: Look<A>): Heard<A> => {
  const { network, settings, time } = look
  const { known } = row
  const { incarnation, sequence = 0 } = beat
  const isLater = incarnation > known.incarnation && incarnation !== known.other?.incarnation
  const patience = settings.patience.downAfter * known.interval
  const other = RivalIncarnation.hear(known.other, incarnation, sequence, row.heard, time, patience)
  if (!isLater && (other === known.other || other === undefined)) return { row, network, changes: none }
  const isReturn =
    other?.incarnation === incarnation &&
    !beat.goodbye &&
    isQuiet(row, look) &&
    RivalIncarnation.isLasting(other, known.interval, time)
  if (isLater || isReturn) {
    const fresh = make(beat, look, row)
    return { row: fresh, network, changes: isSilent(fresh) ? ["Restarted", "Left"] : ["Restarted"] }
  }
  const isRival = incarnation !== known.incarnation && RivalIncarnation.isRival(other!, known.interval, time)
  const changes = isRival && !known.conflict ? (["Conflict"] as const) : none
  return { row: { ...row, known: { ...known, other, conflict: known.conflict || isRival } }, network, changes }
}

/** What a packet of this peer makes of its row. */
export const receive = <A>(row: Row<A>, beat: Heartbeat, look: Look<A>): Heard<A> => {
  if (beat.incarnation !== row.known.incarnation) return otherwise(row, beat, look)
  const age = beat.sequence === undefined ? -1 : row.sequence - beat.sequence
  if (age < 0) return next(row, beat, look)
  return age < windowSize ? late(row, age, look.network) : otherwise(row, beat, look)
}

/** What silence makes of a row that is due; undefined when it is to be forgotten. */
export const tick = <A>(row: Row<A>, { network, settings, time }: Look<A>): Row<A> | undefined => {
  if (isSilent(row)) return undefined
  const { heardAt, known: before, record } = row
  const { down, suspect } = Suspicion.deadlines(before.interval, record, network, settings.patience)
  const silence = time - heardAt
  const state = silence >= down ? "down" : silence >= suspect ? "suspect" : before.state
  const known = state === before.state ? before : { ...before, state, stateAt: time }
  return { ...row, known, due: dueOf(known, heardAt, record, settings, network) }
}

/** A row as it is shown. */
export const view = <A>({ heardAt, known, record }: Row<A>, network: Suspicion.Record, time: number): Peer<A> => ({
  id: known.id,
  name: known.name,
  address: known.address,
  dialect: known.dialect,
  self: known.self,
  state: known.state,
  incarnation: known.incarnation,
  interval: known.interval,
  payload: known.payload,
  invalid: known.invalid,
  conflict: known.conflict,
  age: time - heardAt,
  missed: Math.floor((time - heardAt) / known.interval),
  since: time - known.stateAt,
  known: time - known.startedAt,
  loss: Suspicion.loss(record, network)
})
