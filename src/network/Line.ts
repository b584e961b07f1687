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

/** Creates a decoder for one stream of bytes. @category constructors @since 0.1.0 */
export const decoder = (options: DecoderOptions = {}): Decoder => {
  const { maxLength: maxBytes = 1024, telnet = true } = options
  let stream = Telnet.initial
  let chunk: Uint8Array = empty
  /** Index in the chunk of the rest of the current line. */
  let position = 0
  /** Index of the next LF and NUL in the chunk, each searched for once. */
  let nextLf = Infinity
  let nextNul = Infinity
  /** Bytes of the current line from earlier chunks, at most the maximum and a CR. */
  let partial: Uint8Array = empty
  let partialLength = 0
  let failure: TooLong | undefined

  const find = (byte: number, from: number) => {
    const index = chunk.indexOf(byte, from)
    return index === -1 ? Infinity : index
  }
  const followsCr = (index: number) => (index > 0 ? chunk[index - 1] : partial[partialLength - 1]) === CR
  const fail = () => {
    chunk = partial = empty
    position = partialLength = 0
    nextLf = nextNul = Infinity
    failure = new TooLong({ max: maxBytes })
    return failure
  }
  const appendToPartial = (bytes: Uint8Array) => {
    const size = partialLength + bytes.length
    if (size > partial.length) {
      const grown = new Uint8Array(Math.min(maxBytes + 1, Math.max(64, 2 * size)))
      grown.set(partial.subarray(0, partialLength))
      partial = grown
    }
    partial.set(bytes, partialLength)
    partialLength = size
  }
  const takePartial = (length: number) => {
    const line = utf8.decode(partial.subarray(0, length))
    partial = empty
    partialLength = 0
    return line
  }

  return {
    feed: (bytes) => {
      if (failure !== undefined) return empty
      position = 0
      if (telnet) {
        const step = Telnet.receive(stream, bytes)
        stream = step.state
        chunk = step.data
        nextNul = find(NUL, 0)
        nextLf = find(LF, 0)
        return step.reply
      }
      chunk = bytes
      nextLf = find(LF, 0)
      return empty
    },
    take: () => {
      if (failure !== undefined) return failure
      if (nextLf < position) nextLf = find(LF, position)
      if (nextNul < position) nextNul = find(NUL, position)
      while (nextNul < nextLf && !followsCr(nextNul)) nextNul = find(NUL, nextNul + 1)
      const end = Math.min(nextLf, nextNul)
      if (end === Infinity) {
        const rest = chunk.length - position
        const excess = partialLength + rest - maxBytes
        if (excess > 1 || (excess === 1 && !followsCr(chunk.length))) return fail()
        if (rest > 0) appendToPartial(chunk.subarray(position))
        chunk = empty
        position = 0
        return undefined
      }
      const length = partialLength + end - position - (followsCr(end) ? 1 : 0)
      if (length > maxBytes) return fail()
      const from = position
      position = end + 1
      if (partialLength === 0)
        return decodeShortAscii(chunk, from, from + length) ?? utf8.decode(chunk.subarray(from, from + length))
      if (length > partialLength) appendToPartial(chunk.subarray(from, from + length - partialLength))
      return takePartial(length)
    },
    inLine: () => {
      const last = chunk.length - 1
      if (position > last) return partialLength > 0
      return chunk[last] !== LF && !(telnet && chunk[last] === NUL && followsCr(last))
    },
    finish: () => {
      const line = takePartial(partial[partialLength - 1] === CR ? partialLength - 1 : partialLength)
      return line === "" ? undefined : line
    }
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
  /** Time of the last chunk that ended within a line, and start time of the line being read, both in milliseconds. */
  let partialChunkAt = 0
  let lineStartedAt: number | undefined
  let waitingForRest = false
  let end: Effect.Effect<never, LineError | Cause.Done> | undefined

  const step = (): Lines["next"] => {
    const line = lines.take()
    if (typeof line === "string") {
      lineStartedAt = undefined
      return Effect.succeed(line)
    }
    if (line !== undefined) end ??= Effect.fail(new LineError({ reason: line }))
    if (end !== undefined) return end
    if (!lines.inLine()) return pullFirstBytes
    lineStartedAt ??= partialChunkAt
    waitingForRest = true
    return pullRest
  }
  const next: Lines["next"] = Effect.suspend(step)
  const handlers = {
    onSuccess: (chunk: Uint8Array): Lines["next"] => {
      waitingForRest = false
      if (end !== undefined) return end
      const reply = lines.feed(chunk)
      if (lines.inLine()) partialChunkAt = sweeper.now()
      return reply.length === 0 ? step() : Effect.andThen(Effect.ignore(connection.write(reply)), next)
    },
    onFailure: (cause: Cause.Cause<Network.NetworkError | Cause.Done>): Lines["next"] => {
      waitingForRest = false
      if (end !== undefined) return end
      if (!Pull.isDoneCause(cause)) return Effect.failCause(cause)
      end = Cause.done()
      const last = lines.finish()
      return last === undefined ? end : Effect.succeed(last)
    }
  }
  /** Two ways to wait, so that a line that arrives whole pays nothing for the deadline. */
  const pullFirstBytes = Effect.matchCauseEffect(connection.pull, handlers)
  const stopWaiting = Effect.sync(() => {
    waitingForRest = false
  })
  const pullRest = Effect.matchCauseEffect(
    Effect.onInterrupt(connection.pull, () => stopWaiting),
    handlers
  )

  yield* Effect.acquireRelease(
    Effect.sync(() =>
      sweeper.add((now) => {
        if (!waitingForRest || lineStartedAt === undefined || now - lineStartedAt < deadlineMillis) return
        waitingForRest = false
        end = Effect.fail(new LineError({ reason: new TooSlow({ deadline }) }))
        // Wakes the reader, which then returns `end`.
        fork(connection.endRead)
      })
    ),
    (remove) => Effect.sync(remove)
  )
  const self: Lines = { next }
  return self
})
