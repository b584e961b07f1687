/** A service as a layer of an app: it starts and ends with the app, which can read its address and its stats. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Network, NodeNetwork } from "effect-inet/network"
import { Rot13Client, Rot13Server } from "effect-inet/rot13"

const Services = Rot13Server.layer({ port: 0, maxConnectionsPerPeer: 8 }).pipe(Layer.provideMerge(NodeNetwork.layer))

Effect.gen(function* () {
  const server = yield* Rot13Server.Rot13Server
  const connection = yield* (yield* Network.Network).connect(server.address)
  const reply = yield* Rot13Client.request(connection, new TextEncoder().encode("Hello"))
  yield* Console.log(new TextDecoder().decode(reply), yield* server.stats)
}).pipe(Effect.scoped, Effect.provide(Services), NodeRuntime.runMain)
