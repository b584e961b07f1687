/** One peer's line in a table: what a packet of its own, or its silence, makes of it. Pure. */
import * as Result from "effect/Result"
import * as OtherLife from "./OtherLife.ts"
import type { Change, Dialect, Heartbeat, Peer } from "./Peer.ts"
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

/** Times are those of the table, without its stalls. */
export interface Row<A> extends Omit<Peer<A>, "age" | "missed" | "since" | "known" | "loss"> {
  /** -1 where packets have none. */
  readonly sequence: number
  /** Which of the 31 packets up to `sequence` have come, the latest as the lowest bit. */
  readonly window: number
  /** Packets that were taken, of this incarnation. */
  readonly heard: number
  readonly heardAt: number
  readonly stateAt: number
  readonly startedAt: number
  /** The payload as it came: the same bytes are not read twice. */
  readonly bytes: Uint8Array
  readonly record: Suspicion.Record
  readonly other: OtherLife.OtherLife | undefined
  /** When it has to be looked at again, if nothing comes. */
  readonly due: number
}

const windowSize = 31

/** As if all had come: of what was before the first packet nothing is missing. */
const complete = -1

const isSame = (one: Uint8Array, other: Uint8Array) => {
  if (one === other) return true
  if (one.length !== other.length) return false
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false
  return true
}

type Said<A> = Pick<Row<A>, "bytes" | "payload" | "invalid">

/** Keeps the last payload that could be read. */
const say = <A>(beat: Heartbeat, before: A | undefined, { decode }: Settings<A>): Said<A> => {
  const bytes = new Uint8Array(beat.payload)
  const read = decode(bytes, beat.dialect)
  return Result.isSuccess(read)
    ? { bytes, payload: read.success, invalid: undefined }
    : { bytes, payload: before, invalid: read.failure }
}

/** When a row changes by silence, or is forgotten. */
const dueOf = <A>(
  row: Omit<Row<A>, "due">,
  { forgetAfter, patience }: Settings<A>,
  network: Suspicion.Record
): number => {
  if (row.self) return Number.POSITIVE_INFINITY
  if (row.state === "down" || row.state === "left") return row.stateAt + forgetAfter * row.interval
  const { down, suspect } = Suspicion.deadlines(row.interval, row.record, network, patience)
  return row.heardAt + (row.state === "alive" ? suspect : down)
}

const due = <A>(row: Omit<Row<A>, "due">, settings: Settings<A>, network: Suspicion.Record): Row<A> => ({
  ...row,
  due: dueOf(row, settings, network)
})

/** The first packet of a life, perhaps of a peer that has had others. */
export const make = <A>(beat: Heartbeat, { network, settings, time }: Look<A>, before?: Row<A> | undefined): Row<A> =>
  due(
    {
      id: beat.id,
      name: beat.name,
      address: beat.from,
      dialect: beat.dialect,
      self: beat.id === settings.self,
      state: beat.goodbye ? "left" : "alive",
      incarnation: beat.incarnation,
      interval: beat.interval,
      conflict: false,
      ...say(beat, before?.payload, settings),
      sequence: beat.sequence ?? -1,
      window: complete,
      heard: 1,
      heardAt: time,
      stateAt: time,
      startedAt: time,
      record: before?.record ?? Suspicion.empty,
      other: before === undefined ? undefined : OtherLife.former(before.incarnation, before.sequence, time)
    },
    settings,
    network
  )

/** What a packet makes of a row. */
export interface Heard<A> {
  readonly row: Row<A>
  readonly network: Suspicion.Record
  readonly changes: ReadonlyArray<Change<A>["_tag"]>
}

const none: ReadonlyArray<never> = []

const isSilent = ({ state }: Row<unknown>) => state === "down" || state === "left"

/**
 * What a packet tells of loss and lateness: nothing after a long silence, which is a break and no usual loss, nor after
 * a time in which nobody listened. But who is back soon was declared down by mistake, and that is to be learnt from.
 * A lost packet takes its time: without it, it was one of a quick few, or was lost by a receiver that slept.
 */
const measure = <A>(row: Row<A>, step: number, { network, settings, time, wokeAt }: Look<A>) => {
  const { downAfter, most } = settings.patience
  const silence = time - row.heardAt
  const tardy = Math.min(downAfter * row.interval, Math.max(0, silence - step * row.interval))
  const isUsual = step <= (row.state === "down" ? 2 * downAfter : most) && row.state !== "left"
  if (row.self || row.heardAt < wokeAt || !isUsual) return { record: row.record, network, window: complete }
  const lost = Math.min(step - 1, Math.floor(silence / row.interval))
  return {
    record: Suspicion.heard(row.record, lost, tardy),
    network: Suspicion.heard(network, lost, 0, "network"),
    window: lost < step - 1 ? complete : step < windowSize ? (row.window << step) | 1 : 1
  }
}

/** A packet of its sender's present life, later than all before. */
const next = <A>(row: Row<A>, beat: Heartbeat, look: Look<A>): Heard<A> => {
  const { settings, time } = look
  const step = beat.sequence === undefined ? 1 : beat.sequence - row.sequence
  const { network, record, window } = measure(row, step, look)
  const said = isSame(row.bytes, beat.payload) ? row : say(beat, row.payload, settings)
  const state = beat.goodbye ? "left" : "alive"
  const after: Omit<Row<A>, "due"> = {
    id: row.id,
    name: beat.name,
    address: beat.from,
    dialect: row.dialect,
    self: row.self,
    state,
    incarnation: row.incarnation,
    interval: beat.interval,
    conflict: row.conflict && time - row.other!.at <= settings.patience.downAfter * row.interval,
    bytes: said.bytes,
    payload: said.payload,
    invalid: said.invalid,
    sequence: beat.sequence ?? -1,
    window,
    heard: row.heard + 1,
    heardAt: time,
    stateAt: state === row.state ? row.stateAt : time,
    startedAt: row.startedAt,
    record,
    other: row.other
  }
  const isUpdated = said !== row || beat.name !== row.name
  const changes: Array<Change<A>["_tag"]> = []
  if (state !== row.state) changes.push(state === "left" ? "Left" : "Alive")
  if (isUpdated) changes.push("Updated")
  return { row: due(after, settings, network), network, changes: changes.length === 0 ? none : changes }
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
const isQuiet = <A>(row: Row<A>, { settings, time }: Look<A>) =>
  row.state !== "alive" || (row.self && time - row.heardAt > settings.patience.suspectAfter * row.interval)

/** A packet of another life, which is the present one if it is a later one, or if it goes on and the known one not. */
const otherwise = <A>(row: Row<A>, beat: Heartbeat, look: Look<A>): Heard<A> => {
  const { network, settings, time } = look
  const { incarnation, sequence = 0 } = beat
  const isLater = incarnation > row.incarnation && incarnation !== row.other?.incarnation
  const patience = settings.patience.downAfter * row.interval
  const other = OtherLife.hear(row.other, incarnation, sequence, row.heard, time, patience)
  if (!isLater && (other === row.other || other === undefined)) return { row, network, changes: none }
  const isReturn =
    other?.incarnation === incarnation && isQuiet(row, look) && OtherLife.isLasting(other, row.interval, time)
  if (isLater || isReturn) {
    const fresh = make(beat, look, row)
    return { row: fresh, network, changes: fresh.state === "left" ? ["Restarted", "Left"] : ["Restarted"] }
  }
  const isRival = incarnation !== row.incarnation && OtherLife.isRival(other!, row.interval, time)
  const changes = isRival && !row.conflict ? (["Conflict"] as const) : none
  return { row: { ...row, other, conflict: row.conflict || isRival }, network, changes }
}

/** What a packet of this peer makes of its row. */
export const receive = <A>(row: Row<A>, beat: Heartbeat, look: Look<A>): Heard<A> => {
  if (beat.incarnation !== row.incarnation) return otherwise(row, beat, look)
  const age = beat.sequence === undefined ? -1 : row.sequence - beat.sequence
  if (age < 0) return next(row, beat, look)
  return age < windowSize ? late(row, age, look.network) : otherwise(row, beat, look)
}

/** What silence makes of a row that is due; undefined when it is to be forgotten. */
export const tick = <A>(row: Row<A>, { network, settings, time }: Look<A>): Row<A> | undefined => {
  if (isSilent(row)) return undefined
  const { down, suspect } = Suspicion.deadlines(row.interval, row.record, network, settings.patience)
  const silence = time - row.heardAt
  const state = silence >= down ? "down" : silence >= suspect ? "suspect" : row.state
  return due({ ...row, state, stateAt: state === row.state ? row.stateAt : time }, settings, network)
}

/** A row as it is shown. */
export const view = <A>(row: Row<A>, network: Suspicion.Record, time: number): Peer<A> => ({
  id: row.id,
  name: row.name,
  address: row.address,
  dialect: row.dialect,
  self: row.self,
  state: row.state,
  incarnation: row.incarnation,
  interval: row.interval,
  payload: row.payload,
  invalid: row.invalid,
  conflict: row.conflict,
  age: time - row.heardAt,
  missed: Math.floor((time - row.heardAt) / row.interval),
  since: time - row.stateAt,
  known: time - row.startedAt,
  loss: Suspicion.loss(row.record, network)
})
