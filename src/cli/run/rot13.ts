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
import { withoutSettings } from "../common/settings/CommandInput.ts"
import * as network from "./common/network.ts"
import * as runServer from "./common/runServer.ts"
import * as serverMessages from "./common/serverMessages.ts"

type ServeInput = TcpServer.Limits &
  runServer.Operations & {
    readonly host: string
    readonly port: number
    readonly case: Rot13.Case | undefined
  }

export const serve = (input: ServeInput) =>
  runServer.serve(
    "rot13",
    input,
    Effect.catch(Rot13Server.make(input), serverMessages.explainListenError("rot13", input.port, "--port")),
    { listen: input }
  )

interface SendInput {
  readonly host: string
  readonly service: string
  readonly text: ReadonlyArray<string>
  readonly style: "old" | "new" | "python" | undefined
  readonly json: boolean
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

const untilNul = (bytes: Uint8Array) => (bytes.includes(0) ? bytes.subarray(0, bytes.indexOf(0)) : bytes)

/** Bytes and output of a client. */
interface Style {
  readonly toBytes: (text: string) => Uint8Array
  readonly before: (answer: Uint8Array) => string
  readonly after: string
}

/** The clients of the course that send messages: their bytes and their output. `plain` is our own. */
const styles: Readonly<Record<"plain" | "new" | "python", Style>> = {
  plain: { toBytes: (text) => encoder.encode(text), before: () => "", after: "\n" },
  new: {
    toBytes: (text) => encoder.encode(`${text}\0`),
    before: ({ length }) => `Received ${length} bytes: `,
    after: "\n"
  },
  python: { toBytes: (text) => encoder.encode(text), before: () => "", after: " " }
}

/** Longest message of the course's new client, whose buffer has 500 bytes, without its NUL. */
const maxNewStyleBytes = 498

/** Number of the first message among the arguments of the course's client, which names it in a warning. */
const firstMessageIndex = 3

/** Returns the messages to send, as bytes; undefined for standard input. */
const messagesOf = Effect.fnUntraced(function* ({ json, style, text }: SendInput) {
  const messages = text.length > 0
  if (style === "old" || (style === undefined && !messages)) {
    if (messages) return yield* new UsageError({ message: "--style old sends standard input: leave TEXT out" })
    if (json) return yield* new UsageError({ message: "--json requires messages: give at least one TEXT" })
    return undefined
  }
  if (!messages) return yield* new UsageError({ message: `--style ${style} requires messages: give at least one TEXT` })
  const { toBytes } = styles[style ?? "plain"]
  const sent = text.map((one) => ({ text: one, bytes: toBytes(one) }))
  if (style !== "new") return sent
  const isTooLong = ({ bytes }: { readonly bytes: Uint8Array }) => bytes.length > maxNewStyleBytes + 1
  for (const [at, message] of sent.entries()) {
    if (isTooLong(message)) yield* Console.error(`Ignoring long message in argument ${at + firstMessageIndex}`)
  }
  return sent.filter((message) => !isTooLong(message))
})

/** Returns the options that do not fit standard input, or messages. */
const unfitting = ({ style, text }: SendInput): ReadonlyArray<"json" | "style"> =>
  text.length > 0 ? (style === "old" ? ["style"] : []) : style === "old" ? ["json"] : ["json", "style"]

export const send = Effect.fnUntraced(
  function* (given: SendInput) {
    const input = yield* withoutSettings(given, unfitting(given))
    const messages = yield* messagesOf(input)
    const connection = yield* TcpClient.connect({ host: input.host, service: input.service })
    const stdio = yield* Stdio.Stdio
    const write = (output: Stream.Stream<string | Uint8Array>) => Stream.run(output, stdio.stdout())
    if (messages === undefined) {
      if (input.style === "old") yield* write(Stream.succeed(`connected to server ${input.host}\n`))
      return yield* Stream.run(Rot13Client.requestStream(connection, stdio.stdin), stdio.stdout())
    }
    const { after, before } = styles[input.style === "new" || input.style === "python" ? input.style : "plain"]
    for (const { bytes, text } of messages) {
      const answer = yield* Rot13Client.request(connection, bytes)
      const received = untilNul(answer)
      if (input.json) yield* Console.log(JSON.stringify({ sent: text, received: decoder.decode(received) }))
      else yield* write(Stream.make(before(answer), received, after))
    }
  },
  Effect.scoped,
  Effect.provide(network.layer)
)
