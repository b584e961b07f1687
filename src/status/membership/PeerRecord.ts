/** Record of one peer in a table, and its transitions by packets and by silence. Pure. */

import * as Bytes from "effect/Bytes"
import * as Result from "effect/Result"
import * as Endpoint from "../../network/Endpoint.ts"
import type { Change, Dialect, Heartbeat, Peer } from "../Peer.ts"
import * as RivalIncarnation from "./RivalIncarnation.ts"
import * as Suspicion from "./Suspicion.ts"

/** Settings of a table. */
interface Settings<A> {
  readonly decode: (payload: Uint8Array, dialect: Dialect) => Result.Result<A, string>
  readonly self: string | undefined
  readonly thresholds: Suspicion.SuspicionThresholds
  readonly forgetAfter: number
  readonly maxPeers: number
  readonly tickPeriod: number
}

/** State of the table that the transitions of a record need. */
export interface TableContext<A> {
  readonly settings: Settings<A>
  /** Loss estimate of all peers together. */
  readonly networkLoss: Suspicion.LossEstimate
  /** Milliseconds of the table's clock, which does not advance while the table's owner is stalled. */
  readonly time: number
  /** Time of the last stall. */
  readonly resumedAt: number
}

/** Rarely changing facts of a peer. Times are those of the table's clock. */
interface PeerInfo<A> extends Omit<Peer<A>, "age" | "missed" | "stateAge" | "knownFor" | "loss"> {
  readonly stateChangedAt: number
  readonly startedAt: number
  /** Encoded payload; equal bytes are not decoded again. */
  readonly payloadBytes: Uint8Array
  readonly rival: RivalIncarnation.RivalIncarnation | undefined
}

/**
 * Record of a peer. The fields that each packet changes are kept few: with 200 peers that receive each other, 40,000
 * packets a second arrive, and each record exists for one interval, long enough to be expensive to collect.
 */
export interface PeerRecord<A> {
  readonly info: PeerInfo<A>
  /** Sequence number of the latest packet; -1 in the course's dialect. */
  readonly sequence: number
  /** Bitmap of the last 31 packets that arrived; the lowest bit is the latest one. */
  readonly receivedBitmap: number
  /** Packets accepted from this incarnation. */
  readonly received: number
  readonly receivedAt: number
  readonly loss: Suspicion.LossEstimate
  /** Time of the next check if no packet arrives. */
  readonly nextCheckAt: number
}

const bitmapBits = 31

/** Bitmap without a missing packet: packets before the first one do not count as missing. */
const allReceivedBits = -1

type PayloadFields<A> = Pick<PeerInfo<A>, "payloadBytes" | "payload" | "invalid">

/** Decodes a payload; keeps the previous one if that fails. */
const decodePayload = <A>(heartbeat: Heartbeat, before: A | undefined, { decode }: Settings<A>): PayloadFields<A> => {
  const bytes = new Uint8Array(heartbeat.payload)
  const read = decode(bytes, heartbeat.dialect)
  return Result.isSuccess(read)
    ? { payloadBytes: bytes, payload: read.success, invalid: undefined }
    : { payloadBytes: bytes, payload: before, invalid: read.failure }
}

/**
 * Returns the time at which silence changes the record or removes it: a whole number, which V8 stores without
 * allocation.
 */
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

/** Makes the record for the first packet of an incarnation; `before` is the record of the previous incarnation. */
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
    receivedBitmap: allReceivedBits,
    received: 1,
    receivedAt: time,
    loss,
    nextCheckAt: nextCheckOf(info, time, loss, settings, networkLoss)
  }
}

/** Result of a packet. */
export interface ReceiveResult<A> {
  readonly record: PeerRecord<A>
  readonly networkLoss: Suspicion.LossEstimate
  readonly changes: ReadonlyArray<Change<A>["_tag"]>
}

const noChanges: ReadonlyArray<never> = []

const isDownOrLeft = ({ info: { state } }: PeerRecord<unknown>) => state === "down" || state === "left"

/**
 * Updates the loss and lateness estimates. A long silence is an outage and not counted as loss, and neither is a time
 * in which the receiver itself was stalled. A peer that returns soon after it was declared down was declared so by
 * mistake, so that silence counts. Losses are limited to the intervals that have passed: more missing sequence numbers
 * come from extra packets, or from packets dropped by a stalled receiver.
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
    return { loss: record.loss, networkLoss, receivedBitmap: allReceivedBits }
  const lost = Math.min(advance - 1, Math.floor(silence / interval))
  return {
    loss: Suspicion.addReceived(record.loss, lost, latenessMillis),
    networkLoss: Suspicion.addReceived(networkLoss, lost, 0, "network"),
    receivedBitmap:
      lost < advance - 1 ? allReceivedBits : advance < bitmapBits ? (record.receivedBitmap << advance) | 1 : 1
  }
}

/** Returns the same object if no fact has changed. */
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

/** Applies the next packet of the current incarnation. */
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

/** Applies an overtaken packet; ignores a duplicate. */
const receiveLate = <A>(record: PeerRecord<A>, age: number, networkLoss: Suspicion.LossEstimate): ReceiveResult<A> => {
  const bit = 1 << age
  if ((record.receivedBitmap & bit) !== 0) return { record, networkLoss, changes: noChanges }
  return {
    record: { ...record, receivedBitmap: record.receivedBitmap | bit, loss: Suspicion.retractLoss(record.loss) },
    networkLoss: Suspicion.retractLoss(networkLoss),
    changes: noChanges
  }
}

/** A peer's own state stays `alive` during silence, so its silence is computed here. */
const isUnresponsive = <A>({ receivedAt, info }: PeerRecord<A>, { settings, time }: TableContext<A>) =>
  info.state !== "alive" || (info.self && time - receivedAt > settings.thresholds.suspectAfter * info.interval)

/**
 * Applies a packet of another incarnation. It replaces the current one if it is newer, or if it continues while the
 * current one is silent.
 */
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

/** Applies a packet of this peer. */
export const receive = <A>(record: PeerRecord<A>, heartbeat: Heartbeat, context: TableContext<A>): ReceiveResult<A> => {
  if (heartbeat.incarnation !== record.info.incarnation) return receiveOtherIncarnation(record, heartbeat, context)
  const age = heartbeat.sequence === undefined ? -1 : record.sequence - heartbeat.sequence
  if (age < 0) return receiveNext(record, heartbeat, context)
  return age < bitmapBits
    ? receiveLate(record, age, context.networkLoss)
    : receiveOtherIncarnation(record, heartbeat, context)
}

/** Applies silence to a record whose check is due; undefined if the peer is forgotten. */
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

/** Returns the public view of a record. */
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
