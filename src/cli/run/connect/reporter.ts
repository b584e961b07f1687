/** Reports the events of sessions: as JSON on standard output, and as hex dumps on standard error. */
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as TerminalText from "../../../network/TerminalText.ts"
import * as hexDump from "./hexDump.ts"
import * as sessionEvent from "./sessionEvent.ts"

/** Output flags of a command. */
export interface OutputFlags {
  readonly hex: boolean
  readonly json: boolean
}

/** Reports events, no faster than the reader of the output takes them. A failed write ends nothing. */
export interface Reporter {
  readonly flags: OutputFlags
  readonly event: (event: sessionEvent.SessionEvent) => Effect.Effect<void>
  /** Reports bytes in one direction; `offset` is the number of bytes before them. */
  readonly bytes: (
    direction: "sent" | "received",
    remote: string,
    offset: number,
    bytes: Uint8Array
  ) => Effect.Effect<void>
}

export const make = Effect.fnUntraced(function* (flags: OutputFlags): Effect.fn.Return<Reporter, never, Stdio.Stdio> {
  const stdio = yield* Stdio.Stdio
  const event: Reporter["event"] = (event) => {
    if (!flags.json) return Effect.void
    return Effect.ignore(Stream.run(Stream.succeed(`${JSON.stringify(event)}\n`), stdio.stdout()))
  }
  const dump = (direction: "sent" | "received", offset: number, bytes: Uint8Array) => {
    if (!flags.hex || bytes.length === 0) return Effect.void
    const text = hexDump.format(direction === "sent" ? ">" : "<", offset, bytes)
    return Effect.ignore(Stream.run(Stream.succeed(text), stdio.stderr()))
  }
  return {
    flags,
    event,
    bytes: (direction, remote, offset, bytes) =>
      Effect.andThen(
        dump(direction, offset, bytes),
        event({ event: direction, remote, bytes: bytes.length, ...sessionEvent.content(bytes) })
      )
  }
})

/** Prints a line about the command itself on standard error. */
export const notice = (text: string) =>
  Effect.flatMap(Stdio.Stdio, (stdio) =>
    Effect.ignore(Stream.run(Stream.succeed(`${TerminalText.escape(text)}\n`), stdio.stderr()))
  )
