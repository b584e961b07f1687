/** A session of `connect` or `listen`: copies bytes between a peer and the local end, both ways, to their end. */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Monotonic from "../../../network/Monotonic.ts"
import type { NetworkError } from "../../../network/Network.ts"
import * as Quantity from "../../../network/Quantity.ts"
import * as lineEndings from "./lineEndings.ts"
import type { LocalEnd, LocalError } from "./localEnd.ts"
import type { PeerSocket } from "./peerSocket.ts"
import type { Reporter } from "./reporter.ts"

/** Options of a session. */
export interface Options {
  /**
   * The end of the session. `peer`: the end of the peer's bytes; the end of the input is not sent. `both`: the end of
   * both directions; the end of the input is sent as FIN. `input`: the end of a command, which is sent as FIN.
   */
  readonly endsWith: "peer" | "both" | "input"
  /** Converts LF of the input to CR LF. */
  readonly crlf: boolean
  /** Ends a session without bytes in either direction for this time. Default: never. */
  readonly idleTimeout: Duration.Duration | undefined
}

/** Input that was read and not sent before the session ended. */
class UnsentInput extends Data.TaggedError("UnsentInput")<{
  readonly remote: string
  /** Number of bytes that were read and not sent. */
  readonly bytes: number
  /** True if the input had ended: otherwise there may be more. */
  readonly isAll: boolean
  readonly why: string
  /** Failure of the send; undefined if the session ended for another reason. */
  readonly cause?: NetworkError
}> {
  override get message(): string {
    const bytes = Quantity.format(this.bytes, "byte")
    return `${this.remote}: ${this.isAll ? "" : "at least "}${bytes} of the input not sent: ${this.why}`
  }
}

/** Failure of a session. */
export type SessionError = NetworkError | LocalError | UnsentInput

/** Returns why input is left when the session ends because of the peer, or of the timeout. */
const reasonOf = (end: "ended" | "idle", { idleTimeout }: Options) =>
  end === "idle"
    ? `the peer took nothing for ${Duration.format(idleTimeout!)}; use a longer --timeout`
    : "the peer has ended the connection"

/** Combines the two directions. A failed send waits for the peer's last bytes, which say more, if it has an end. */
const untilEnd = (
  { endsWith }: Options,
  { hasEnd }: PeerSocket,
  sending: Effect.Effect<void, SessionError>,
  receiving: Effect.Effect<void, SessionError>
): Effect.Effect<void, SessionError> => {
  if (endsWith === "input") return Effect.raceFirst(sending, Effect.andThen(receiving, Effect.never))
  let failed: NetworkError | UnsentInput | undefined
  const lost = Effect.catchTag(sending, ["NetworkError", "UnsentInput"], (error) => {
    failed = error
    return hasEnd ? Effect.void : Effect.fail(error)
  })
  const both =
    endsWith === "peer"
      ? Effect.raceFirst(receiving, Effect.andThen(lost, Effect.never))
      : Effect.all([lost, receiving], { concurrency: 2, discard: true })
  return Effect.andThen(
    both,
    Effect.suspend(() => (failed === undefined ? Effect.void : Effect.fail(failed)))
  )
}

/** Number of times in a timeout that the progress of a slow peer is looked at. */
const looksPerTimeout = 8

/** Completes when nothing has been copied for the timeout. */
const idle = (timeout: Duration.Duration | undefined, idleMillis: () => number) =>
  timeout === undefined
    ? Effect.never
    : Effect.gen(function* () {
        const timeoutMillis = Duration.toMillis(timeout)
        for (let left = timeoutMillis; left > 0; left = timeoutMillis - idleMillis()) {
          yield* Effect.sleep(Math.min(left, timeoutMillis / looksPerTimeout))
        }
      })

/** Time between two looks at a buffer that the peer has to empty. */
const flushLookMillis = 20

/** Waits until the system has taken all bytes: a connection that closes keeps the rest for a second only. */
const flush = Effect.fnUntraced(function* (peer: PeerSocket) {
  if (peer.unsentBytes() === 0) return
  while (peer.unsentBytes() > 0) yield* Effect.sleep(flushLookMillis)
  // A connection that was lost meanwhile has no bytes left, either: this fails.
  yield* peer.write(new Uint8Array())
})

/** Sends bytes; the failure has the number of those that were not sent, as far as they are known. */
const send = (peer: PeerSocket, bytes: Uint8Array) =>
  Effect.mapError(peer.write(bytes), (error) => {
    const unsent = peer.unsentBytes()
    if (unsent === 0) return error
    return new UnsentInput({ remote: peer.remote(), bytes: unsent, isAll: false, why: error.detail, cause: error })
  })

/** Runs a session to its end, and reports its events. Fails if input was read that could not be sent. */
export const run = Effect.fnUntraced(function* (
  peer: PeerSocket,
  local: LocalEnd,
  options: Options,
  reporter: Reporter
): Effect.fn.Return<void, SessionError> {
  const now = yield* Monotonic.millis
  const counts = { sent: 0, received: 0 }
  let activeAt = now()
  let inputEnded = false
  let takenBytes = 0
  const lookAtTaken = () => {
    const before = takenBytes
    takenBytes = counts.sent - peer.unsentBytes()
    return takenBytes > before
  }
  const { hex, json } = reporter.flags
  const observe = (direction: "sent" | "received", bytes: Uint8Array) => {
    const offset = counts[direction]
    counts[direction] += bytes.length
    activeAt = now()
    return hex || json ? reporter.bytes(direction, peer.remote(), offset, bytes) : Effect.void
  }
  const toWire = options.crlf ? lineEndings.converter() : (bytes: Uint8Array) => bytes
  const sending = Effect.gen(function* () {
    yield* Stream.runForEach(local.input, (chunk) => {
      const bytes = toWire(chunk)
      return Effect.andThen(observe("sent", bytes), Effect.map(send(peer, bytes), lookAtTaken))
    })
    inputEnded = true
    yield* reporter.event({ event: "inputEnded", remote: peer.remote() })
    if (options.endsWith !== "peer") yield* Effect.andThen(flush(peer), peer.end)
    yield* local.ended
  })
  const received = Stream.fromPull(Effect.succeed(Effect.map(peer.pull, (bytes) => [bytes] as const)))
  const receiving = Effect.andThen(
    local.receive(Stream.tap(received, (bytes) => observe("received", bytes))),
    Effect.suspend(() => reporter.event({ event: "peerEnded", remote: peer.remote() }))
  )
  yield* reporter.event({ event: "connected", local: peer.local, remote: peer.remote() })
  const closed = (reason?: string) => {
    const sent = counts.sent - peer.unsentBytes()
    const { received } = counts
    return reporter.event({
      event: "closed",
      remote: peer.remote(),
      sent,
      received,
      ...(reason === undefined ? {} : { reason })
    })
  }
  const isIdle = idle(options.idleTimeout, () => {
    if (lookAtTaken()) activeAt = now()
    return now() - activeAt
  })
  const session = Effect.raceFirst(
    Effect.as(untilEnd(options, peer, sending, receiving), "ended" as const),
    Effect.as(isIdle, "idle" as const)
  )
  const complete = Effect.flatMap(session, (end) => {
    const bytes = peer.unsentBytes()
    return bytes === 0
      ? Effect.succeed(end === "idle" ? end : undefined)
      : Effect.fail(new UnsentInput({ remote: peer.remote(), bytes, isAll: inputEnded, why: reasonOf(end, options) }))
  })
  yield* Effect.matchEffect(complete, {
    onSuccess: closed,
    onFailure: (error) => Effect.andThen(closed(error.message), Effect.fail(error))
  })
})
