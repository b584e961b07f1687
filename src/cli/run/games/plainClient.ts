/** Clients of a line protocol without a screen: standard input to the server, its answers to standard output. */
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Queue from "effect/Queue"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import type * as Network from "../../../network/Network.ts"

const write = (stdio: Stdio.Stdio, output: string | Uint8Array) => Stream.run(Stream.succeed(output), stdio.stdout())

/** Copies in both directions until the server closes, as nc. The end of input ends the write side. */
export const copy = Effect.fnUntraced(function* (connection: Network.Connection) {
  const stdio = yield* Stdio.Stdio
  const input = Effect.andThen(
    Stream.runForEach(stdio.stdin, (bytes) => connection.write(bytes)),
    connection.end
  )
  // A failed write is ignored: the server's last bytes are still read and shown.
  yield* Effect.forkScoped(Effect.ignore(input))
  const bytes = Stream.fromPull(Effect.succeed(Effect.map(connection.pull, (chunk) => [chunk] as const)))
  yield* Stream.run(bytes, stdio.stdout())
}, Effect.scoped)

/** Output of a server, and the number of answers that it completes. */
export interface Answers {
  readonly output: string | Uint8Array
  readonly completed: number
  /** True if the server takes no more lines. */
  readonly isLast: boolean
}

/**
 * Sends each line when the answer to the one before is complete; the server speaks first. Ends after the last answer:
 * that of the server, or the one to the last line of the input.
 */
export const lockstep = Effect.fnUntraced(function* <E>(
  connection: Network.Connection,
  next: Pull.Pull<Answers, E>,
  initialLines: ReadonlyArray<string>
) {
  const stdio = yield* Stdio.Stdio
  const answered = yield* Queue.unbounded<void>()
  const output = Effect.gen(function* () {
    while (true) {
      const { completed, isLast, output } = yield* next
      yield* write(stdio, output)
      if (isLast) return
      yield* Queue.offerAll(
        answered,
        Array.from({ length: completed }, () => undefined)
      )
    }
  }).pipe(Pull.catchDone(() => Effect.void))
  const lines = Stream.concat(
    Stream.fromIterable(initialLines),
    stdio.stdin.pipe(Stream.decodeText(), Stream.splitLines)
  )
  const sendLine = Effect.fnUntraced(function* (line: string) {
    yield* Queue.take(answered)
    // After a failed write the read side ends, too, when it has delivered the last bytes of the server.
    yield* Effect.ignore(connection.write(`${line}\n`))
  })
  const input = Effect.andThen(Stream.runForEach(lines, sendLine), Queue.take(answered))
  yield* Effect.raceFirst(output, input)
}, Effect.scoped)
