/** `guess play`: asks for numbers, and on a terminal shows which are still possible. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Guess from "../../../guess/Guess.ts"
import * as GuessClient from "../../../guess/GuessClient.ts"
import * as TcpClient from "../../../network/TcpClient.ts"
import { UsageError } from "../../common/Shutdown.ts"
import * as network from "../common/network.ts"

interface Input {
  readonly host: string | undefined
  readonly port: number
  readonly min: number | undefined
  readonly max: number | undefined
}

const show = Effect.fnUntraced(function* (text: string) {
  const stdio = yield* Stdio.Stdio
  yield* Stream.run(Stream.succeed(text), stdio.stdout())
})

/** What is asked on a terminal. */
const question = ({ max, min }: Guess.Range) =>
  min > max ? "the answers disagree; a number? " : min === max ? `it is ${min}? ` : `${min} to ${max}? `

export const play = Effect.fnUntraced(
  function* ({ host = "localhost", max = 1_000, min = 1, port }: Input) {
    if (min > max) return yield* new UsageError({ message: `--min ${min} is above --max ${max}` })
    const stdio = yield* Stdio.Stdio
    const asks = (yield* stdio.stdinIsTerminal) && (yield* stdio.stdoutIsTerminal)
    const client = yield* GuessClient.make(yield* TcpClient.connect({ host, service: port }))
    let range: Guess.Range = { min, max }
    const turn = Effect.fnUntraced(function* (line: string) {
      if (asks && !/^\s*[+-]?\d+\s*$/.test(line)) {
        yield* show(question(range))
        return false
      }
      const verdict = yield* client.ask(line)
      range = GuessClient.narrow(range, Guess.atoi(line), verdict)
      yield* Console.log(verdict)
      if (verdict === "correct!") return true
      if (asks) yield* show(question(range))
      return false
    })
    if (asks) yield* show(question(range))
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
