/** Program of `board play`: the live board on a terminal, otherwise plain lines. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as BoardClient from "../../../board/BoardClient.ts"
import type * as Network from "../../../network/Network.ts"
import * as TcpClient from "../../../network/TcpClient.ts"
import * as NodeScreen from "../../../terminal/NodeScreen.ts"
import * as network from "../common/network.ts"
import * as fullScreen from "../games/fullScreen.ts"
import * as plainClient from "../games/plainClient.ts"
import * as boardGame from "./game.ts"

interface Input {
  readonly host: string | undefined
  readonly port: number
  readonly json: boolean
}

/** Prints the board and every change as JSON until the server closes. The end of input ends the write side. */
const printReplies = Effect.fnUntraced(function* (connection: Network.Connection) {
  const { next, send } = yield* BoardClient.make(connection)
  const { stdin } = yield* Stdio.Stdio
  const lines = Stream.splitLines(Stream.decodeText(stdin))
  const input = Effect.andThen(Stream.runForEach(lines, send), connection.end)
  // After a failed write the read side ends, too.
  yield* Effect.forkScoped(Effect.ignore(input))
  yield* Effect.forever(Effect.flatMap(next, (reply) => Console.log(JSON.stringify(reply)))).pipe(
    Pull.catchDone(() => Effect.void)
  )
})

export const play = Effect.fnUntraced(
  function* ({ host = "localhost", json, port }: Input) {
    const connection = yield* TcpClient.connect({ host, service: port })
    if (json) return yield* printReplies(connection)
    if (!NodeScreen.isTerminal()) return yield* plainClient.copy(connection)
    yield* fullScreen.play(yield* BoardClient.make(connection), boardGame.game(`Board at ${host}`))
  },
  Effect.scoped,
  Effect.provide(network.layer)
)
