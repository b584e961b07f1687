/** Program of `hangman serve`. */
import * as Effect from "effect/Effect"
import * as HangmanSession from "../../../hangman/HangmanSession.ts"
import * as NodeHangman from "../../../hangman/NodeHangman.ts"
import type * as ConcurrencyModel from "../../../session/ConcurrencyModel.ts"
import { UsageError } from "../../common/CliErrors.ts"
import * as gameServe from "../games/serve.ts"

type Limits = Omit<ConcurrencyModel.Options, "port" | "path">

interface Input extends Limits, gameServe.Input {
  readonly host: string
  readonly port: number | undefined
  readonly dialect: HangmanSession.Dialect | undefined
  readonly words: string | undefined
  readonly lives: number | undefined
  readonly difficulty: "easy" | "medium" | "hard" | undefined
  readonly scores: string | undefined
}

export const serve = Effect.fnUntraced(function* (input: Input) {
  const { dialect, difficulty, lives, scores, words, ...limits } = input
  const effectiveDialect = dialect ?? "friendly"
  if (scores !== undefined && !HangmanSession.keepsScore(effectiveDialect)) {
    return yield* new UsageError({
      message: `--scores needs --dialect friendly: the ${effectiveDialect} dialect keeps no scores`
    })
  }
  const port = input.port ?? HangmanSession.defaultPort[effectiveDialect]
  yield* gameServe.serve("hangman", { ...input, port }, (model) =>
    NodeHangman.make({ ...limits, port, settings: { dialect, difficulty, lives, words }, scores, model })
  )
})
