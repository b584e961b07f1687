/** Limits of a capture: when a file of a ring is full, and when the whole capture ends. Pure. */
import * as ByteSize from "effect/ByteSize"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"

/** Amounts of packets, each of them a limit. */
export interface Amounts {
  /** Size in bytes, headers included. */
  readonly bytes?: number | undefined
  readonly packets?: number | undefined
  /** Time from the first packet, in nanoseconds. */
  readonly nanos?: bigint | undefined
}

/** Converts amounts as a caller gives them. An infinite time does not limit. */
export const amountsOf = (given: {
  readonly size?: ByteSize.Input | undefined
  readonly time?: Duration.Input | undefined
  readonly packets?: number | undefined
}): Amounts => ({
  bytes: given.size === undefined ? undefined : Number(ByteSize.fromInputUnsafe(given.size)),
  packets: given.packets,
  nanos: given.time === undefined ? undefined : Option.getOrUndefined(Duration.toNanos(given.time))
})

/** The limits of a capture. */
export interface Limits {
  /** The limits of one file of a ring. Default: there is only one file. */
  readonly file?: Amounts | undefined
  /** The limits of the whole capture. Default: none. */
  readonly total?: Amounts | undefined
}

/** The limit that has ended a capture. */
export type Reached = "size" | "packets" | "time"

/** The amount that was written to a file, or in all. */
interface Usage {
  readonly bytes: number
  readonly packets: number
  /** Time of the first packet. */
  readonly since: bigint | undefined
}

/** The state of a capture with limits. */
export interface State {
  readonly file: Usage
  readonly total: Usage
  /** Number of the current file, from 1. */
  readonly files: number
  /** The limit that was reached; undefined while packets are written. */
  readonly reached: Reached | undefined
}

/** A packet to write. */
interface PacketEvent {
  readonly _tag: "Packet"
  readonly bytes: number
  readonly at: bigint
  /** Length of the header that a further file would have. */
  readonly headerBytes: number
  /** Length of the blocks at the end of each file. */
  readonly trailerBytes: number
}

/** An event: a block to write, or the end of the time of the capture. */
export type Event =
  /** A block without a packet, as the description of an interface. */
  { readonly _tag: "Header"; readonly bytes: number } | PacketEvent | { readonly _tag: "TimeOut" }

/** An action of the writer. */
export type Action = "Write" | "NextFile" | "Stop"

const empty: Usage = { bytes: 0, packets: 0, since: undefined }

/** The state at the start: the first file is empty. */
export const initial: State = { file: empty, total: empty, files: 1, reached: undefined }

/** Returns the limit that a packet would exceed; undefined if it fits. */
const exceeded = ({ bytes, nanos, packets }: Amounts, usage: Usage, packet: PacketEvent): Reached | undefined => {
  if (packets !== undefined && usage.packets >= packets) return "packets"
  if (bytes !== undefined && usage.bytes + packet.bytes + packet.trailerBytes > bytes) return "size"
  if (nanos !== undefined && usage.since !== undefined && packet.at - usage.since >= nanos) return "time"
  return undefined
}

const addPacket = ({ bytes, packets, since }: Usage, packet: PacketEvent): Usage => ({
  bytes: bytes + packet.bytes,
  packets: packets + 1,
  since: since ?? packet.at
})

const addBytes = (usage: Usage, bytes: number): Usage => ({ ...usage, bytes: usage.bytes + bytes })

const stop = (state: State, reached: Reached): readonly [State, ReadonlyArray<Action>] => [
  { ...state, reached },
  ["Stop"]
]

/** Writes a packet that the capture has space for, to the next file if the current one is full. */
const stepPacket = (
  { file: fileLimits, total: totalLimits = {} }: Limits,
  state: State,
  event: PacketEvent
): readonly [State, ReadonlyArray<Action>] => {
  // A file holds one packet at least: one that is larger than the limit has a file of its own.
  const isFull =
    fileLimits !== undefined && state.file.packets > 0 && exceeded(fileLimits, state.file, event) !== undefined
  const current = isFull
    ? {
        ...state,
        files: state.files + 1,
        file: addBytes(empty, event.headerBytes),
        total: addBytes(state.total, event.trailerBytes + event.headerBytes)
      }
    : state
  const reached = exceeded(totalLimits, current.total, event)
  if (reached !== undefined) return stop(state, reached)
  const next = { ...current, file: addPacket(current.file, event), total: addPacket(current.total, event) }
  const actions: ReadonlyArray<Action> = isFull ? ["NextFile", "Write"] : ["Write"]
  // The capture ends with its last packet, and not before the next one.
  return next.total.packets === totalLimits.packets
    ? [{ ...next, reached: "packets" }, [...actions, "Stop"]]
    : [next, actions]
}

/**
 * Returns the next state and the actions, in order. A file or a capture is never larger than its limit, except for a
 * file of a ring whose only packet is larger. After the end the list of actions is empty.
 */
export const step = (limits: Limits, state: State, event: Event): readonly [State, ReadonlyArray<Action>] => {
  if (state.reached !== undefined) return [state, []]
  switch (event._tag) {
    case "Header":
      return [
        { ...state, file: addBytes(state.file, event.bytes), total: addBytes(state.total, event.bytes) },
        ["Write"]
      ]
    case "Packet":
      return stepPacket(limits, state, event)
    case "TimeOut":
      return stop(state, "time")
  }
}
