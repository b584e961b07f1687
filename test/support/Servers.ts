/** Servers on real sockets under virtual time: tests wait for network events and advance the clock. */
import { it } from "@effect/vitest"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Pull from "effect/Pull"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as Network from "../../src/network/Network.ts"
import * as NodeNetwork from "../../src/network/node/NodeNetwork.ts"
import type * as TcpServer from "../../src/network/TcpServer.ts"
import * as Handles from "./Handles.ts"

/** Registers a test that must close all its sockets. */
export const test = (
  name: string,
  body: Effect.Effect<void, unknown, Network.Network | Scope.Scope>,
  run: (name: string, test: () => Effect.Effect<void, unknown>) => void = it.effect
) => run(name, () => Handles.assertNoLeaks(body.pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))))

export const connect = (server: TcpServer.TcpServer) =>
  Effect.flatMap(Network.Network, (network) => network.connect(server.address))

export const echo = Effect.fnUntraced(
  function* (connection: Network.Connection) {
    while (true) yield* connection.write(yield* connection.pull)
  },
  Pull.catchDone(() => Effect.void)
)

export const text = (bytes: Uint8Array) => Buffer.from(bytes).toString()

export const addressOn = (host: string, { address }: TcpServer.TcpServer) =>
  NetAddress.inetAddressFromIpStringUnsafe(host, (address as NetAddress.InetAddress).port)

/** Sends a message and returns the reply: the server has then accepted the connection. */
export const request = Effect.fnUntraced(function* (connection: Network.Connection, message: string) {
  yield* connection.write(message)
  return text(yield* connection.pull)
})

/** Advances virtual time until the effect completes. */
export const whileTimePasses = <A, E, R>(effect: Effect.Effect<A, E, R>, step: Duration.Input = "1 second") =>
  Effect.raceFirst(effect, Effect.forever(Effect.andThen(TestClock.adjust(step), turn)))

const turn = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))

/** Waits, without a clock, until the stats of a server satisfy a condition. */
export const untilStats = Effect.fnUntraced(function* (
  server: Pick<TcpServer.TcpServer, "stats">,
  wanted: (stats: TcpServer.Stats) => boolean
) {
  for (let turns = 0; turns < 100_000; turns++) {
    const stats = yield* server.stats
    if (wanted(stats)) return stats
    yield* turn
  }
  return yield* Effect.die(`the stats do not change: ${JSON.stringify(yield* server.stats)}`)
})
