/** The protocol of one client as a pure value, and the store that all clients share. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import type { Session } from "effect-inet/session"
import * as KeyValue from "./KeyValue.ts"

const usage =
  "expected: get KEY, set KEY VALUE, delete KEY, or quit (KEY: 1 to 100, VALUE: at most 500 printable characters)"

/**
 * A session without a state of its own (`undefined`) and without a greeting. It asks the store for each command, and
 * sends the store's reply.
 */
const session: Session.Session<undefined, KeyValue.Command, KeyValue.Reply> = {
  framing: { _tag: "Lines", maxLength: 700 },
  open: () => [undefined, {}],
  receive: (state, input) => {
    switch (input._tag) {
      case "Line":
        if (input.text === "quit") return [state, { close: true }]
        return Option.match(KeyValue.parse(input.text), {
          onNone: () => [state, { text: `error: ${usage}\n` }],
          onSome: (ask) => [state, { ask }]
        })
      case "Message":
        return [state, { text: `${KeyValue.formatReply(input.message)}\n` }]
      case "FramingError":
        return [state, { text: `error: ${input.message}\n` }]
      case "Closed":
      case "Tick":
        return [state, {}]
    }
  }
}

/** The session for any concurrency model. It has no options: `make` takes an empty object. */
export const definition: Session.Definition<object, undefined, KeyValue.Command, KeyValue.Reply> = {
  name: "key-value",
  options: Schema.Struct({}),
  ask: KeyValue.Command,
  message: KeyValue.Reply,
  make: () => Effect.succeed(session)
}

/** Makes a store that all clients of a server share. Each command is atomic, because `Ref.modify` is. */
export const makeShared: Effect.Effect<Session.Shared<KeyValue.Command, KeyValue.Reply>> = Effect.gen(function* () {
  const store = yield* Ref.make(KeyValue.empty)
  const answer = (command: KeyValue.Command) =>
    Ref.modify(store, (before) => {
      const [after, reply] = KeyValue.apply(before, command)
      return [reply, after]
    })
  // Called once for each client, with its number and a function that pushes messages to it: this store needs neither.
  return { attach: () => Effect.succeed(answer) }
})
