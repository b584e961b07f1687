/**
 * Line protocols over a connection: bounded lines, a deadline that a slow peer cannot push away, telnet kept out of the
 * text.
 *
 * LF and CRLF end a line, a lone CR does not; with telnet CR NUL, its carriage return, ends one too (RFC 854). Lines
 * are UTF-8, and bytes that are not become U+FFFD.
 */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import type * as Network from "./Network.ts"
import * as Sweeper from "./Sweeper.ts"
import * as Telnet from "./Telnet.ts"

/** The line has more bytes than allowed. @category errors @since 0.1.0 */
export class TooLong extends Data.TaggedClass("TooLong")<{ readonly max: number }> {}

/** The line did not end in time after its first byte. @category errors @since 0.1.0 */
export class TooSlow extends Data.TaggedClass("TooSlow")<{ readonly deadline: Duration.Duration }> {}

/** The peer does not keep to the limits of a line. @category errors @since 0.1.0 */
export class LineError extends Data.TaggedError("LineError")<{ readonly reason: TooLong | TooSlow }> {
  override get message(): string {
    return this.reason._tag === "TooLong"
      ? `line too long: at most ${this.reason.max} bytes may come before its end`
      : `line too slow: its end must come within ${Duration.format(this.reason.deadline)} of its first byte`
  }
}

/** How lines are cut. @category models @since 0.1.0 */
export interface DecoderOptions {
  /** The most bytes a line may have, its end not counted. Default 1024. */
  readonly maxLength?: number | undefined
  /**
   * Take telnet commands out and refuse its options; CR NUL ends a line. Without it a byte 255 is just a byte. Default
   * true.
   */
  readonly telnet?: boolean | undefined
}

/** Chunks in, lines out, with at most one chunk and one line held. @category models @since 0.1.0 */
export interface Decoder {
  /**
   * Takes the next chunk, once `take` has no more lines; gives what telnet wants answered, mostly nothing. The chunk is
   * the decoder's from now on.
   */
  readonly feed: (chunk: Uint8Array) => Uint8Array
  /** The next line, or undefined when that needs more bytes. `TooLong` is final. */
  readonly take: () => string | TooLong | undefined
  /** Whether what was fed stops within a line. */
  readonly inLine: () => boolean
  /**
   * At the end of the stream, once `take` has no more lines: the last one, if it has bytes but no end. A CR cut off
   * from its LF is no byte of it.
   */
  readonly finish: () => string | undefined
}

const NUL = 0
const LF = 10
const CR = 13

const empty = new Uint8Array(0)
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true })

/** Most lines are short and ASCII: the decoder alone would cost as much as all else that is done for one. */
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

/** Cuts one stream of bytes into lines. @category constructors @since 0.1.0 */
export const decoder = (options: DecoderOptions = {}): Decoder => {
  const { maxLength: maxBytes = 1024, telnet = true } = options
  let stream = Telnet.initial
  let chunk: Uint8Array = empty
  /** Where in the chunk the line begins, or goes on. */
  let position = 0
  /** The next LF and NUL in the chunk: found once, however many lines come before them. */
  let nextLf = Infinity
  let nextNul = Infinity
  /** What earlier chunks had of the line; never more than the maximum and a CR. */
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
      if (partialLength === 0) return decodeShortAscii(chunk, from, from + length) ?? utf8.decode(chunk.subarray(from, from + length))
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

/** How lines are read from a connection. @category models @since 0.1.0 */
export interface Options extends DecoderOptions {
  /**
   * How long a line may take from its first byte to its end, however many bytes come in between. Default 30 seconds;
   * infinity is no deadline.
   */
  readonly deadline?: Duration.Input | undefined
  /**
   * Who looks at the deadline, which is met late by at most its period. A server gives its own; default: one that looks
   * every second.
   */
  readonly sweeper?: Sweeper.Sweeper | undefined
}

/** The lines a peer sends. @category models @since 0.1.0 */
export interface Lines {
  /**
   * Waits for the next line; one fiber at a time. At the peer's FIN, and where reading is ended on this side, comes
   * what was sent after the last end of line, if anything, as a last line, then `Done`. After a `LineError` nothing
   * more can be read; the connection can still be written to.
   */
  readonly next: Pull.Pull<string, Network.NetworkError | LineError>
}

/**
 * Reads lines from a connection, until the scope closes. Telnet's questions are answered before the next line is handed
 * out; an answer that cannot be sent is dropped, as reading tells soon enough what has become of the peer.
 *
 * The deadline counts while a reader waits for the rest of a line: a handler that takes its time over one line does not
 * make its peer a slow one.
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
  /** When the latest chunk came that stopped within a line, and when the line that is read now began. */
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
  /** Two ways to wait, so that a line that comes whole pays nothing for the deadline of one that does not. */
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
        // Wakes the reader, which finds that it is over.
        fork(connection.endRead)
      })
    ),
    (remove) => Effect.sync(remove)
  )
  const self: Lines = { next }
  return self
})
