/** The package's server as an application would run it, but without a limit on connections. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import * as NodeNetwork from "../../../src/network/node/NodeNetwork.ts"
import * as Rot13Server from "../../../src/rot13/Rot13Server.ts"
import { control } from "./control.ts"

const Main = Layer.effectDiscard(
  Effect.gen(function* () {
    const { address } = yield* Rot13Server.Rot13Server
    if (NetAddress.isInetAddress(address)) control(address.port)
  })
).pipe(
  Layer.provide(Rot13Server.layer({ port: 0, maxConnections: 1_000_000, backlog: 511 })),
  Layer.provide(NodeNetwork.layer)
)

NodeRuntime.runMain(Layer.launch(Main))
