/** A client on a connection to a key-value server. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Pull from "effect/Pull"
import * as Semaphore from "effect/Semaphore"
import { Line, type Network } from "effect-inet/network"
import * as KeyValue from "./KeyValue.ts"

/** The server closed the connection, or it is not a key-value server. */
export class KeyValueClientError extends Data.TaggedError("KeyValueClientError")<{ readonly message: string }> {}

const ended = new KeyValueClientError({ message: "the server closed the connection before it replied" })

/** Makes a client. Its requests wait for each other, because a reply does not name its request. */
export const make = Effect.fnUntraced(function* (connection: Network.Connection) {
  const lines = yield* Line.make(connection, { maxLength: 700 })
  const oneAtATime = yield* Semaphore.make(1)
  const request = Effect.fnUntraced(function* (command: KeyValue.Command) {
    yield* connection.write(`${KeyValue.format(command)}\n`)
    const line = yield* Pull.catchDone(lines.next, () => Effect.fail(ended))
    const message = `unexpected reply: not a key-value server (${JSON.stringify(line)})`
    return yield* Effect.mapError(
      Effect.fromOption(KeyValue.parseReply(line)),
      () => new KeyValueClientError({ message })
    )
  }, Semaphore.withPermit(oneAtATime))
  return {
    request,
    get: (key: string) =>
      Effect.map(request({ _tag: "Get", key }), (reply) =>
        reply._tag === "Found" ? Option.some(reply.value) : Option.none()
      ),
    set: (key: string, value: string) => Effect.asVoid(request({ _tag: "Set", key, value }))
  }
})
