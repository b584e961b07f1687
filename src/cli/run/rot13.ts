import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as TcpClient from "../../network/TcpClient.ts"
import type * as TcpServer from "../../network/TcpServer.ts"
import type * as Rot13 from "../../rot13/Rot13.ts"
import * as Rot13Client from "../../rot13/Rot13Client.ts"
import * as Rot13Server from "../../rot13/Rot13Server.ts"
import { UsageError } from "../common/CliErrors.ts"
import * as network from "./common/network.ts"
import * as serverMessages from "./common/serverMessages.ts"

type ServeInput = TcpServer.Limits & {
  readonly host: string
  readonly port: number
  readonly case: Rot13.Case | undefined
  readonly json: boolean
}

export const serve = (input: ServeInput) =>
  serverMessages.serve(
    "rot13",
    input.json,
    Effect.catch(Rot13Server.make(input), serverMessages.explainListenError("rot13", input.port, "--port"))
  )

interface SendInput {
  readonly host: string
  readonly service: string
  readonly text: ReadonlyArray<string>
  readonly style: "old" | "new" | "python" | undefined
  readonly json: boolean
}

/** Styles of the course's clients, which differ in the bytes they send and in how they print a reply. */
const styles = {
  new: {
    toBytes: (text: string) => new TextEncoder().encode(`${text}\0`),
    longest: 499,
    show: (answer: Uint8Array, text: string) => `Received ${answer.length} bytes: ${text}`
  },
  python: {
    toBytes: (text: string) => new TextEncoder().encode(text),
    longest: Number.POSITIVE_INFINITY,
    show: (_: Uint8Array, text: string) => text
  }
}

/** Returns the messages to send, as bytes; undefined for standard input. */
const messagesOf = Effect.fnUntraced(function* ({ json, style, text }: SendInput) {
  const messages = text.length > 0
  if ((style ?? (messages ? "python" : "old")) === "old") {
    if (messages) return yield* new UsageError({ message: "--style old sends standard input: leave TEXT out" })
    if (json) return yield* new UsageError({ message: "--json requires messages: give at least one TEXT" })
    return undefined
  }
  if (!messages) return yield* new UsageError({ message: `--style ${style} requires messages: give at least one TEXT` })
  const { longest: maxBytes, show, toBytes } = styles[style === "new" ? "new" : "python"]
  const sent = text.map((one) => ({ text: one, bytes: toBytes(one) }))
  const tooLong = sent.find(({ bytes }) => bytes.length > maxBytes)
  if (tooLong !== undefined) {
    const message = `message too long for --style new: ${tooLong.bytes.length - 1} bytes, at most ${maxBytes - 1}`
    return yield* new UsageError({ message })
  }
  return { sent, show }
})

export const send = Effect.fnUntraced(
  function* (input: SendInput) {
    const messages = yield* messagesOf(input)
    const connection = yield* TcpClient.connect({ host: input.host, service: input.service })
    if (messages === undefined) {
      const stdio = yield* Stdio.Stdio
      return yield* Stream.run(Rot13Client.requestStream(connection, stdio.stdin), stdio.stdout())
    }
    for (const { bytes, text } of messages.sent) {
      const answer = yield* Rot13Client.request(connection, bytes)
      const received = new TextDecoder().decode(answer).replace(/\0$/, "")
      yield* Console.log(input.json ? JSON.stringify({ sent: text, received }) : messages.show(answer, received))
    }
  },
  Effect.scoped,
  Effect.provide(network.layer)
)
