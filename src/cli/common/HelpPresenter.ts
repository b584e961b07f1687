/** Presenter of the help: on standard output, wrapped to the terminal. */
import * as Console from "effect/Console"
import * as CliOutput from "effect/cli/CliOutput"
import * as TerminalCapabilities from "effect/cli/TerminalCapabilities"
import * as Effect from "effect/Effect"
import * as HelpText from "./HelpText.ts"

/** Makes the presenter. `columns` is the width of the terminal, infinity for none. */
export const make = (columns: number): CliOutput.Presenter => ({
  present: Effect.fnUntraced(function* (event) {
    if (event._tag !== "Help") return yield* CliOutput.defaultPresenter.present(event)
    const { canColor } = yield* TerminalCapabilities.TerminalCapabilities
    yield* Console.log(HelpText.format(event.helpDoc, columns, canColor))
  })
})
