/**
 * Lines over a connection: bounded in length and time, with telnet commands removed.
 *
 * LF and CRLF end a line, a lone CR does not; with telnet, CR NUL, its carriage return, ends one too (RFC 854). Lines
 * are UTF-8; invalid bytes are replaced by U+FFFD.
 *
 * **Example** (Decoding)
 *
 * ```ts
 * import { Line } from "effect-inet/network"
 *
 * const decoder = Line.decoder({ maxLength: 80 })
 * decoder.feed(new TextEncoder().encode("hello\r\nwor"))
 * decoder.take() // => "hello"
 * decoder.take() // => undefined
 * decoder.feed(new TextEncoder().encode("ld\n"))
 * decoder.take() // => "world"
 * ```
 */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import type * as Network from "./Network.ts"
import * as Sweeper from "./Sweeper.ts"
import * as Telnet from "./Telnet.ts"

/** Reason: the line has more than `max` bytes. @category errors @since 0.1.0 */
export class TooLong extends Data.TaggedClass("TooLong")<{ readonly max: number }> {}

/** Reason: the end of the line did not arrive within `deadline` of its first byte. @category errors @since 0.1.0 */
export class TooSlow extends Data.TaggedClass("TooSlow")<{ readonly deadline: Duration.Duration }> {}

/** Failure of reading a line: the peer exceeded a limit. @category errors @since 0.1.0 */
export class LineError extends Data.TaggedError("LineError")<{ readonly reason: TooLong | TooSlow }> {
  override get message(): string {
    return this.reason._tag === "TooLong"
      ? `line too long: no end within ${this.reason.max} bytes`
      : `line too slow: no end within ${Duration.format(this.reason.deadline)} of its first byte`
  }
}

/** Options for splitting a stream into lines. @category models @since 0.1.0 */
export interface DecoderOptions {
  /** Maximum length of a line in bytes, without its end. Default 1,024. */
  readonly maxLength?: number | undefined
  /**
   * Removes telnet commands and refuses options; CR NUL then ends a line. Without it a byte 255 is ordinary data.
   * Default true.
   */
  readonly telnet?: boolean | undefined
}

/** Splits chunks into lines; holds at most one chunk and one line. @category models @since 0.1.0 */
export interface Decoder {
  /**
   * Accepts the next chunk, after `take` has returned undefined. Returns the reply to telnet commands, mostly empty.
   * The decoder owns the chunk from then on.
   */
  readonly feed: (chunk: Uint8Array) => Uint8Array
  /** Returns the next line, or undefined if more bytes are needed. `TooLong` is final. */
  readonly take: () => string | TooLong | undefined
  /** Tests if the last chunk ended within a line. */
  readonly inLine: () => boolean
  /**
   * Returns the last line at the end of the stream, if it has bytes but no end. A trailing CR is not part of it. To be
   * called after `take` has returned undefined.
   */
  readonly finish: () => string | undefined
}

const NUL = 0
const LF = 10
const CR = 13

const empty = new Uint8Array(0)
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
interface DecoderState {
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
  failure: TooLong | undefined
}

const find = (chunk: Uint8Array, byte: number, from: number) => {
  const index = chunk.indexOf(byte, from)
  return index === -1 ? Infinity : index
}

const followsCr = ({ chunk, partial, partialLength }: DecoderState, index: number) =>
  (index > 0 ? chunk[index - 1] : partial[partialLength - 1]) === CR

const fail = (state: DecoderState) => {
  state.chunk = state.partial = empty
  state.position = state.partialLength = 0
  state.nextLf = state.nextNul = Infinity
  state.failure = new TooLong({ max: state.maxBytes })
  return state.failure
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

const feed = (state: DecoderState, bytes: Uint8Array) => {
  if (state.failure !== undefined) return empty
  state.position = 0
  if (!state.telnet) {
    state.chunk = bytes
    state.nextLf = find(bytes, LF, 0)
    return empty
  }
  const step = Telnet.receive(state.stream, bytes)
  state.stream = step.state
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
const keepRest = (state: DecoderState) => {
  const { chunk, position } = state
  const rest = chunk.length - position
  const excess = state.partialLength + rest - state.maxBytes
  if (excess > 1 || (excess === 1 && !followsCr(state, chunk.length))) return fail(state)
  if (rest > 0) appendToPartial(state, chunk.subarray(position))
  state.chunk = empty
  state.position = 0
  return undefined
}

const take = (state: DecoderState) => {
  if (state.failure !== undefined) return state.failure
  const end = findEnd(state)
  if (end === Infinity) return keepRest(state)
  const { chunk, partialLength, position: from } = state
  const length = partialLength + end - from - (followsCr(state, end) ? 1 : 0)
  if (length > state.maxBytes) return fail(state)
  state.position = end + 1
  if (partialLength === 0)
    return decodeShortAscii(chunk, from, from + length) ?? utf8.decode(chunk.subarray(from, from + length))
  if (length > partialLength) appendToPartial(state, chunk.subarray(from, from + length - partialLength))
  return takePartial(state, length)
}

const inLine = (state: DecoderState) => {
  const { chunk, partialLength, position, telnet } = state
  const last = chunk.length - 1
  if (position > last) return partialLength > 0
  return chunk[last] !== LF && !(telnet && chunk[last] === NUL && followsCr(state, last))
}

const finish = (state: DecoderState) => {
  const { partial, partialLength } = state
  const line = takePartial(state, partial[partialLength - 1] === CR ? partialLength - 1 : partialLength)
  return line === "" ? undefined : line
}

/** Creates a decoder for one stream of bytes. @category constructors @since 0.1.0 */
export const decoder = (options: DecoderOptions = {}): Decoder => {
  const state: DecoderState = {
    maxBytes: options.maxLength ?? 1_024,
    telnet: options.telnet ?? true,
    stream: Telnet.initial,
    chunk: empty,
    position: 0,
    nextLf: Infinity,
    nextNul: Infinity,
    partial: empty,
    partialLength: 0,
    failure: undefined
  }
  return {
    feed: (bytes) => feed(state, bytes),
    take: () => take(state),
    inLine: () => inLine(state),
    finish: () => finish(state)
  }
}

/** Options for reading lines from a connection. @category models @since 0.1.0 */
export interface Options extends DecoderOptions {
  /**
   * Maximum time from the first byte of a line to its end, however slowly bytes arrive between. Default 30 seconds;
   * infinity disables it.
   */
  readonly deadline?: Duration.Input | undefined
  /**
   * Checks the deadline, which is met late by at most its period. A server passes its own; default: one with a period
   * of a second.
   */
  readonly sweeper?: Sweeper.Sweeper | undefined
}

/** Lines sent by the peer. @category models @since 0.1.0 */
export interface Lines {
  /**
   * Waits for the next line; only one fiber may wait at a time.
   *
   * At the peer's FIN, or after `endRead`, bytes after the last end of line are one more line, then `Done`. After a
   * `LineError` reading has ended; the connection can still be written to.
   */
  readonly next: Pull.Pull<string, Network.NetworkError | LineError>
}

/** Progress of the reader of a connection. Times in milliseconds. */
interface Reading {
  /** Time of the last chunk that ended within a line. */
  partialChunkAt: number
  /** Start time of the line being read. */
  lineStartedAt: number | undefined
  waitingForRest: boolean
  end: Effect.Effect<never, LineError | Cause.Done> | undefined
}

/**
 * Reads lines from a connection, until the scope closes.
 *
 * Telnet options are refused before the next line is returned. A reply that cannot be sent is dropped, since the next
 * pull reports the failure. The deadline counts only while a reader waits for the rest of a line: a slow handler does
 * not make its peer a slow one.
 *
 * **Example** (An echo server for lines)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { Line, Network, NodeNetwork, TcpServer } from "effect-inet/network"
 *
 * const program = Effect.gen(function* () {
 *   const server = yield* TcpServer.make({ port: 0 }, (connection, { sweeper }) =>
 *     Effect.gen(function* () {
 *       const lines = yield* Line.make(connection, { maxLength: 80, sweeper })
 *       while (true) yield* connection.write(`${yield* lines.next}!\r\n`)
 *     }).pipe(Effect.scoped)
 *   )
 *   const client = yield* (yield* Network.Network).connect(server.address)
 *   const { next } = yield* Line.make(client)
 *   yield* client.write("hello\n")
 *   yield* next // => "hello!"
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(NodeNetwork.layer)))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (connection: Network.Connection, options: Options = {}) {
  const lines = decoder(options)
  const deadline = Duration.fromInputUnsafe(options.deadline ?? "30 seconds")
  const deadlineMillis = Duration.toMillis(deadline)
  const sweeper = options.sweeper ?? (yield* Sweeper.make("1 second"))
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  const reading: Reading = { partialChunkAt: 0, lineStartedAt: undefined, waitingForRest: false, end: undefined }

  const step = (): Lines["next"] => {
    const line = lines.take()
    if (typeof line === "string") {
      reading.lineStartedAt = undefined
      return Effect.succeed(line)
    }
    if (line !== undefined) reading.end ??= Effect.fail(new LineError({ reason: line }))
    if (reading.end !== undefined) return reading.end
    if (!lines.inLine()) return pullFirstBytes
    reading.lineStartedAt ??= reading.partialChunkAt
    reading.waitingForRest = true
    return pullRest
  }
  const next: Lines["next"] = Effect.suspend(step)
  const handlers = {
    onSuccess: (chunk: Uint8Array): Lines["next"] => {
      reading.waitingForRest = false
      if (reading.end !== undefined) return reading.end
      const reply = lines.feed(chunk)
      if (lines.inLine()) reading.partialChunkAt = sweeper.now()
      return reply.length === 0 ? step() : Effect.andThen(Effect.ignore(connection.write(reply)), next)
    },
    onFailure: (cause: Cause.Cause<Network.NetworkError | Cause.Done>): Lines["next"] => {
      reading.waitingForRest = false
      if (reading.end !== undefined) return reading.end
      if (!Pull.isDoneCause(cause)) return Effect.failCause(cause)
      reading.end = Cause.done()
      const last = lines.finish()
      return last === undefined ? reading.end : Effect.succeed(last)
    }
  }
  /** Two ways to wait, so that a line that arrives whole pays nothing for the deadline. */
  const pullFirstBytes = Effect.matchCauseEffect(connection.pull, handlers)
  const stopWaiting = Effect.sync(() => {
    reading.waitingForRest = false
  })
  const pullRest = Effect.matchCauseEffect(
    Effect.onInterrupt(connection.pull, () => stopWaiting),
    handlers
  )

  yield* Effect.acquireRelease(
    Effect.sync(() =>
      sweeper.add((now) => {
        if (
          !reading.waitingForRest ||
          reading.lineStartedAt === undefined ||
          now - reading.lineStartedAt < deadlineMillis
        )
          return
        reading.waitingForRest = false
        reading.end = Effect.fail(new LineError({ reason: new TooSlow({ deadline }) }))
        // Wakes the reader, which then returns `end`.
        fork(connection.endRead)
      })
    ),
    (remove) => Effect.sync(remove)
  )
  const self: Lines = { next }
  return self
})
