/** Program of `board play`: the live board on a terminal, otherwise plain lines. */
import * as Effect from "effect/Effect"
import * as BoardClient from "../../../board/BoardClient.ts"
import * as TcpClient from "../../../network/TcpClient.ts"
import * as NodeScreen from "../../../terminal/NodeScreen.ts"
import * as network from "../common/network.ts"
import * as fullScreen from "../games/fullScreen.ts"
import * as plainClient from "../games/plainClient.ts"
import * as boardGame from "./game.ts"

interface Input {
  readonly host: string | undefined
  readonly port: number
}

export const play = Effect.fnUntraced(
  function* ({ host = "localhost", port }: Input) {
    const connection = yield* TcpClient.connect({ host, service: port })
    if (!NodeScreen.isTerminal()) return yield* plainClient.run(connection)
    yield* fullScreen.play(yield* BoardClient.make(connection), boardGame.game(`Board at ${host}`))
  },
  Effect.scoped,
  Effect.provide(network.layer)
)
