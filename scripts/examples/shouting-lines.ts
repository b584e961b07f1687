/** Line server in ten lines: returns every line in capitals, with limits, deadlines and drain. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Pull from "effect/Pull"
import { Line, NodeNetwork, TcpServer } from "effect-inet/network"

Effect.gen(function* () {
  const server = yield* TcpServer.make({ port: 0, busyMessage: "too many clients\r\n" }, (connection, { sweeper }) =>
    Effect.gen(function* () {
      const lines = yield* Line.make(connection, { maxLength: 80, deadline: "10 seconds", sweeper })
      while (true) yield* connection.write(`${(yield* lines.next).toUpperCase()}\r\n`)
    }).pipe(
      Pull.catchDone(() => Effect.void),
      Effect.catchTag("LineError", (error) => connection.write(`${error.message}\r\n`)),
      Effect.scoped
    )
  )
  yield* Console.log(`nc ${NetAddress.formatSocketAddress(server.address).replace(":", " ")}`)
  yield* Effect.never
}).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer), NodeRuntime.runMain)
