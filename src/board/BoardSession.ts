/** What a client of the board says and hears: the lines in `docs/guide/board.md`. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Definition, Input, Out, Session } from "../session/Session.ts"
import * as Command from "./Command.ts"
import * as Grid from "./Grid.ts"
import * as Message from "./Message.ts"
import * as Reply from "./Reply.ts"

/** The size of the board, which sessions must agree on. @category models @since 0.1.0 */
export const Options = Schema.Struct({ size: Grid.Size.pipe(Schema.withDecodingDefault(Effect.succeed(5))) })
/** @category models @since 0.1.0 */
export type Options = typeof Options.Type

/** The most bytes of a line: no command needs more than 20. */
const maxLength = 256

const send = (...lines: ReadonlyArray<string>): Out<Message.Ask> => ({
  text: lines.map((line) => `${line}\n`).join("")
})

const failed = (problem: Command.Problem) => send(Reply.text({ _tag: "Error", ...problem }))

const obey = (command: Command.Command): Out<Message.Ask> => {
  switch (command._tag) {
    case "Help":
      return send(...Command.help.map((text) => Reply.text({ _tag: "Help", text })))
    case "Quit":
      return { ...send(Reply.text({ _tag: "Bye" })), close: true }
    default:
      return { ask: command }
  }
}

/**
 * A client's lines, as questions to the board; its answers and news, as lines. There is nothing to remember: the board
 * knows its clients. It begins in silence, as the first line that the course's client reads is an answer.
 *
 * @category sessions
 * @since 0.1.0
 */
export const session = ({ size }: Options): Session<void, Message.Ask, Message.Told> => {
  const respond = (input: Input<Message.Told>): Out<Message.Ask> => {
    switch (input._tag) {
      case "Line":
        return Result.match(Command.parse(input.text, size), { onFailure: failed, onSuccess: obey })
      case "Told":
        return send(...Reply.lines(input.told))
      case "Broken":
        return failed({ code: "line", text: input.message })
      case "Closed":
      case "Tick":
        return {}
    }
  }
  return {
    framing: { _tag: "Lines", maxLength },
    open: () => [undefined, {}],
    receive: (_, input) => [undefined, respond(input)]
  }
}

/** The module that exports `definition`, for other processes and threads. @category sessions @since 0.1.0 */
export const module: string = import.meta.url

/** How to make the session from `{ size }`. @category sessions @since 0.1.0 */
export const definition: Definition<Options, void, Message.Ask, Message.Told> = {
  name: "board",
  options: Options,
  ask: Message.Ask,
  told: Message.Told,
  make: (options) => Effect.succeed(session(options))
}
