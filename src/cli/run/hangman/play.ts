/** Program of `hangman play`: full screen on a terminal, otherwise plain lines. */
import * as Effect from "effect/Effect"
import * as HangmanClient from "../../../hangman/HangmanClient.ts"
import * as TcpClient from "../../../network/TcpClient.ts"
import * as NodeScreen from "../../../terminal/NodeScreen.ts"
import * as network from "../common/network.ts"
import * as fullScreen from "../games/fullScreen.ts"
import * as plainClient from "../games/plainClient.ts"
import * as hangmanGame from "./game.ts"
import * as plain from "./plain.ts"

interface Input {
  readonly host: string | undefined
  readonly port: number
  readonly name: string | undefined
  readonly json: boolean
}

export const play = Effect.fnUntraced(
  function* ({ host = "localhost", json, name, port }: Input) {
    const connection = yield* TcpClient.connect({ host, service: port })
    if (json || !NodeScreen.isTerminal()) {
      const answers = (json ? plain.views : plain.texts)(connection)
      return yield* plainClient.lockstep(connection, answers, name === undefined ? [] : [name])
    }
    yield* fullScreen.play(HangmanClient.make(connection), hangmanGame.game(`Hangman at ${host}`, name))
  },
  Effect.scoped,
  Effect.provide(network.layer)
)
