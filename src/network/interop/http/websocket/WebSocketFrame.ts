/** Frames of WebSocket (RFC 6455, section 5) and the messages they form, without a socket. */
/** Role of an end: a client masks its frames, a server does not. */
export type Role = "client" | "server"

/** Part of the input. `Failed` has the close code with which the connection ends. */
export type Event =
  | { readonly _tag: "Message"; readonly data: string | Uint8Array }
  | { readonly _tag: "Ping"; readonly data: Uint8Array }
  | { readonly _tag: "Pong" }
  /** Code 1005 stands for a frame without code. */
  | { readonly _tag: "Close"; readonly code: number; readonly reason: string }
  | { readonly _tag: "Failed"; readonly code: number; readonly reason: string }

/** State of a decoder. */
export interface FrameDecoder {
  /** Role of the end that decodes. */
  readonly role: Role
  readonly maxMessageBytes: number
  buffer: Uint8Array
  /** Received bytes behind the buffer, joined once they complete a frame: a long one is then copied once. */
  pending: Array<Uint8Array>
  pendingBytes: number
  /** Number of bytes without which the next frame is incomplete. */
  neededBytes: number
  /** Frames of a message that is not complete. */
  fragments: Array<Uint8Array>
  fragmentBytes: number
  /** Opcode of that message. */
  opcode: number | undefined
}

/** Creates a decoder. */
export const make = (role: Role, maxMessageBytes: number): FrameDecoder => ({
  ...{ role, maxMessageBytes, buffer: new Uint8Array(0), pending: [], pendingBytes: 0, neededBytes: 2 },
  ...{ fragments: [], fragmentBytes: 0, opcode: undefined }
})

/** Adds received bytes. */
export const push = (decoder: FrameDecoder, bytes: Uint8Array): void => {
  decoder.pending.push(bytes)
  decoder.pendingBytes += bytes.length
}

/** Sets the number of bytes that are needed; true once they have arrived. */
const needs = (decoder: FrameDecoder, bytes: number): boolean => {
  decoder.neededBytes = bytes
  const { buffer, pending, pendingBytes } = decoder
  if (buffer.length >= bytes) return true
  const size = buffer.length + pendingBytes
  if (size < bytes) return false
  Object.assign(decoder, { buffer: concat([buffer, ...pending], size), pending: [], pendingBytes: 0 })
  return true
}

const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

const failed = (code: number, reason: string): Event => ({ _tag: "Failed", code, reason })

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const decodeText = (bytes: Uint8Array): string | undefined => {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

/** Frame before its mask is removed. */
interface Frame {
  readonly isFinal: boolean
  readonly opcode: number
  readonly payload: Uint8Array
}

/** Index behind the length of the payload, by its first seven bits. */
const lengthEnds: Readonly<Record<number, number>> = { 126: 4, 127: 10 }

/** Returns the length of the payload, which ends at an index. */
const lengthOf = (buffer: Uint8Array, end: number): number => {
  const view = new DataView(buffer.buffer, buffer.byteOffset)
  return end === 2 ? buffer[1]! & 0x7f : end === 4 ? view.getUint16(2) : Number(view.getBigUint64(2))
}

/** Tests the first two bytes; returns why the frame is refused. */
const findFault = ({ fragments, opcode: open, role }: FrameDecoder, first: number, second: number) => {
  const opcode = first & 0x0f
  const isControl = opcode >= opcodes.close
  if ((first & 0x70) !== 0) return "a reserved bit is set"
  if (opcode > opcodes.pong || (opcode > opcodes.binary && !isControl)) return `opcode ${opcode} is reserved`
  if (second >= 0x80 !== (role === "server"))
    return role === "server" ? "the frame is not masked" : "the frame is masked"
  if (isControl && ((second & 0x7f) > 125 || first < 0x80))
    return "a control frame is longer than 125 bytes, or a fragment"
  if (opcode === opcodes.continuation && open === undefined) return "a continuation has no beginning"
  if ((opcode === opcodes.text || opcode === opcodes.binary) && open !== undefined) {
    return `a message begins within another of ${fragments.length} frames`
  }
  return undefined
}

/** Takes a frame, or undefined while it is incomplete. */
const takeFrame = (decoder: FrameDecoder): Frame | Event | undefined => {
  if (!needs(decoder, 2)) return undefined
  const [first, second] = [decoder.buffer[0]!, decoder.buffer[1]!]
  const fault = findFault(decoder, first, second)
  if (fault !== undefined) return failed(1002, fault)
  const at = lengthEnds[second & 0x7f] ?? 2
  if (!needs(decoder, at)) return undefined
  const length = lengthOf(decoder.buffer, at)
  const size = decoder.fragmentBytes + length
  if (size > decoder.maxMessageBytes) return failed(1009, `a message is over ${decoder.maxMessageBytes} bytes`)
  const start = at + (second >= 0x80 ? 4 : 0)
  if (!needs(decoder, start + length)) return undefined
  const { buffer } = decoder
  const payload = buffer.slice(start, start + length)
  if (second >= 0x80) mask(payload, buffer.subarray(at, start))
  decoder.buffer = buffer.subarray(start + length)
  return { isFinal: first >= 0x80, opcode: first & 0x0f, payload }
}

/** Masks or unmasks bytes in place. */
const mask = (payload: Uint8Array, key: Uint8Array) => {
  for (let at = 0; at < payload.length; at++) payload[at]! ^= key[at & 3]!
}

/** Codes that a close frame may have (RFC 6455, section 7.4). */
const isCloseCode = (code: number) =>
  (code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)) || (code >= 3000 && code <= 4999)

const closeOf = (payload: Uint8Array): Event => {
  if (payload.length === 0) return { _tag: "Close", code: 1005, reason: "" }
  const code = payload.length === 1 ? 0 : payload[0]! * 256 + payload[1]!
  const reason = decodeText(payload.subarray(2))
  if (!isCloseCode(code)) return failed(1002, `${code} is not a close code`)
  return reason === undefined ? failed(1007, "the reason is not UTF-8") : { _tag: "Close", code, reason }
}

const concat = (chunks: ReadonlyArray<Uint8Array>, size: number) => {
  const bytes = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}

/** Adds a data frame; returns the message that it completes. */
const addFragment = (decoder: FrameDecoder, { isFinal, opcode, payload }: Frame): Event | undefined => {
  decoder.opcode ??= opcode
  decoder.fragments.push(payload)
  decoder.fragmentBytes += payload.length
  if (!isFinal) return undefined
  const bytes = decoder.fragments.length === 1 ? payload : concat(decoder.fragments, decoder.fragmentBytes)
  const isText = decoder.opcode === opcodes.text
  Object.assign(decoder, { fragments: [], fragmentBytes: 0, opcode: undefined })
  if (!isText) return { _tag: "Message", data: bytes }
  const data = decodeText(bytes)
  return data === undefined ? failed(1007, "a text message is not UTF-8") : { _tag: "Message", data }
}

/** Takes the next event, or undefined while bytes are missing. Nothing is taken after `Close` or `Failed`. */
export const next = (decoder: FrameDecoder): Event | undefined => {
  while (true) {
    const frame = takeFrame(decoder)
    if (frame === undefined || "_tag" in frame) return frame
    if (frame.opcode === opcodes.close) return closeOf(frame.payload)
    if (frame.opcode === opcodes.ping) return { _tag: "Ping", data: frame.payload }
    if (frame.opcode === opcodes.pong) return { _tag: "Pong" }
    const message = addFragment(decoder, frame)
    if (message !== undefined) return message
  }
}

const encoder = new TextEncoder()

/** Encodes a final frame. A client gives four random bytes as key of the mask. */
const encode = (opcode: number, payload: Uint8Array, key: Uint8Array | undefined): Uint8Array => {
  const { length } = payload
  const lengthBytes = length < 126 ? 0 : length < 65_536 ? 2 : 8
  const start = 2 + lengthBytes + (key === undefined ? 0 : 4)
  const frame = new Uint8Array(start + length)
  const view = new DataView(frame.buffer)
  frame[0] = 0x80 | opcode
  frame[1] = (key === undefined ? 0 : 0x80) | (lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127)
  if (lengthBytes === 2) view.setUint16(2, length)
  if (lengthBytes === 8) view.setBigUint64(2, BigInt(length))
  frame.set(payload, start)
  if (key !== undefined) {
    frame.set(key, start - 4)
    mask(frame.subarray(start), key)
  }
  return frame
}

/** Encodes a message as one frame. */
export const message = (data: string | Uint8Array, key: Uint8Array | undefined): Uint8Array =>
  typeof data === "string" ? encode(opcodes.text, encoder.encode(data), key) : encode(opcodes.binary, data, key)

/** Encodes the answer to a ping. */
export const pong = (data: Uint8Array, key: Uint8Array | undefined): Uint8Array => encode(opcodes.pong, data, key)

/** Maximum size of the reason in a close frame. */
const maxReasonBytes = 123

/** Encodes a close frame, without a code for 1005. A longer reason is cut. */
export const close = (code: number, reason: string, key: Uint8Array | undefined): Uint8Array => {
  if (code === 1005) return encode(opcodes.close, new Uint8Array(0), key)
  const text = new Uint8Array(maxReasonBytes)
  const { written } = encoder.encodeInto(reason, text)
  return encode(
    opcodes.close,
    concat([Uint8Array.of(code >> 8, code & 255), text.subarray(0, written)], 2 + written),
    key
  )
}
