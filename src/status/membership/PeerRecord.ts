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
  readonly thresholds: Suspicion.SuspicionThresholds
  readonly forgetAfter: number
  readonly maxPeers: number
  readonly tickPeriod: number
}

/** What a table knows when it looks at a record. */
export interface TableContext<A> {
  readonly settings: Settings<A>
  /** The record of all peers together. */
  readonly networkLoss: Suspicion.LossEstimate
  /** The table's own clock, which stands still while the table was not looked at for long. */
  readonly time: number
  /** When it stood still last. */
  readonly resumedAt: number
}

/** What is known of a peer, and seldom changes. Times are those of the table, without its stalls. */
interface PeerInfo<A> extends Omit<Peer<A>, "age" | "missed" | "stateAge" | "knownFor" | "loss"> {
  readonly stateChangedAt: number
  readonly startedAt: number
  /** The payload as it came: the Endpoint.same bytes are not read twice. */
  readonly payloadBytes: Uint8Array
  readonly rival: RivalIncarnation.RivalIncarnation | undefined
}

/**
 * A peer, and what each of its packets changes: that is kept small, since with 200 peers that hear each other 40,000
 * packets come in a second, and each record lives for one interval, long enough to be dear to collect.
 */
export interface PeerRecord<A> {
  readonly info: PeerInfo<A>
  /** -1 where packets have none. */
  readonly sequence: number
  /** Which of the 31 packets up to `sequence` have come, the latest as the lowest bit. */
  readonly receivedBitmap: number
  /** Packets that were taken, of this incarnation. */
  readonly received: number
  readonly receivedAt: number
  readonly loss: Suspicion.LossEstimate
  /** When it has to be looked at again, if nothing comes. */
  readonly nextCheckAt: number
}

const bitmapBits = 31

/** As if all had come: of what was before the first packet nothing is missing. */
const allReceived = -1

type PayloadFields<A> = Pick<PeerInfo<A>, "payloadBytes" | "payload" | "invalid">

/** Keeps the last payload that could be read. */
const decodePayload = <A>(heartbeat: Heartbeat, before: A | undefined, { decode }: Settings<A>): PayloadFields<A> => {
  const bytes = new Uint8Array(heartbeat.payload)
  const read = decode(bytes, heartbeat.dialect)
  return Result.isSuccess(read)
    ? { payloadBytes: bytes, payload: read.success, invalid: undefined }
    : { payloadBytes: bytes, payload: before, invalid: read.failure }
}

/** When a record changes by silence, or is forgotten: a whole number, which takes no memory of its own. */
const nextCheckOf = <A>(
  { interval, self, state, stateChangedAt }: PeerInfo<A>,
  receivedAt: number,
  loss: Suspicion.LossEstimate,
  { forgetAfter, thresholds }: Settings<A>,
  networkLoss: Suspicion.LossEstimate
): number => {
  if (self) return Number.POSITIVE_INFINITY
  if (state === "down" || state === "left") return Math.ceil(stateChangedAt + forgetAfter * interval)
  const { down, suspect } = Suspicion.deadlines(interval, loss, networkLoss, thresholds)
  return Math.ceil(receivedAt + (state === "alive" ? suspect : down))
}

/** The first packet of a life, perhaps of a peer that has had others. */
export const make = <A>(
  heartbeat: Heartbeat,
  { networkLoss, settings, time }: TableContext<A>,
  before?: PeerRecord<A> | undefined
): PeerRecord<A> => {
  const info: PeerInfo<A> = {
    id: heartbeat.id,
    name: heartbeat.name,
    address: heartbeat.from,
    dialect: heartbeat.dialect,
    self: heartbeat.id === settings.self,
    state: heartbeat.goodbye ? "left" : "alive",
    incarnation: heartbeat.incarnation,
    interval: heartbeat.interval,
    conflict: false,
    ...decodePayload(heartbeat, before?.info.payload, settings),
    stateChangedAt: time,
    startedAt: time,
    rival:
      before === undefined ? undefined : RivalIncarnation.superseded(before.info.incarnation, before.sequence, time)
  }
  const loss = before?.loss ?? Suspicion.empty
  return {
    info,
    sequence: heartbeat.sequence ?? -1,
    receivedBitmap: allReceived,
    received: 1,
    receivedAt: time,
    loss,
    nextCheckAt: nextCheckOf(info, time, loss, settings, networkLoss)
  }
}

/** What a packet makes of a record. */
export interface ReceiveResult<A> {
  readonly record: PeerRecord<A>
  readonly networkLoss: Suspicion.LossEstimate
  readonly changes: ReadonlyArray<Change<A>["_tag"]>
}

const noChanges: ReadonlyArray<never> = []

const isDownOrLeft = ({ info: { state } }: PeerRecord<unknown>) => state === "down" || state === "left"

/**
 * What a packet tells of loss and lateness: nothing after a long silence, which is a break and no usual loss, nor after
 * a time in which nobody listened. But who is back soon was declared down by mistake, and that is to be learnt from.
 * A lost packet takes its time: without it, it was one of a quick few, or was lost by a receiver that slept.
 */
const updateLoss = <A>(
  record: PeerRecord<A>,
  advance: number,
  { networkLoss, settings, time, resumedAt }: TableContext<A>
) => {
  const { interval, self, state } = record.info
  const { downAfter, maxMissed } = settings.thresholds
  const silence = time - record.receivedAt
  const latenessMillis = Math.min(downAfter * interval, Math.max(0, silence - advance * interval))
  const isLossEvidence = advance <= (state === "down" ? 2 * downAfter : maxMissed) && state !== "left"
  if (self || record.receivedAt < resumedAt || !isLossEvidence)
    return { loss: record.loss, networkLoss, receivedBitmap: allReceived }
  const lost = Math.min(advance - 1, Math.floor(silence / interval))
  return {
    loss: Suspicion.addReceived(record.loss, lost, latenessMillis),
    networkLoss: Suspicion.addReceived(networkLoss, lost, 0, "network"),
    receivedBitmap: lost < advance - 1 ? allReceived : advance < bitmapBits ? (record.receivedBitmap << advance) | 1 : 1
  }
}

/** The Endpoint.same value where nothing of it has changed. */
const updateInfo = <A>(info: PeerInfo<A>, heartbeat: Heartbeat, { settings, time }: TableContext<A>): PeerInfo<A> => {
  const { address, interval, name } = info
  const state = heartbeat.goodbye ? "left" : "alive"
  const conflict = info.conflict && time - info.rival!.lastAt <= settings.thresholds.downAfter * interval
  const isUnchanged =
    state === info.state && conflict === info.conflict && name === heartbeat.name && interval === heartbeat.interval
  const isSamePayload = Bytes.Equivalence(info.payloadBytes, heartbeat.payload)
  if (isUnchanged && isSamePayload && Endpoint.equals(address, heartbeat.from)) return info
  return {
    ...info,
    ...(isSamePayload ? undefined : decodePayload(heartbeat, info.payload, settings)),
    name: heartbeat.name,
    address: heartbeat.from,
    state,
    interval: heartbeat.interval,
    conflict,
    stateChangedAt: state === info.state ? info.stateChangedAt : time
  }
}

/** A packet of its sender's present life, later than all before. */
const receiveNext = <A>(record: PeerRecord<A>, heartbeat: Heartbeat, context: TableContext<A>): ReceiveResult<A> => {
  const { settings, time } = context
  const advance = heartbeat.sequence === undefined ? 1 : heartbeat.sequence - record.sequence
  const { loss, networkLoss, receivedBitmap } = updateLoss(record, advance, context)
  const info = updateInfo(record.info, heartbeat, context)
  const after: PeerRecord<A> = {
    info,
    sequence: heartbeat.sequence ?? -1,
    receivedBitmap,
    received: record.received + 1,
    receivedAt: time,
    loss,
    nextCheckAt: nextCheckOf(info, time, loss, settings, networkLoss)
  }
  return { record: after, networkLoss, changes: info === record.info ? noChanges : changesOf(record.info, info) }
}

const changesOf = <A>(before: PeerInfo<A>, after: PeerInfo<A>): ReadonlyArray<Change<A>["_tag"]> => {
  const changes: Array<Change<A>["_tag"]> = []
  if (after.state !== before.state) changes.push(after.state === "left" ? "Left" : "Alive")
  if (after.payloadBytes !== before.payloadBytes || after.name !== before.name) changes.push("Updated")
  return changes
}

/** A packet that was overtaken, or came twice. */
const receiveLate = <A>(record: PeerRecord<A>, age: number, networkLoss: Suspicion.LossEstimate): ReceiveResult<A> => {
  const bit = 1 << age
  if ((record.receivedBitmap & bit) !== 0) return { record, networkLoss, changes: noChanges }
  return {
    record: { ...record, receivedBitmap: record.receivedBitmap | bit, loss: Suspicion.retractLoss(record.loss) },
    networkLoss: Suspicion.retractLoss(networkLoss),
    changes: noChanges
  }
}

/** Nobody is told that oneself is silent, so the state does not show it. */
const isUnresponsive = <A>({ receivedAt, info }: PeerRecord<A>, { settings, time }: TableContext<A>) =>
  info.state !== "alive" || (info.self && time - receivedAt > settings.thresholds.suspectAfter * info.interval)

/** A packet of another life, which is the present one if it is a later one, or if it goes on and the known one not. */
const receiveOtherIncarnation = <A>(
  record: PeerRecord<A>,
  heartbeat: Heartbeat,
  context: TableContext<A>
): ReceiveResult<A> => {
  const { networkLoss, settings, time } = context
  const { info } = record
  const { incarnation, sequence = 0 } = heartbeat
  const isNewer = incarnation > info.incarnation && incarnation !== info.rival?.incarnation
  const silenceLimit = settings.thresholds.downAfter * info.interval
  const rival = RivalIncarnation.receive(info.rival, incarnation, sequence, record.received, time, silenceLimit)
  if (!isNewer && (rival === info.rival || rival === undefined)) return { record, networkLoss, changes: noChanges }
  const replacesCurrent =
    rival?.incarnation === incarnation &&
    !heartbeat.goodbye &&
    isUnresponsive(record, context) &&
    RivalIncarnation.isSustained(rival, info.interval, time)
  if (isNewer || replacesCurrent) {
    const restarted = make(heartbeat, context, record)
    return { record: restarted, networkLoss, changes: isDownOrLeft(restarted) ? ["Restarted", "Left"] : ["Restarted"] }
  }
  const isRival = incarnation !== info.incarnation && RivalIncarnation.isConflict(rival!, info.interval, time)
  const changes = isRival && !info.conflict ? (["Conflict"] as const) : noChanges
  return { record: { ...record, info: { ...info, rival, conflict: info.conflict || isRival } }, networkLoss, changes }
}

/** What a packet of this peer makes of its record. */
export const receive = <A>(record: PeerRecord<A>, heartbeat: Heartbeat, context: TableContext<A>): ReceiveResult<A> => {
  if (heartbeat.incarnation !== record.info.incarnation) return receiveOtherIncarnation(record, heartbeat, context)
  const age = heartbeat.sequence === undefined ? -1 : record.sequence - heartbeat.sequence
  if (age < 0) return receiveNext(record, heartbeat, context)
  return age < bitmapBits
    ? receiveLate(record, age, context.networkLoss)
    : receiveOtherIncarnation(record, heartbeat, context)
}

/** What silence makes of a record that is due; undefined when it is to be forgotten. */
export const tick = <A>(
  record: PeerRecord<A>,
  { networkLoss, settings, time }: TableContext<A>
): PeerRecord<A> | undefined => {
  if (isDownOrLeft(record)) return undefined
  const { receivedAt, info: before, loss } = record
  const { down, suspect } = Suspicion.deadlines(before.interval, loss, networkLoss, settings.thresholds)
  const silence = time - receivedAt
  const state = silence >= down ? "down" : silence >= suspect ? "suspect" : before.state
  const info = state === before.state ? before : { ...before, state, stateChangedAt: time }
  return { ...record, info, nextCheckAt: nextCheckOf(info, receivedAt, loss, settings, networkLoss) }
}

/** A record as it is shown. */
export const view = <A>(
  { receivedAt, info, loss }: PeerRecord<A>,
  network: Suspicion.LossEstimate,
  time: number
): Peer<A> => ({
  id: info.id,
  name: info.name,
  address: info.address,
  dialect: info.dialect,
  self: info.self,
  state: info.state,
  incarnation: info.incarnation,
  interval: info.interval,
  payload: info.payload,
  invalid: info.invalid,
  conflict: info.conflict,
  age: time - receivedAt,
  missed: Math.floor((time - receivedAt) / info.interval),
  stateAge: time - info.stateChangedAt,
  knownFor: time - info.startedAt,
  loss: Suspicion.lossRate(loss, network)
})
