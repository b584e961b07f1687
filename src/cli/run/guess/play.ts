/** Program of `guess play`: sends each line as a guess; on a terminal it shows and checks the range that is left. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Guess from "../../../guess/Guess.ts"
import * as GuessClient from "../../../guess/GuessClient.ts"
import * as TcpClient from "../../../network/TcpClient.ts"
import { UsageError } from "../../common/CliErrors.ts"
import * as network from "../common/network.ts"
import * as game from "./game.ts"

interface Input {
  readonly host: string | undefined
  readonly port: number
  readonly min: number | undefined
  readonly max: number | undefined
  readonly json: boolean
}

const write = Effect.fnUntraced(function* (text: string) {
  const stdio = yield* Stdio.Stdio
  yield* Stream.run(Stream.succeed(text), stdio.stdout())
})

/** Runs a turn for each line of standard input until the number is found. Returns the last verdict. */
const sendLines = Effect.fnUntraced(function* <E, R>(
  turn: (line: string) => Effect.Effect<Guess.Verdict | undefined, E, R>
) {
  const { stdin } = yield* Stdio.Stdio
  return yield* stdin.pipe(
    Stream.decodeText(),
    Stream.splitLines,
    Stream.mapEffect(turn),
    Stream.takeUntil((verdict) => verdict === "correct!"),
    Stream.runLast
  )
})

/** Plays on a terminal: a line that cannot be right is explained, and not sent. */
const playOnTerminal = Effect.fnUntraced(function* (client: GuessClient.GuessClient, range: Guess.Range) {
  let state = game.initial(range)
  const turn = Effect.fnUntraced(function* (line: string) {
    const problem = game.problemOf(state, line)
    if (problem !== undefined) {
      yield* write(`${problem}\n${game.prompt(state)}`)
      return undefined
    }
    const verdict = yield* client.guess(line.trim())
    const [next, remark] = game.afterReply(state, Guess.atoi(line), verdict)
    state = next
    yield* write(`${verdict}\n${remark === undefined ? "" : `${remark}\n`}`)
    yield* write(verdict === "correct!" ? `${game.summary(state)}\n` : game.prompt(state))
    return verdict
  })
  yield* write(`${game.greeting(state)}\n${game.prompt(state)}`)
  const last = yield* sendLines(turn)
  // Ctrl-D leaves the cursor behind the prompt.
  if (last._tag === "None" || last.value !== "correct!") yield* write("\n")
})

/** Sends the lines of a file or a pipe as they are, each after the reply to the one before. */
const playLines = (client: GuessClient.GuessClient, json: boolean) => {
  let guesses = 0
  return sendLines(
    Effect.fnUntraced(function* (line) {
      const verdict = yield* client.guess(line)
      guesses++
      yield* Console.log(json ? JSON.stringify({ guess: Guess.atoi(line), verdict, guesses }) : verdict)
      return verdict
    })
  )
}

export const play = Effect.fnUntraced(
  function* ({ host = "localhost", json, max = 1_000, min = 1, port }: Input) {
    if (min > max) return yield* new UsageError({ message: `--min ${min} is above --max ${max}` })
    const stdio = yield* Stdio.Stdio
    const isInteractive = !json && (yield* stdio.stdinIsTerminal) && (yield* stdio.stdoutIsTerminal)
    const client = yield* GuessClient.make(yield* TcpClient.connect({ host, service: port }))
    yield* isInteractive ? playOnTerminal(client, { min, max }) : Effect.asVoid(playLines(client, json))
  },
  Effect.scoped,
  Effect.provide(network.layer)
)
