/**
 * A program for tests that serves what it inherits: `stdio`, `datagrams`, which is a UDP socket as standard input, or
 * `environment`. It echoes streams and datagrams, and writes its addresses to stderr, as JSON. `peers` is `environment`
 * with the address of the client as the reply.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as NetAddress from "effect/net/NetAddress"
import * as Pull from "effect/Pull"
import * as Endpoint from "../../../src/network/Endpoint.ts"
import * as Network from "../../../src/network/Network.ts"
import * as NodeInheritedSockets from "../../../src/network/node/NodeInheritedSockets.ts"
import * as NodeNetwork from "../../../src/network/node/NodeNetwork.ts"
import * as TcpServer from "../../../src/network/TcpServer.ts"

const mode = process.argv[2]

const program = Effect.gen(function* () {
  const network = yield* Network.Network
  const server = yield* TcpServer.make({ port: mode === "datagrams" ? 0 : 1067 }, (connection) =>
    Effect.forever(
      Effect.flatMap(connection.pull, (bytes) =>
        connection.write(mode === "peers" ? NetAddress.formatSocketAddress(connection.remote) : bytes)
      )
    ).pipe(Pull.catchDone(() => Effect.void))
  )
  const client = yield* network.udp({}, () => {})
  const udp: Network.UdpSocket = yield* network.udp({ port: mode === "stdio" ? 0 : 6_969 }, (bytes, from) =>
    udp.sendUnsafe(mode === "peers" ? new TextEncoder().encode(Endpoint.format(from)) : bytes, from)
  )
  yield* NodeInheritedSockets.closeUnclaimed
  const addresses = [server.address, udp.local, client.local].map(NetAddress.formatSocketAddress)
  yield* Console.error(JSON.stringify({ addresses, env: process.env.LISTEN_FDS ?? "unset" }))
  yield* NodeInheritedSockets.closed
})

await Effect.runPromise(
  program.pipe(
    Effect.scoped,
    Effect.provide(NodeNetwork.layer),
    Effect.provideService(Logger.LogToStderr, true),
    Effect.provideServiceEffect(
      NodeInheritedSockets.InheritedSockets,
      mode === "environment" || mode === "peers"
        ? NodeInheritedSockets.fromEnvironment()
        : NodeInheritedSockets.fromStdin
    )
  )
)
