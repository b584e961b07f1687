/** Asks a rot13 server. The answer to n bytes is n bytes, however TCP cuts them: that is how a client knows its end. */
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import * as Network from "../network/Network.ts"

const closedError = (connection: Network.Connection) =>
  Effect.fail(new Network.NetworkError({ reason: "Closed", address: connection.remote }))

/** So many bytes, however they come; what a server says beyond them is cut off. */
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
 * Sends a message and waits for as many bytes as it has, so an answer that comes in pieces is not cut short. It reads
 * while it writes: a server that waits to be read does not read. Fails with `Closed` when the server ends before.
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
 * Sends a stream of any length and gives what comes back, in constant memory: reading and writing go on side by side,
 * since a server that waits to be read does not read. Fails with `Closed` when less comes back than was sent.
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
