/** Standard output of the command line as a stream, safe for a terminal. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Sink from "effect/Sink"
import type * as Stdio from "effect/Stdio"
import * as TerminalText from "../../network/TerminalText.ts"

/** Standard streams of a command that another program runs in its own process. Default: those of the process. */
export class StandardStreams extends Context.Reference<Stdio.Stdio | undefined>("effect-inet/cli/StandardStreams", {
  defaultValue: () => undefined
}) {}

/** Returns a function that escapes the chunks of one stream of UTF-8 text. */
export const chunkEscaper = (): ((chunk: string | Uint8Array) => string) => {
  const utf8 = new TextDecoder()
  let heldCr = ""
  return (chunk) => {
    const text = heldCr + (typeof chunk === "string" ? chunk : utf8.decode(chunk, { stream: true }))
    // A CR at the end of a chunk may be the first half of CR LF.
    heldCr = text.endsWith("\r") ? "\r" : ""
    return TerminalText.escapeLines(heldCr === "" ? text : text.slice(0, -1))
  }
}

/** Returns standard streams whose output is escaped if it is a terminal. */
export const escapedStdio = (stdio: Stdio.Stdio): Stdio.Stdio => {
  const escapeChunk = chunkEscaper()
  return {
    ...stdio,
    stdout: (options) =>
      Sink.unwrap(
        Effect.map(stdio.stdoutIsTerminal, (isTerminal) =>
          isTerminal ? Sink.mapInput(stdio.stdout(options), escapeChunk) : stdio.stdout(options)
        )
      )
  }
}
