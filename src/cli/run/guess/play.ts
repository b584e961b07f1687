/** Program of `guess play`: sends each line as a guess; on a terminal the prompt shows the range that is left. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Guess from "../../../guess/Guess.ts"
import * as GuessClient from "../../../guess/GuessClient.ts"
import * as TcpClient from "../../../network/TcpClient.ts"
import { UsageError } from "../../common/CliErrors.ts"
import * as network from "../common/network.ts"

interface Input {
  readonly host: string | undefined
  readonly port: number
  readonly min: number | undefined
  readonly max: number | undefined
}

const write = Effect.fnUntraced(function* (text: string) {
  const stdio = yield* Stdio.Stdio
  yield* Stream.run(Stream.succeed(text), stdio.stdout())
})

/** Formats the prompt of a terminal. */
const prompt = ({ max, min }: Guess.Range) =>
  min > max ? "the replies contradict each other; a number? " : min === max ? `it is ${min}? ` : `${min} to ${max}? `

export const play = Effect.fnUntraced(
  function* ({ host = "localhost", max = 1_000, min = 1, port }: Input) {
    if (min > max) return yield* new UsageError({ message: `--min ${min} is above --max ${max}` })
    const stdio = yield* Stdio.Stdio
    const isInteractive = (yield* stdio.stdinIsTerminal) && (yield* stdio.stdoutIsTerminal)
    const client = yield* GuessClient.make(yield* TcpClient.connect({ host, service: port }))
    let range: Guess.Range = { min, max }
    const turn = Effect.fnUntraced(function* (line: string) {
      if (isInteractive && !/^\s*[+-]?\d+\s*$/.test(line)) {
        yield* write(prompt(range))
        return false
      }
      const verdict = yield* client.guess(line)
      range = GuessClient.narrow(range, Guess.atoi(line), verdict)
      yield* Console.log(verdict)
      if (verdict === "correct!") return true
      if (isInteractive) yield* write(prompt(range))
      return false
    })
    if (isInteractive) yield* write(prompt(range))
    const lines = stdio.stdin.pipe(Stream.decodeText(), Stream.splitLines)
    yield* lines.pipe(
      Stream.mapEffect(turn),
      Stream.takeUntil((found) => found),
      Stream.runDrain
    )
  },
  Effect.scoped,
  Effect.provide(network.layer)
)
