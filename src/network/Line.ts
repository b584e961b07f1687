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
import * as LineDecoder from "./line/LineDecoder.ts"
import type * as Network from "./Network.ts"
import * as Sweeper from "./Sweeper.ts"
import type { DataCounter } from "./server/ConnectionLimits.ts"

/** Reason: the line has more than `max` bytes. @category errors @since 0.1.0 */
export class TooLong extends Data.TaggedClass("TooLong")<{ readonly max: number }> {}

/** Reason: the end of the line did not arrive within `deadline` of its first byte. @category errors @since 0.1.0 */
export class TooSlow extends Data.TaggedClass("TooSlow")<{ readonly deadline: Duration.Duration }> {}

/** Reason: the stream ended within the line. @category errors @since 0.1.0 */
export class Unterminated extends Data.TaggedClass("Unterminated")<{}> {}

/** Failure of reading a line: the peer exceeded a limit, or sent half a line. @category errors @since 0.1.0 */
export class LineError extends Data.TaggedError("LineError")<{ readonly reason: TooLong | TooSlow | Unterminated }> {
  override get message(): string {
    if (this.reason._tag === "TooLong") return `line too long: no end within ${this.reason.max} bytes`
    return this.reason._tag === "TooSlow"
      ? `line too slow: no end within ${Duration.format(this.reason.deadline)} of its first byte`
      : "line incomplete: the stream ended before the line did; end each line with LF"
  }
}

/** Options for splitting a stream into lines. @category models @since 0.1.0 */
export interface DecoderOptions {
  /**
   * Maximum length of a line in bytes, without its end. Telnet commands before the end of a line count too, except the
   * first 256 bytes. Default 1,024.
   */
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
  /** Tests if the last chunk ended within a line or a telnet command. */
  readonly inLine: () => boolean
  /**
   * Tests if the last chunk had telnet commands; after `take` has returned undefined, if it had some after its last end
   * of line.
   */
  readonly hasCommands: () => boolean
  /**
   * Returns the last line at the end of the stream, if it has bytes but no end. A trailing CR is not part of it. To be
   * called after `take` has returned undefined.
   */
  readonly finish: () => string | undefined
}

/** Creates a decoder for one stream of bytes. @category constructors @since 0.1.0 */
export const decoder = ({ maxLength = 1_024, telnet = true }: DecoderOptions = {}): Decoder => {
  const state = LineDecoder.make(maxLength, telnet)
  const tooLong = new TooLong({ max: maxLength })
  return {
    feed: (bytes) => LineDecoder.feed(state, bytes),
    take: () => {
      const line = LineDecoder.take(state)
      return line === false ? tooLong : line
    },
    inLine: () => LineDecoder.inLine(state),
    hasCommands: () => state.hasCommands,
    finish: () => LineDecoder.finish(state)
  }
}

/**
 * Treatment of bytes after the last end of line at the peer's FIN: half a line, or a peer that ends no line.
 *
 * `deliver` returns them as a line, `drop` ignores them, `fail` fails with `Unterminated`.
 *
 * @category models
 * @since 0.1.0
 */
export type UnterminatedPolicy = "deliver" | "drop" | "fail"

/** Default of the deadline of a line. @category constants @since 0.1.0 */
export const defaultDeadline: Duration.Duration = Duration.seconds(30)

/** Options for reading lines from a connection. @category models @since 0.1.0 */
export interface Options extends DecoderOptions {
  /**
   * Maximum time from the first byte of a line, or of the telnet commands before it, to its end, however slowly bytes
   * arrive between. Complete commands that no further ones follow do not start it. Default `defaultDeadline`, 30
   * seconds; infinity disables it.
   */
  readonly deadline?: Duration.Input | undefined
  /**
   * Treatment of a last line without its end. Default `fail`: half a request is not another request.
   */
  readonly unterminated?: UnterminatedPolicy | undefined
  /** Counts the lines, so that only they prolong the idle time of a server's client; see `ConnectionContext`. */
  readonly data?: DataCounter | undefined
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
   * At the peer's FIN, or after `endRead`, `Done` or what `unterminated` says. After a `LineError` reading has ended;
   * the connection can still be written to.
   */
  readonly next: Pull.Pull<string, Network.NetworkError | LineError>
}

/** Progress of the reader of a connection. Times in milliseconds. */
interface Reading {
  /** Time of the last chunk that ended within a line or had telnet commands. */
  chunkAt: number
  /** Start time of the line being read. */
  lineStartedAt: number | undefined
  /** Time of the first telnet commands after the last line. */
  commandsStartedAt: number | undefined
  waitingForRest: boolean
  end: Effect.Effect<never, LineError | Cause.Done> | undefined
}

const unterminated = Effect.fail(new LineError({ reason: new Unterminated() }))

/** Calls `expire` when the rest of a line is waited for and its deadline has passed, until the scope closes. */
const watchDeadline = (sweeper: Sweeper.Sweeper, reading: Reading, deadlineMillis: number, expire: () => void) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      sweeper.add((now) => {
        const { lineStartedAt, waitingForRest } = reading
        if (!waitingForRest || lineStartedAt === undefined || now - lineStartedAt < deadlineMillis) return
        reading.waitingForRest = false
        expire()
      })
    ),
    (remove) => Effect.sync(remove)
  )

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
  const deadline = Duration.fromInputUnsafe(options.deadline ?? defaultDeadline)
  const deadlineMillis = Duration.toMillis(deadline)
  const sweeper = options.sweeper ?? (yield* Sweeper.make("1 second"))
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  const { data, unterminated: policy = "fail" } = options
  if (data !== undefined) data.count = 0
  const reading: Reading = {
    chunkAt: 0,
    lineStartedAt: undefined,
    commandsStartedAt: undefined,
    waitingForRest: false,
    end: undefined
  }
  const failTooSlow = () => {
    reading.end = Effect.fail(new LineError({ reason: new TooSlow({ deadline }) }))
    return reading.end
  }

  const step = (): Lines["next"] => {
    const line = lines.take()
    if (typeof line === "string") {
      reading.lineStartedAt = reading.commandsStartedAt = undefined
      if (data !== undefined) data.count!++
      return Effect.succeed(line)
    }
    if (line !== undefined) reading.end ??= Effect.fail(new LineError({ reason: line }))
    if (reading.end !== undefined) return reading.end
    if (lines.hasCommands()) {
      reading.commandsStartedAt ??= reading.chunkAt
      if (reading.chunkAt - reading.commandsStartedAt >= deadlineMillis) return failTooSlow()
    }
    if (!lines.inLine()) {
      reading.lineStartedAt = undefined
      return pullFirstBytes
    }
    reading.lineStartedAt ??= reading.chunkAt
    reading.waitingForRest = true
    return pullRest
  }
  const next: Lines["next"] = Effect.suspend(step)
  const handlers = {
    onSuccess: (chunk: Uint8Array): Lines["next"] => {
      reading.waitingForRest = false
      if (reading.end !== undefined) return reading.end
      const reply = lines.feed(chunk)
      if (lines.inLine() || lines.hasCommands()) reading.chunkAt = sweeper.now()
      return reply.length === 0 ? step() : Effect.andThen(Effect.ignore(connection.write(reply)), next)
    },
    onFailure: (cause: Cause.Cause<Network.NetworkError | Cause.Done>): Lines["next"] => {
      reading.waitingForRest = false
      if (reading.end !== undefined) return reading.end
      if (!Pull.isDoneCause(cause)) return Effect.failCause(cause)
      const last = lines.finish()
      reading.end = last === undefined || policy !== "fail" ? Cause.done() : unterminated
      return last === undefined || policy !== "deliver" ? reading.end : Effect.succeed(last)
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

  yield* watchDeadline(sweeper, reading, deadlineMillis, () => {
    failTooSlow()
    // Wakes the reader, which then returns `end`.
    fork(connection.endRead)
  })
  const self: Lines = { next }
  return self
})
