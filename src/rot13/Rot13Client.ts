/**
 * Client of a rot13 server. The reply to n bytes has n bytes, in whatever pieces TCP delivers them: that is how the
 * client detects its end.
 *
 * **Example** (One message)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { Network, NodeNetwork } from "effect-inet/network"
 * import { Rot13Client, Rot13Server } from "effect-inet/rot13"
 *
 * const program = Effect.gen(function* () {
 *   const { address } = yield* Rot13Server.make({ port: 0 })
 *   const connection = yield* (yield* Network.Network).connect(address)
 *   const reply = yield* Rot13Client.request(connection, new TextEncoder().encode("Hello"))
 *   new TextDecoder().decode(reply) // => "Uryyb"
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(NodeNetwork.layer)))
 * ```
 */
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import * as Network from "../network/Network.ts"

const closedError = (connection: Network.Connection) =>
  Effect.fail(new Network.NetworkError({ reason: "Closed", address: connection.remote }))

/** Reads exactly `length` bytes; bytes beyond them in the last chunk are dropped. */
const readExactly = Effect.fnUntraced(function* (connection: Network.Connection, length: number) {
  const answer = new Uint8Array(length)
  for (let at = 0; at < length; ) {
    const bytes = yield* Pull.catchDone(connection.pull, () => closedError(connection))
    answer.set(bytes.subarray(0, length - at), at)
    at += bytes.length
  }
  return answer
})

/**
 * Sends a message and waits for a reply of the same length, so that a reply in pieces is complete.
 *
 * Reads while it writes, because a server whose output is not read stops reading. Fails with `Closed` if the server
 * ends early.
 *
 * @category combinators
 * @since 0.1.0
 */
export const request = Effect.fnUntraced(function* (connection: Network.Connection, message: Uint8Array) {
  const [, answer] = yield* Effect.all([connection.write(message), readExactly(connection, message.length)], {
    concurrency: "unbounded"
  })
  return answer
})

/**
 * Sends a stream of any length and returns the stream of replies, in constant memory.
 *
 * Reads while it writes, because a server whose output is not read stops reading. Fails with `Closed` if the server
 * returns fewer bytes than were sent.
 *
 * @category combinators
 * @since 0.1.0
 */
export const requestStream = <E, R>(
  connection: Network.Connection,
  input: Stream.Stream<Uint8Array, E, R>
): Stream.Stream<Uint8Array, E | Network.NetworkError, R> =>
  Stream.suspend(() => {
    let sent = 0
    let received = 0
    const write = Stream.runForEach(input, (bytes) => {
      sent += bytes.length
      return connection.write(bytes)
    })
    const answers = Stream.fromPull(
      Effect.succeed(
        Effect.map(connection.pull, (bytes) => {
          received += bytes.length
          return [bytes] as const
        })
      )
    )
    const complete = Effect.suspend(() => (received < sent ? closedError(connection) : Effect.void))
    return Stream.merge(answers, Stream.fromEffectDrain(Effect.andThen(write, connection.end))).pipe(
      Stream.concat(Stream.fromEffectDrain(complete))
    )
  })
