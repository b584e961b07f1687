/** A small session for tests, in a module that other processes and threads can load, and clients that talk to it. */
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Pull from "effect/Pull"
import * as Schema from "effect/Schema"
import type * as Network from "../../src/network/Network.ts"
import type * as ConcurrencyModel from "../../src/session/ConcurrencyModel.ts"
import type * as Session from "../../src/session/Session.ts"
import { Hosts } from "./Hosts.ts"

/** How the test session is made. */
export interface Options {
  /** In milliseconds. */
  readonly tick?: number | undefined
  /** Reads of at most so many bytes in place of lines. */
  readonly reads?: number | undefined
  /** Bytes of a line. */
  readonly maxLength?: number | undefined
  /** Characters of a push, more than needed. */
  readonly wide?: number | undefined
}

const Options = Schema.Struct({
  tick: Schema.optional(Schema.Int),
  reads: Schema.optional(Schema.Int),
  maxLength: Schema.optional(Schema.Int),
  wide: Schema.optional(Schema.Int)
})

const Ask = Schema.Union([Schema.TaggedStruct("Add", { by: Schema.Int }), Schema.TaggedStruct("Watch", {})])
const Told = Schema.Union([
  Schema.TaggedStruct("Sum", { sum: Schema.Int }),
  Schema.TaggedStruct("Watching", {}),
  Schema.TaggedStruct("Now", { total: Schema.Int })
])
export type Ask = typeof Ask.Type
export type Told = typeof Told.Type

/** The lines so far, and who this is. */
interface State {
  readonly count: number
  readonly client: Session.Client
}
type Step = Session.Step<State, Ask>

const said = (told: Told, wide: number) => {
  if (told._tag === "Watching") return "watching\n"
  return told._tag === "Sum" ? `sum ${told.sum}\n` : `now ${told.total}${" ".repeat(wide)}\n`
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

const session = ({ maxLength, reads, tick, wide = 0 }: Options): Session.Session<State, Ask, Told> => ({
  framing: reads === undefined ? { _tag: "Lines", maxLength } : { _tag: "Reads", max: reads },
  tick,
  open: (client) => [{ count: 0, client }, { text: "hello\n" }],
  receive: (state, input) => {
    switch (input._tag) {
      case "Line":
        return answer({ ...state, count: state.count + 1 }, input.text)
      case "Told":
        return [state, { text: said(input.told, wide) }]
      case "Tick":
        return [state, { text: "tick\n" }]
      case "Broken":
        return [state, { text: `broken: ${input.message}\n` }]
      case "Closed":
        return [state, { text: "closed\n", ask: { _tag: "Add", by: 1_000 } }]
    }
  }
})

/** What the module is loaded for. @public */
export const definition: Session.Definition<Options, State, Ask, Told> = {
  name: "test",
  options: Options,
  ask: Ask,
  told: Told,
  make: (options) => Effect.succeed(session(options))
}

/** Sums, each client's own and of all; who watches is told the latter. Also the numbers of those that asked. */
export const makeShared = () => {
  const order: Array<number> = []
  const stats = { total: 0, here: 0, most: 0 }
  const watchers = new Set<(told: Told) => void>()
  const shared: Session.Shared<Ask, Told> = {
    attach: ({ id }, tell) =>
      Effect.map(
        Effect.acquireRelease(
          Effect.sync(() => {
            order.push(id)
            stats.most = Math.max(stats.most, ++stats.here)
          }),
          () =>
            Effect.sync(() => {
              stats.here--
              watchers.delete(tell)
            })
        ),
        () => {
          let sum = 0
          return (ask) =>
            Effect.sync((): Told => {
              if (ask._tag === "Watch") {
                watchers.add(tell)
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
  return { stats, order, shared }
}

/** The session in every form that a model may want. */
export const loadable = (
  options: Options,
  shared: Session.Shared<Ask, Told> = makeShared().shared
): ConcurrencyModel.Loadable<State, Ask, Told> => ({
  session: session(options),
  shared,
  module: import.meta.url,
  definition,
  options
})

/**
 * What a client reads that sends these lines, then ends its side: the session folded over the lines, by nothing but the
 * session and a sum.
 */
export const transcript = (options: Options, lines: ReadonlyArray<string>): string => {
  const { open, receive } = session(options)
  let [state, out] = open({ id: 1, remote: "", seed: 0 })
  let text = ""
  let sum = 0
  const say = (step: Step) => {
    ;[state, out] = step
    text += out.text ?? ""
  }
  const take = (step: Step) => {
    say(step)
    if (out.ask?._tag === "Add") {
      sum += out.ask.by
      say(receive(state, { _tag: "Told", told: { _tag: "Sum", sum } }))
    }
  }
  text += out.text ?? ""
  for (const line of lines) {
    take(receive(state, { _tag: "Line", text: line }))
    if (out.close) return text
  }
  say(receive(state, { _tag: "Closed" }))
  return text
}

/** A connection to a server of the test, from the client's host. */
export const connect = Effect.fnUntraced(function* (server: { readonly address: NetAddress.SocketAddress }) {
  const { client, server: host } = yield* Hosts
  const { port } = server.address as NetAddress.InetAddress
  return yield* client.network.connect(NetAddress.inetAddressFromIpStringUnsafe(host.address, port))
})

/** Reads a connection until its text ends as wanted; the whole text since the last time. */
export const reader = (connection: Network.Connection) => {
  const decoder = new TextDecoder()
  let held = ""
  return {
    /** Up to the first end of this text. */
    to: Effect.fnUntraced(function* (end: string) {
      while (!held.includes(end)) held += decoder.decode(yield* connection.pull, { stream: true })
      const at = held.indexOf(end) + end.length
      const text = held.slice(0, at)
      held = held.slice(at)
      return text
    }),
    /** What there is until the end, or the reset. */
    rest: Effect.gen(function* () {
      yield* Effect.forever(
        Effect.map(connection.pull, (bytes) => {
          held += decoder.decode(bytes, { stream: true })
        })
      ).pipe(
        Pull.catchDone(() => Effect.void),
        Effect.ignore
      )
      const text = held
      held = ""
      return text
    })
  }
}
