/** The client of rot13 over TCP, which sends its messages one by one or all at once. */
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Stream from "effect/Stream"
import * as Network from "../../../network/Network.ts"
import * as Rot13 from "../../../rot13/Rot13.ts"
import * as Rot13Client from "../../../rot13/Rot13Client.ts"
import type * as SimHost from "../../../simulation/network/SimHost.ts"
import type * as Recorder from "../Recorder.ts"
import * as Scenario from "../Scenario.ts"

/** Options of a client. */
export interface Options {
  readonly server: { readonly address: string; readonly port: number }
  readonly messages: ReadonlyArray<string>
  readonly isAtOnce: boolean
  readonly recorder: Pick<Recorder.Recorder<unknown>, "remark">
}

const encode = (text: string) => new TextEncoder().encode(text)
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

/** Bytes of a chunk that are quoted. */
const maxQuotedChars = 40

const quote = (text: string) =>
  JSON.stringify(text.length > maxQuotedChars ? `${text.slice(0, maxQuotedChars)}...` : text)

/** Sends each message after the reply to the one before, and then FIN. */
const waitForEach = Effect.fnUntraced(function* (connection: Network.Connection, messages: ReadonlyArray<string>) {
  const replies = yield* Effect.forEach(messages, (text) => Rot13Client.request(connection, encode(text)))
  yield* connection.end
  return replies.map(decode).join("")
})

/** Sends all messages, then FIN, and remarks what each read returns: TCP keeps no boundaries between messages. */
const sendAtOnce = (connection: Network.Connection, { messages, recorder }: Options, host: string) =>
  Rot13Client.requestStream(connection, Stream.fromIterable(messages.map(encode))).pipe(
    Stream.map(decode),
    Stream.tap((chunk) =>
      Effect.map(Scenario.now, (atMillis) => {
        const isWhole = messages.some((message) => rotate(message) === chunk)
        const text = `reads ${quote(chunk)}: ${isWhole ? "one message" : "not a message"}`
        recorder.remark({ atMillis, host, text, tone: "plain" })
      })
    ),
    Stream.mkString
  )

const rotate = (text: string) => decode(Rot13.rotate(encode(text)))

/** Runs the client on a host, to its end. */
export const run = Effect.fnUntraced(function* (host: SimHost.SimHost, options: Options) {
  const { isAtOnce, messages, server } = options
  const remote = NetAddress.inetAddressFromNativeUnsafe(server.address, server.port)
  const exchange = Effect.gen(function* () {
    const connection = yield* (yield* Network.Network).connect(remote)
    return yield* isAtOnce ? sendAtOnce(connection, options, host.name) : waitForEach(connection, messages)
  })
  const result = yield* host.run(Effect.result(exchange))
  const atMillis = yield* Scenario.now
  const expected = messages.map(rotate).join("")
  const ending: Scenario.Ending =
    result._tag === "Failure"
      ? { outcome: "failed", text: result.failure.message, atMillis, figures: [] }
      : result.success === expected
        ? { outcome: "done", text: `all ${expected.length} bytes came back rotated, in order`, atMillis, figures: [] }
        : { outcome: "failed", text: "wrong: the reply differs", atMillis, figures: [] }
  return ending
})
