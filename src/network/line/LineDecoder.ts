/** State and functions of a line decoder: splits chunks into lines, and counts the telnet commands in them. */
import * as Telnet from "../Telnet.ts"

const NUL = 0
const LF = 10
const CR = 13

/** Bytes of telnet commands in a line that do not count as its length: a client's negotiation has less than 100. */
const freeCommandBytes = 256

const empty = new Uint8Array(0)
const noCommands: ReadonlyArray<Telnet.Commands> = []
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true })

/**
 * Decodes a short ASCII text. Most lines are such, and `TextDecoder` would cost as much as all other work for a line.
 */
const decodeShortAscii = (chunk: Uint8Array, from: number, to: number): string | undefined => {
  if (to - from > 24) return undefined
  let text = ""
  for (let at = from; at < to; at++) {
    const byte = chunk[at]!
    if (byte > 127) return undefined
    text += String.fromCharCode(byte)
  }
  return text
}

/** State of a decoder. Mutable, because a line would else cost more copies than all other work for it. */
export interface DecoderState {
  readonly maxBytes: number
  readonly telnet: boolean
  stream: Telnet.State
  chunk: Uint8Array
  /** Index in the chunk of the rest of the current line. */
  position: number
  /** Index of the next LF and NUL in the chunk, each searched for once. */
  nextLf: number
  nextNul: number
  /** Bytes of the current line from earlier chunks, at most the maximum and a CR. */
  partial: Uint8Array
  partialLength: number
  /** Telnet commands of the chunk, and the index of the first one that is not counted. */
  commands: ReadonlyArray<Telnet.Commands>
  nextCommand: number
  /** Bytes of telnet commands in the current line. */
  commandBytes: number
  hasCommands: boolean
  /** True after a line that was too long. */
  isFailed: boolean
}

const find = (chunk: Uint8Array, byte: number, from: number) => {
  const index = chunk.indexOf(byte, from)
  return index === -1 ? Infinity : index
}

const followsCr = ({ chunk, partial, partialLength }: DecoderState, index: number) =>
  (index > 0 ? chunk[index - 1] : partial[partialLength - 1]) === CR

/** Counts the commands up to an index of the chunk. Returns their bytes that count as length of the line. */
const countCommands = (state: DecoderState, end: number) => {
  const { commands } = state
  for (let next = commands[state.nextCommand]; next !== undefined && next.before <= end; ) {
    state.commandBytes += next.bytes
    next = commands[++state.nextCommand]
  }
  return Math.max(0, state.commandBytes - freeCommandBytes)
}

const fail = (state: DecoderState): false => {
  state.chunk = state.partial = empty
  state.position = state.partialLength = 0
  state.nextLf = state.nextNul = Infinity
  state.isFailed = true
  return false
}

const appendToPartial = (state: DecoderState, bytes: Uint8Array) => {
  const size = state.partialLength + bytes.length
  if (size > state.partial.length) {
    const grown = new Uint8Array(Math.min(state.maxBytes + 1, Math.max(64, 2 * size)))
    grown.set(state.partial.subarray(0, state.partialLength))
    state.partial = grown
  }
  state.partial.set(bytes, state.partialLength)
  state.partialLength = size
}

const takePartial = (state: DecoderState, length: number) => {
  const line = utf8.decode(state.partial.subarray(0, length))
  state.partial = empty
  state.partialLength = 0
  return line
}

/** Accepts the next chunk. Returns the reply to its telnet commands. */
export const feed = (state: DecoderState, bytes: Uint8Array): Uint8Array => {
  if (state.isFailed) return empty
  state.position = 0
  if (!state.telnet) {
    state.chunk = bytes
    state.nextLf = find(bytes, LF, 0)
    return empty
  }
  const step = Telnet.receive(state.stream, bytes)
  state.stream = step.state
  state.commands = step.commands
  state.nextCommand = 0
  state.hasCommands = step.commands.length > 0
  state.chunk = step.data
  state.nextNul = find(step.data, NUL, 0)
  state.nextLf = find(step.data, LF, 0)
  return step.reply
}

/** Returns the index of the next end of a line, or Infinity. */
const findEnd = (state: DecoderState) => {
  const { chunk, position } = state
  if (state.nextLf < position) state.nextLf = find(chunk, LF, position)
  if (state.nextNul < position) state.nextNul = find(chunk, NUL, position)
  while (state.nextNul < state.nextLf && !followsCr(state, state.nextNul)) {
    state.nextNul = find(chunk, NUL, state.nextNul + 1)
  }
  return Math.min(state.nextLf, state.nextNul)
}

/** Keeps the rest of the chunk for the line that ends in a later one. */
const keepRest = (state: DecoderState): false | undefined => {
  const { chunk, position } = state
  const rest = chunk.length - position
  state.hasCommands = state.nextCommand < state.commands.length
  const excess = state.partialLength + rest + countCommands(state, chunk.length) - state.maxBytes
  if (excess > 1 || (excess === 1 && !followsCr(state, chunk.length))) return fail(state)
  if (rest > 0) appendToPartial(state, chunk.subarray(position))
  state.chunk = empty
  state.position = 0
  return undefined
}

/** Returns the next line, false if it is too long, or undefined if more bytes are needed. */
export const take = (state: DecoderState): string | false | undefined => {
  if (state.isFailed) return false
  const end = findEnd(state)
  if (end === Infinity) return keepRest(state)
  const { chunk, partialLength, position: from } = state
  const length = partialLength + end - from - (followsCr(state, end) ? 1 : 0)
  if (length + countCommands(state, end) > state.maxBytes) return fail(state)
  state.position = end + 1
  state.commandBytes = 0
  if (partialLength === 0)
    return decodeShortAscii(chunk, from, from + length) ?? utf8.decode(chunk.subarray(from, from + length))
  if (length > partialLength) appendToPartial(state, chunk.subarray(from, from + length - partialLength))
  return takePartial(state, length)
}

/** Tests if the last chunk ended within a line or a telnet command. */
export const inLine = (state: DecoderState): boolean => {
  const { chunk, partialLength, position, telnet } = state
  if (Telnet.inCommand(state.stream)) return true
  const last = chunk.length - 1
  if (position > last) return partialLength > 0
  return chunk[last] !== LF && !(telnet && chunk[last] === NUL && followsCr(state, last))
}

/** Returns the last line at the end of the stream, if it has bytes but no end. */
export const finish = (state: DecoderState): string | undefined => {
  const { partial, partialLength } = state
  const line = takePartial(state, partial[partialLength - 1] === CR ? partialLength - 1 : partialLength)
  return line === "" ? undefined : line
}

/** Makes the state at the start of a stream. */
export const make = (maxBytes: number, telnet: boolean): DecoderState => ({
  maxBytes,
  telnet,
  stream: Telnet.initial,
  chunk: empty,
  position: 0,
  nextLf: Infinity,
  nextNul: Infinity,
  partial: empty,
  partialLength: 0,
  commands: noCommands,
  nextCommand: 0,
  commandBytes: 0,
  hasCommands: false,
  isFailed: false
})
