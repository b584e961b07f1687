/**
 * Reader of the messages of a connection. It reads ahead up to a limit, so that the end of a connection is noticed
 * while nothing waits for a message.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import type * as Scope from "effect/Scope"
import { type Connection, NetworkError } from "../../../Network.ts"
import * as Signal from "../../../Signal.ts"
import * as HttpDecoder from "./HttpDecoder.ts"
import type { HttpSyntaxError } from "./HttpSyntaxError.ts"

/** Reader of the messages of a connection; one fiber reads. */
export interface HttpReader {
  readonly decoder: HttpDecoder.HttpDecoder
  /** Waits for the next part of a message. After `Closed` or a failure nothing else follows. */
  readonly next: Effect.Effect<Exclude<HttpDecoder.Event, { _tag: "Refused" }>, NetworkError | HttpSyntaxError>
  /** Takes the bytes after an upgrade, as the `pull` of a connection. */
  readonly pull: Pull.Pull<Uint8Array, NetworkError>
  /** Called once when the peer has sent FIN or the connection has failed. */
  onEnd: () => void
  /** Called when bytes have arrived. */
  onBytes: () => void
  /** True once the peer has sent FIN or the connection has failed. */
  hasEnded: boolean
  /** Fails the waiting and all later reads. */
  readonly fail: (error: HttpSyntaxError) => void
}

/** Number of bytes that are read ahead. */
const maxAheadBytes = 65_536

/** Starts a reader, which ends with the scope. */
export const make = Effect.fnUntraced(function* (
  connection: Pick<Connection, "pull" | "remote">,
  decoder: HttpDecoder.HttpDecoder
): Effect.fn.Return<HttpReader, never, Scope.Scope> {
  const arrival = Signal.make()
  const room = Signal.make()
  let failure: NetworkError | HttpSyntaxError | undefined

  const isFull = () => HttpDecoder.bufferedBytes(decoder) >= maxAheadBytes
  const whenRoom = Effect.suspend(function loop(): Effect.Effect<void> {
    return isFull() ? Effect.flatMap(room.wait, loop) : Effect.void
  })
  const onEnd = () => {
    HttpDecoder.end(decoder)
    reader.hasEnded = true
    arrival.notify()
    reader.onEnd()
  }
  const pump = Effect.forever(
    Effect.flatMap(whenRoom, () =>
      Effect.map(connection.pull, (bytes) => {
        HttpDecoder.push(decoder, bytes)
        arrival.notify()
        reader.onBytes()
      })
    ),
    { disableYield: true }
  ).pipe(
    Effect.catch((error) =>
      Effect.sync(() => {
        if (!Cause.isDone(error)) failure ??= error
        onEnd()
      })
    )
  )

  const next: HttpReader["next"] = Effect.suspend(() => {
    if (failure?._tag === "HttpSyntaxError") return Effect.fail(failure)
    const event = HttpDecoder.next(decoder)
    // A failed connection first gives what had arrived, then its own error instead of that of a truncated message.
    const isAtEnd = event?._tag === "Closed" || (event?._tag === "Refused" && event.error.reason === "Truncated")
    if (failure !== undefined && (event === undefined || isAtEnd)) return Effect.fail(failure)
    if (event === undefined) return Effect.flatMap(arrival.wait, () => next)
    if (event._tag === "Refused") return Effect.fail(event.error)
    if (!isFull()) room.notify()
    return Effect.succeed(event)
  })
  const pull: HttpReader["pull"] = Effect.suspend(() => {
    const bytes = HttpDecoder.takeRest(decoder)
    if (bytes.length > 0) {
      room.notify()
      return Effect.succeed(bytes)
    }
    if (failure?._tag === "NetworkError") return Effect.fail(failure)
    return reader.hasEnded ? Cause.done() : Effect.flatMap(arrival.wait, () => pull)
  })
  const fail = (error: HttpSyntaxError) => {
    failure ??= error
    arrival.notify()
  }
  const reader: HttpReader = { decoder, next, pull, onEnd: () => {}, onBytes: () => {}, hasEnded: false, fail }
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      failure ??= new NetworkError({ reason: "Closed", address: connection.remote })
      arrival.notify()
    })
  )
  yield* Effect.forkScoped(pump, { startImmediately: true })
  return reader
})
