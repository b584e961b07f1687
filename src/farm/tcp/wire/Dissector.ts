/**
 * Dissector of the protocol between a farm and its worker servers, for captures. Pure.
 *
 * **Example** (The first bytes of a farm)
 *
 * ```ts
 * import { Dissector } from "effect-inet/farm"
 *
 * const [from, to] = [{ address: "192.0.2.1", port: 40_000 }, { address: "192.0.2.2", port: 1070 }]
 * const frame = '{"_tag":"Ping"}'
 * const preamble = Uint8Array.of(0x45, 0x46, 0x49, 0xff, 0x4e, 0x45, 0x54, 0x80)
 * const bytes = Uint8Array.of(...preamble, 0, 0, 0, frame.length, ...Buffer.from(frame))
 * Dissector.dissector.dissect({ transport: "tcp", kind: "data", from, to, bytes })?.summary // => "Ping, 15 bytes"
 * ```
 */
import * as FieldDissector from "../../../network/dissect/FieldDissector.ts"
import * as Protocol from "./Protocol.ts"

/** Length of the length of a frame, in bytes. */
const headerBytes = 4

/** Bytes of a frame that are kept: enough for its kind and its number. */
const maxHeadBytes = 64

/** State of a direction: the start of a frame, and the number of its bytes that are still to come. */
interface Direction {
  readonly head: Uint8Array
  /** Undefined until the length of the frame is known. */
  readonly left: number | undefined
  /** Bytes are missing: a frame begins with the next segment that has the form of frames. */
  readonly isLost?: boolean
}

/** State of a connection. */
interface State {
  readonly client: Direction
  readonly server: Direction
  /** Bytes of the preamble that have been seen. */
  readonly preambleBytes: number
  /** The sides have a key, so that what follows the handshake is encrypted. */
  readonly hasKey: boolean
  /** Frames can no longer be told apart. */
  readonly isSealed: boolean
}

const none: Uint8Array = new Uint8Array(0)
const fresh: Direction = { head: none, left: undefined }
const lost: Direction = { ...fresh, isLost: true }
const initial: State = { client: fresh, server: fresh, preambleBytes: 0, hasKey: false, isSealed: false }

const isPreamble = (bytes: Uint8Array) =>
  bytes.length >= Protocol.preamble.length && Protocol.preamble.every((byte, at) => bytes[at] === byte)

const partNames: Readonly<Record<number, string>> = { 1: "Work", 2: "Done", 3: "Part" }

/** Describes a frame by its first bytes. */
const frameOf = (head: Uint8Array, length: number): FieldDissector.FieldDissection | undefined => {
  const view = new DataView(head.buffer, head.byteOffset, head.length)
  const name =
    head[0] === 0x7b
      ? /^\{"_tag":"([A-Za-z]{1,20})"/.exec(new TextDecoder().decode(head))?.[1]
      : partNames[(head[0] ?? 0) & 0x7f]
  if (name === undefined) return undefined
  const hasId = (name === "Work" || name === "Done") && head.length >= 5
  const id = hasId ? view.getUint32(1) : undefined
  return {
    kind: name.toUpperCase(),
    summary: `${name}${id === undefined ? "" : ` ${id}`}, ${length} bytes`,
    fields: [["farm.message", name], ...(id === undefined ? [] : [["farm.id", id] as const])]
  }
}

const concat = (one: Uint8Array, other: Uint8Array) => {
  const bytes = new Uint8Array(one.length + other.length)
  bytes.set(one)
  bytes.set(other, one.length)
  return bytes
}

/** Result of the bytes of one frame: the direction after them, and a frame that they complete. */
interface Progress {
  readonly direction: Direction
  readonly at: number
  readonly frame?: readonly [head: Uint8Array, length: number] | undefined
}

const advance = ({ head, left }: Direction, bytes: Uint8Array, at: number): Progress => {
  if (left === undefined) {
    const end = Math.min(bytes.length, at + headerBytes - head.length)
    const all = concat(head, bytes.subarray(at, end))
    if (all.length < headerBytes) return { direction: { head: all, left }, at: end }
    const length = new DataView(all.buffer).getUint32(0)
    return { direction: { head: all, left: length }, at: end }
  }
  const end = Math.min(bytes.length, at + left)
  const wanted = Math.max(0, headerBytes + maxHeadBytes - head.length)
  const all = concat(head, bytes.subarray(at, Math.min(end, at + wanted)))
  const rest = left - (end - at)
  if (rest > 0) return { direction: { head: all, left: rest }, at: end }
  const length = new DataView(all.buffer).getUint32(0)
  return { direction: fresh, at: end, frame: [all.subarray(headerBytes), length] }
}

/** Shortest frames by their first byte, without the bit of a part. */
const leastBytes: Readonly<Record<number, number>> = { 1: 6, 2: 14, 3: 2 }

/** Tests whether bytes are frames of a session, of which the last may be incomplete. */
const areFrames = (bytes: Uint8Array): boolean => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let at = 0
  while (at + headerBytes < bytes.length) {
    const length = view.getUint32(at)
    const start = at + headerBytes
    const first = bytes[start]!
    const least = first === 0x7b ? 2 : leastBytes[first & 0x7f]
    if (least === undefined || length < least || length > Protocol.frameLimitBytes.session) return false
    at = start + length
    // The name in an incomplete frame may be cut.
    if (at <= bytes.length && frameOf(bytes.subarray(start, Math.min(at, start + maxHeadBytes)), length) === undefined)
      return false
  }
  return at > 0
}

/** Returns the state for bytes that follow missing ones: frames begin here, or are lost until they do. */
const resumed = (state: State, { bytes, fromClient }: FieldDissector.StreamBytes): State => {
  const direction = areFrames(bytes) ? fresh : lost
  if (fromClient) {
    const preambleBytes = isPreamble(bytes) ? 0 : Protocol.preamble.length
    return { ...state, preambleBytes, client: preambleBytes === 0 ? fresh : direction }
  }
  return { ...state, preambleBytes: Protocol.preamble.length, server: direction }
}

type Step = readonly [State, ReadonlyArray<FieldDissector.FieldDissection>]

const step = (state: State, bytes: FieldDissector.StreamBytes): Step => {
  const isLost = (bytes.fromClient ? state.client : state.server).isLost === true
  if (state.isSealed || bytes.bytes.length === 0 || !(bytes.afterGap || isLost)) return take(state, bytes)
  const next = resumed(state, bytes)
  return (bytes.fromClient ? next.client : next.server).isLost === true ? [next, []] : take(next, bytes)
}

/** Takes bytes that follow the ones before. */
const take = (state: State, { bytes, fromClient }: FieldDissector.StreamBytes): Step => {
  const found: Array<FieldDissector.FieldDissection> = []
  let { hasKey, isSealed, preambleBytes } = state
  let direction = fromClient ? state.client : state.server
  let at = 0
  for (; fromClient && preambleBytes < Protocol.preamble.length && at < bytes.length; at++) {
    if (bytes[at] !== Protocol.preamble[preambleBytes++]) isSealed = true
  }
  while (!isSealed && (at < bytes.length || direction.left === 0)) {
    const progress = advance(direction, bytes, at)
    direction = progress.direction
    at = progress.at
    const dissection = progress.frame === undefined ? undefined : frameOf(...progress.frame)
    if (progress.frame === undefined) continue
    if (dissection === undefined) isSealed = true
    else found.push(dissection)
    if (dissection?.kind === "CHALLENGE") hasKey = true
    if (dissection?.kind === "WELCOME" && hasKey) isSealed = true
  }
  if (isSealed && found.length === 0 && bytes.length > 0)
    found.push({ kind: "SEALED", summary: `sealed, ${bytes.length} bytes`, fields: [["farm.message", "Sealed"]] })
  const next = { ...state, hasKey, isSealed, preambleBytes }
  return [fromClient ? { ...next, client: direction } : { ...next, server: direction }, found]
}

/**
 * The dissector of farms on port 1070, by the preamble of the connection. Kinds are names of messages, such as `HELLO`
 * and `WORK`, and `SEALED` for what is encrypted.
 *
 * @category constants
 * @since 0.1.0
 */
export const dissector: FieldDissector.FieldDissector = FieldDissector.make({
  name: "farm",
  ports: { tcp: [1070] },
  fields: {
    "farm.message": ["text", "Name of a message, such as `Work`"],
    "farm.id": ["number", "Number of a packet of work"]
  },
  decode: ({ bytes, transport }) =>
    transport === "tcp" && isPreamble(bytes)
      ? step(initial, {
          bytes,
          fromClient: true,
          ends: false,
          afterGap: false,
          from: { address: "", port: 0 },
          to: { address: "", port: 0 }
        })[1][0]
      : undefined,
  recognizes: ({ bytes, transport }) => transport === "tcp" && isPreamble(bytes),
  joins: ({ bytes, transport }) => transport === "tcp" && (isPreamble(bytes) || areFrames(bytes)),
  collector: FieldDissector.collector(initial, step)
})
