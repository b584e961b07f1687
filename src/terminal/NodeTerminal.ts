/** Status line of the terminal on standard error. */
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as TerminalText from "../network/TerminalText.ts"
import * as Ansi from "./Ansi.ts"

/** Returns the width of the terminal in columns; 80 if it is unknown. */
export const columns = () => process.stderr.columns || 80

/** Length of the line that is shown. */
let shownLength = 0

/** Replaces the current line. Control characters are escaped. */
export const replaceLine = (line: string) => {
  const text = TerminalText.escape(line)
  process.stderr.write(Ansi.replaceLine(text, shownLength, columns()))
  shownLength = text.length
}

/** Replaces the current line, and continues on the next one. */
export const printLine = (line: string) => {
  replaceLine(line)
  process.stderr.write("\n")
  shownLength = 0
}

/** Opens the line of a progress, if standard error is a terminal. It is cleared when the scope closes. */
export const openLine = Effect.gen(function* () {
  const { stderrIsTerminal } = yield* Stdio.Stdio
  if (!(yield* stderrIsTerminal)) return undefined
  const draw = (line: string) => Effect.sync(() => replaceLine(line))
  yield* Effect.addFinalizer(() => draw(""))
  return { draw, clear: draw(""), print: (line: string) => Effect.sync(() => printLine(line)) }
})
