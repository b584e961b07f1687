/** A session of `connect` or `listen`: copies bytes between a peer and the local end, both ways, to their end. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Monotonic from "../../../network/Monotonic.ts"
import type { NetworkError } from "../../../network/Network.ts"
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

type SessionError = NetworkError | LocalError

/** Combines the two directions. A failed send waits for the peer's last bytes, which say more. */
const untilEnd = (
  { endsWith }: Options,
  sending: Effect.Effect<void, SessionError>,
  receiving: Effect.Effect<void, SessionError>
): Effect.Effect<void, SessionError> => {
  if (endsWith === "input") return Effect.raceFirst(sending, Effect.andThen(receiving, Effect.never))
  const lost = sending.pipe(
    Effect.as(undefined),
    Effect.catchTag("NetworkError", (error) => Effect.succeed(error))
  )
  if (endsWith === "peer") return Effect.raceFirst(receiving, Effect.andThen(lost, Effect.never))
  return Effect.flatMap(Effect.all([lost, receiving], { concurrency: 2 }), ([error]) =>
    error === undefined ? Effect.void : Effect.fail(error)
  )
}

/** Completes when nothing has been copied for the timeout. */
const idle = (timeout: Duration.Duration | undefined, idleMillis: () => number) =>
  timeout === undefined
    ? Effect.never
    : Effect.gen(function* () {
        for (let left = Duration.toMillis(timeout); left > 0; left = Duration.toMillis(timeout) - idleMillis()) {
          yield* Effect.sleep(left)
        }
      })

/** Runs a session to its end, and reports its events. */
export const run = Effect.fnUntraced(function* (
  peer: PeerSocket,
  local: LocalEnd,
  options: Options,
  reporter: Reporter
): Effect.fn.Return<void, SessionError> {
  const now = yield* Monotonic.millis
  const counts = { sent: 0, received: 0 }
  let activeAt = now()
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
      return Effect.andThen(observe("sent", bytes), peer.write(bytes))
    })
    yield* reporter.event({ event: "inputEnded", remote: peer.remote() })
    if (options.endsWith !== "peer") yield* peer.end
    yield* local.ended
  })
  const received = Stream.fromPull(Effect.succeed(Effect.map(peer.pull, (bytes) => [bytes] as const)))
  const receiving = Effect.andThen(
    local.receive(Stream.tap(received, (bytes) => observe("received", bytes))),
    Effect.suspend(() => reporter.event({ event: "peerEnded", remote: peer.remote() }))
  )
  yield* reporter.event({ event: "connected", local: peer.local, remote: peer.remote() })
  const closed = (reason?: string) =>
    reporter.event({ event: "closed", remote: peer.remote(), ...counts, ...(reason === undefined ? {} : { reason }) })
  const isIdle = Effect.as(
    idle(options.idleTimeout, () => now() - activeAt),
    "idle"
  )
  yield* Effect.matchEffect(Effect.raceFirst(Effect.as(untilEnd(options, sending, receiving), undefined), isIdle), {
    onSuccess: closed,
    onFailure: (error) => Effect.andThen(closed(error.message), Effect.fail(error))
  })
})
