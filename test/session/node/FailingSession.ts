/** A session that reports where it runs and fails on request, with its shared state. */
import { threadId } from "node:worker_threads"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as ConcurrencyModel from "../../../src/session/ConcurrencyModel.ts"
import type * as Session from "../../../src/session/Session.ts"

const Options = Schema.Struct({ greeting: Schema.optional(Schema.String) })
const Ask = Schema.Union([
  Schema.TaggedStruct("Add", { by: Schema.Int }),
  /** Adds one, but only after the process that asks is dead. */
  Schema.TaggedStruct("Last", { pid: Schema.Int }),
  Schema.TaggedStruct("Watch", {})
])
const Message = Schema.TaggedStruct("Total", { total: Schema.Int })
export type Ask = typeof Ask.Type
export type Message = typeof Message.Type

type Step = Session.Step<number, Ask>

const exit = (code: number) => {
  setImmediate(() => process.exit(code))
}

const commands: Readonly<Record<string, (id: number, rest: string) => Step>> = {
  who: (id) => [id, { text: `client ${id} of ${process.pid} ${threadId}\n` }],
  add: (id, rest) => [id, { ask: { _tag: "Add", by: Number(rest) } }],
  last: (id) => [id, { ask: { _tag: "Last", pid: process.pid } }],
  watch: (id) => [id, { ask: { _tag: "Watch" } }],
  exit: (id, rest) => {
    exit(Number(rest))
    return [id, {}]
  },
  spin: () => {
    for (;;);
  },
  bye: (id) => [id, { text: "bye\n", close: true }]
}

const session = (greeting: string): Session.Session<number, Ask, Message> => ({
  framing: { _tag: "Lines" },
  open: ({ id }) => [id, { text: `${greeting}\n` }],
  receive: (id, input) => {
    if (input._tag === "Message") return [id, { text: `total ${input.message.total}\n` }]
    if (input._tag !== "Line") return [id, {}]
    const [word = "", rest = ""] = input.text.split(" ")
    return commands[word]?.(id, rest) ?? [id, { text: `${input.text}\n` }]
  }
})

/** Definition that the workers load. @public */
export const definition: Session.Definition<typeof Options.Type, number, Ask, Message> = {
  name: "lab",
  options: Options,
  ask: Ask,
  message: Message,
  make: ({ greeting = "hello" }) => Effect.succeed(session(greeting))
}

/** Returns shared state with a total of all clients. `dead` waits for the end of a process. */
export const makeShared = (dead: (pid: number) => Effect.Effect<void> = () => Effect.void) => {
  const stats = { total: 0, attached: 0 }
  const watchers = new Set<(message: Message) => void>()
  const shared: Session.Shared<Ask, Message> = {
    attach: (_, push) =>
      Effect.as(
        Effect.acquireRelease(
          Effect.sync(() => void stats.attached++),
          () =>
            Effect.sync(() => {
              stats.attached--
              watchers.delete(push)
            })
        ),
        Effect.fnUntraced(function* (ask) {
          if (ask._tag === "Watch") watchers.add(push)
          if (ask._tag === "Last") yield* dead(ask.pid)
          stats.total += ask._tag === "Add" ? ask.by : ask._tag === "Last" ? 1 : 0
          const message: Message = { _tag: "Total", total: stats.total }
          if (ask._tag !== "Watch") for (const watcher of watchers) watcher(message)
          return message
        })
      )
  }
  return { stats, shared }
}

export const makeProgram = (
  shared: Session.Shared<Ask, Message> = makeShared().shared,
  options: unknown = {},
  module = import.meta.url
): ConcurrencyModel.LoadableProgram<number, Ask, Message> => ({
  session: session("hello"),
  shared,
  module,
  definition,
  options
})
