/** Session of a board server: the line protocol of `docs/guide/board.md`. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Definition, Input, Output, Session } from "../session/Session.ts"
import * as Command from "./Command.ts"
import * as Grid from "./Grid.ts"
import * as Message from "./Message.ts"
import * as Reply from "./Reply.ts"

/** Options that all sessions of a server share: the size of the board. @category models @since 0.1.0 */
export const Options = Schema.Struct({ size: Grid.Size.pipe(Schema.withDecodingDefault(Effect.succeed(5))) })
/** @category models @since 0.1.0 */
export type Options = typeof Options.Type

/** Limit for a line of the client. The longest command has about 20 bytes. */
const maxLineBytes = 256

const linesOutput = (...lines: ReadonlyArray<string>): Output<Message.Ask> => ({
  text: lines.map((line) => `${line}\n`).join("")
})

const problemOutput = (problem: Command.Problem) => linesOutput(Reply.format({ _tag: "Error", ...problem }))

const execute = (command: Command.Command): Output<Message.Ask> => {
  switch (command._tag) {
    case "Help":
      return linesOutput(...Command.help.map((text) => Reply.format({ _tag: "Help", text })))
    case "Quit":
      return { ...linesOutput(Reply.format({ _tag: "Bye" })), close: true }
    default:
      return { ask: command }
  }
}

/**
 * Returns the session. It translates lines of the client to requests, and messages of the board to lines. It has no
 * state: the board keeps the numbers of its clients. The server sends no greeting, because the course's client takes
 * the first line for the reply to its command.
 *
 * @category sessions
 * @since 0.1.0
 */
export const session = ({ size }: Options): Session<void, Message.Ask, Message.Message> => {
  const respond = (input: Input<Message.Message>): Output<Message.Ask> => {
    switch (input._tag) {
      case "Line":
        return Result.match(Command.parse(input.text, size), { onFailure: problemOutput, onSuccess: execute })
      case "Message":
        return linesOutput(...Reply.formatMessage(input.message))
      case "FramingError":
        return problemOutput({ code: "line", text: input.message })
      case "Closed":
      case "Tick":
        return {}
    }
  }
  return {
    framing: { _tag: "Lines", maxLength: maxLineBytes },
    open: () => [undefined, {}],
    receive: (_, input) => [undefined, respond(input)]
  }
}

/** URL of this module, from which child processes and threads import `definition`. @category sessions @since 0.1.0 */
export const module: string = import.meta.url

/** Definition of the session, with the options `{ size }`. @category sessions @since 0.1.0 */
export const definition: Definition<Options, void, Message.Ask, Message.Message> = {
  name: "board",
  options: Options,
  ask: Message.Ask,
  message: Message.Message,
  make: (options) => Effect.succeed(session(options))
}
