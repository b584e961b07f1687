/**
 * Resolves a host and a service to addresses, best first, and connects to the first that answers. Arguments: HOST
 * SERVICE.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import { AddressInfo, NodeServices, TcpClient } from "effect-inet/network"

const [host = "localhost", service = "rot13"] = process.argv.slice(2)

Effect.gen(function* () {
  for (const { address } of yield* AddressInfo.getaddrinfo(host, service, { socktype: "stream" })) {
    yield* Console.log(NetAddress.formatInet(address))
  }
  const connection = yield* TcpClient.connect({ host, service, timeout: "5 seconds" })
  yield* Console.log(`connected to ${NetAddress.formatSocketAddress(connection.remote)}`)
}).pipe(
  Effect.catch((error) => Console.log(error.message)),
  Effect.scoped,
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain
)
