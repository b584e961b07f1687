/** A small session for tests, in a module that workers can load, and its clients. */
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Pull from "effect/Pull"
import * as Schema from "effect/Schema"
import type * as Network from "../../src/network/Network.ts"
import type * as ConcurrencyModel from "../../src/session/ConcurrencyModel.ts"
import type * as Session from "../../src/session/Session.ts"
import { Hosts } from "./Hosts.ts"

/** Options of the test session. */
export interface Options {
  /** Interval of ticks in milliseconds. */
  readonly tick?: number | undefined
  /** Maximum length of a read in bytes; makes the session receive reads instead of lines. */
  readonly maxReadLength?: number | undefined
  readonly unterminated?: "deliver" | "drop" | "fail" | undefined
  /** Maximum length of a line in bytes. */
  readonly maxLength?: number | undefined
  /** Number of blanks to add to each push. */
  readonly paddingChars?: number | undefined
}

const Options = Schema.Struct({
  tick: Schema.optional(Schema.Int),
  maxReadLength: Schema.optional(Schema.Int),
  unterminated: Schema.optional(Schema.Literals(["deliver", "drop", "fail"])),
  maxLength: Schema.optional(Schema.Int),
  paddingChars: Schema.optional(Schema.Int)
})

const Ask = Schema.Union([Schema.TaggedStruct("Add", { by: Schema.Int }), Schema.TaggedStruct("Watch", {})])
const Message = Schema.Union([
  Schema.TaggedStruct("Sum", { sum: Schema.Int }),
  Schema.TaggedStruct("Watching", {}),
  Schema.TaggedStruct("Now", { total: Schema.Int })
])
export type Ask = typeof Ask.Type
export type Message = typeof Message.Type

/** Number of lines so far, and the client. */
interface State {
  readonly count: number
  readonly client: Session.ClientInfo
}
type Step = Session.Step<State, Ask>

const textOf = (message: Message, paddingChars: number) => {
  if (message._tag === "Watching") return "watching\n"
  return message._tag === "Sum" ? `sum ${message.sum}\n` : `now ${message.total}${" ".repeat(paddingChars)}\n`
}

const commands: Readonly<Record<string, (state: State, rest: string) => Step>> = {
  silent: (state) => [state, {}],
  nothing: (state) => [state, { text: "" }],
  who: (state) => [state, { text: `client ${state.client.id} ${state.client.seed}\n` }],
  add: (state, rest) => [state, { text: "adding\n", ask: { _tag: "Add", by: Number(rest) || 0 } }],
  watch: (state) => [state, { ask: { _tag: "Watch" } }],
  much: (state, rest) => [state, { text: `${"x".repeat(Number(rest) || 0)}\n` }],
  bye: (state) => [state, { text: "bye\n", close: true }]
}

const answer = (state: State, text: string): Step => {
  const [word = "", rest = ""] = text.split(" ")
  const command = Object.hasOwn(commands, word) ? commands[word] : undefined
  return command === undefined ? [state, { text: `${state.count}: ${text}\n` }] : command(state, rest)
}

const session = ({
  maxLength,
  maxReadLength,
  paddingChars = 0,
  tick,
  unterminated
}: Options): Session.Session<State, Ask, Message> => ({
  framing:
    maxReadLength === undefined
      ? { _tag: "Lines", maxLength, unterminated }
      : { _tag: "Reads", maxLength: maxReadLength },
  tick,
  open: (client) => [{ count: 0, client }, { text: "hello\n" }],
  receive: (state, input) => {
    switch (input._tag) {
      case "Line":
        return answer({ ...state, count: state.count + 1 }, input.text)
      case "Message":
        return [state, { text: textOf(input.message, paddingChars) }]
      case "Tick":
        return [state, { text: "tick\n" }]
      case "FramingError":
        return [state, { text: `broken: ${input.message}\n` }]
      case "Closed":
        return [state, { text: "closed\n", ask: { _tag: "Add", by: 1_000 } }]
    }
  }
})

/** Definition that the workers load. @public */
export const definition: Session.Definition<Options, State, Ask, Message> = {
  name: "test",
  options: Options,
  ask: Ask,
  message: Message,
  make: (options) => Effect.succeed(session(options))
}

/**
 * Returns shared state: a sum for each client, and a total that is pushed to watchers.
 *
 * `attachOrder` has the numbers of all clients in the order in which they were attached.
 */
export const makeShared = () => {
  const attachOrder: Array<number> = []
  const stats = { total: 0, attached: 0, maxAttached: 0 }
  const watchers = new Set<(message: Message) => void>()
  const shared: Session.Shared<Ask, Message> = {
    attach: ({ id }, push) =>
      Effect.map(
        Effect.acquireRelease(
          Effect.sync(() => {
            attachOrder.push(id)
            stats.maxAttached = Math.max(stats.maxAttached, ++stats.attached)
          }),
          () =>
            Effect.sync(() => {
              stats.attached--
              watchers.delete(push)
            })
        ),
        () => {
          let sum = 0
          return (ask) =>
            Effect.sync((): Message => {
              if (ask._tag === "Watch") {
                watchers.add(push)
                return { _tag: "Watching" }
              }
              sum += ask.by
              stats.total += ask.by
              for (const watcher of watchers) watcher({ _tag: "Now", total: stats.total })
              return { _tag: "Sum", sum }
            })
        }
      )
  }
  return { stats, order: attachOrder, shared }
}

/** Returns the session in the form that every model can serve. */
export const makeProgram = (
  options: Options,
  shared: Session.Shared<Ask, Message> = makeShared().shared
): ConcurrencyModel.LoadableProgram<State, Ask, Message> => ({
  session: session(options),
  shared,
  module: import.meta.url,
  definition,
  options
})

/**
 * Returns the text that a client reads after it has sent `lines` and FIN: a fold of the session over the lines, with no
 * server.
 */
export const transcript = (options: Options, lines: ReadonlyArray<string>): string => {
  const { open, receive } = session(options)
  let [state, output] = open({ id: 1, remote: "", seed: 0 })
  let text = ""
  let sum = 0
  const write = (step: Step) => {
    ;[state, output] = step
    text += output.text ?? ""
  }
  const answerLine = (step: Step) => {
    write(step)
    if (output.ask?._tag === "Add") {
      sum += output.ask.by
      write(receive(state, { _tag: "Message", message: { _tag: "Sum", sum } }))
    }
  }
  text += output.text ?? ""
  for (const line of lines) {
    answerLine(receive(state, { _tag: "Line", text: line }))
    if (output.close) return text
  }
  write(receive(state, { _tag: "Closed" }))
  return text
}

/** Connects to a server of the test, from the client's host. */
export const connect = Effect.fnUntraced(function* (server: { readonly address: NetAddress.SocketAddress }) {
  const { client, server: host } = yield* Hosts
  const { port } = server.address as NetAddress.InetAddress
  return yield* client.network.connect(NetAddress.inetAddressFromIpStringUnsafe(host.address, port))
})

/** Returns functions that read text from a connection. */
export const reader = (connection: Network.Connection) => {
  const decoder = new TextDecoder()
  let buffered = ""
  return {
    /** Reads up to and including the first `end`. */
    to: Effect.fnUntraced(function* (end: string) {
      while (!buffered.includes(end)) buffered += decoder.decode(yield* connection.pull, { stream: true })
      const at = buffered.indexOf(end) + end.length
      const text = buffered.slice(0, at)
      buffered = buffered.slice(at)
      return text
    }),
    /** Reads up to FIN or a reset. */
    rest: Effect.gen(function* () {
      yield* Effect.forever(
        Effect.map(connection.pull, (bytes) => {
          buffered += decoder.decode(bytes, { stream: true })
        })
      ).pipe(
        Pull.catchDone(() => Effect.void),
        Effect.ignore
      )
      const text = buffered
      buffered = ""
      return text
    })
  }
}
