/** A line protocol without a screen, as nc would: standard input to the server, what it says to standard output. */
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import type * as Network from "../../../network/Network.ts"
import { harmless } from "../../../terminal/Ansi.ts"

/** Bytes as they are; to a terminal as text that cannot steer it. */
const shown = (bytes: Stream.Stream<Uint8Array, Network.NetworkError>, isTerminal: boolean) =>
  isTerminal
    ? bytes.pipe(
        Stream.decodeText(),
        Stream.map((text) => harmless(text.replaceAll("\r\n", "\n")))
      )
    : bytes

/** Sends `first`, then passes on both ways until the server has ended; the end of input is passed on, too. */
export const talk = Effect.fnUntraced(function* (connection: Network.Connection, first: ReadonlyArray<string> = []) {
  const stdio = yield* Stdio.Stdio
  const isTerminal = yield* stdio.stdoutIsTerminal
  const input = Effect.gen(function* () {
    for (const line of first) yield* connection.write(`${line}\n`)
    yield* Stream.runForEach(stdio.stdin, (bytes) => connection.write(bytes))
    yield* connection.end
  })
  // What the server has to say counts, also once it takes no more.
  yield* Effect.forkScoped(Effect.ignore(input))
  const bytes = Stream.fromPull(Effect.succeed(Effect.map(connection.pull, (chunk) => [chunk] as const)))
  yield* Stream.run(shown(bytes, isTerminal), stdio.stdout())
}, Effect.scoped)
