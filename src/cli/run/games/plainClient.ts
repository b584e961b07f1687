/** Client of a line protocol without a screen, as nc: standard input to the server, its bytes to standard output. */
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import type * as Network from "../../../network/Network.ts"
import { replaceControlCharacters } from "../../../terminal/Ansi.ts"

/** Replaces control characters if the output is a terminal; other output gets the bytes unchanged. */
const sanitized = (bytes: Stream.Stream<Uint8Array, Network.NetworkError>, isTerminal: boolean) =>
  isTerminal
    ? bytes.pipe(
        Stream.decodeText(),
        Stream.map((text) => replaceControlCharacters(text.replaceAll("\r\n", "\n")))
      )
    : bytes

/**
 * Sends `initialLines`, then copies in both directions until the server closes. The end of input ends the write side.
 */
export const run = Effect.fnUntraced(function* (
  connection: Network.Connection,
  initialLines: ReadonlyArray<string> = []
) {
  const stdio = yield* Stdio.Stdio
  const isTerminal = yield* stdio.stdoutIsTerminal
  const input = Effect.gen(function* () {
    for (const line of initialLines) yield* connection.write(`${line}\n`)
    yield* Stream.runForEach(stdio.stdin, (bytes) => connection.write(bytes))
    yield* connection.end
  })
  // A failed write is ignored: the server's last bytes are still read and shown.
  yield* Effect.forkScoped(Effect.ignore(input))
  const bytes = Stream.fromPull(Effect.succeed(Effect.map(connection.pull, (chunk) => [chunk] as const)))
  yield* Stream.run(sanitized(bytes, isTerminal), stdio.stdout())
}, Effect.scoped)
