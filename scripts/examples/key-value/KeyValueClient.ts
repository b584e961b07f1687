/** A client on a connection to a key-value server. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Pull from "effect/Pull"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import { Line, type Network } from "effect-inet/network"
import * as KeyValue from "./KeyValue.ts"

/** A command is invalid, or the server did not reply as a key-value server does. */
export class KeyValueClientError extends Data.TaggedError("KeyValueClientError")<{ readonly message: string }> {}

const fail = (message: string) => Effect.fail(new KeyValueClientError({ message }))

/** Refuses what `format` would turn into another command, such as a key with a space. */
const isCommand = Schema.is(KeyValue.Command)

const invalidMessage =
  "invalid key or value: a key has 1 to 100 characters without spaces, a value at most 500, all printable ASCII"

/**
 * Makes a client. Its requests wait for each other, because a reply does not name its request. A request fails with
 * `TimeoutError` after ten seconds.
 */
export const make = Effect.fnUntraced(function* (connection: Network.Connection) {
  const lines = yield* Line.make(connection, { maxLength: 700 })
  const oneAtATime = yield* Semaphore.make(1)
  const request = Effect.fnUntraced(
    function* (command: KeyValue.Command) {
      if (!isCommand(command)) return yield* fail(invalidMessage)
      yield* connection.write(`${KeyValue.format(command)}\n`)
      const line = yield* Pull.catchDone(lines.next, () => fail("the server closed the connection before it replied"))
      const reply = KeyValue.parseReply(line)
      if (Option.isSome(reply)) return reply.value
      return yield* fail(
        line.startsWith("error: ")
          ? `the server refused the command: ${line.slice(7)}`
          : `unexpected reply: not a key-value server (${JSON.stringify(line)})`
      )
    },
    Effect.timeout("10 seconds"),
    Semaphore.withPermit(oneAtATime)
  )
  return {
    request,
    get: (key: string) =>
      Effect.map(request({ _tag: "Get", key }), (reply) =>
        reply._tag === "Found" ? Option.some(reply.value) : Option.none()
      ),
    set: (key: string, value: string) => Effect.asVoid(request({ _tag: "Set", key, value })),
    /** Returns whether the key was in the store. */
    delete: (key: string) => Effect.map(request({ _tag: "Delete", key }), (reply) => reply._tag === "Done")
  }
})
