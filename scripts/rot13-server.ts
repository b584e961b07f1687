/** Rot13 server of the course, on 127.0.0.1:1067. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Layer from "effect/Layer"
import * as NodeNetwork from "../src/network/node/NodeNetwork.ts"
import * as Rot13Server from "../src/rot13/Rot13Server.ts"

Rot13Server.layer({ port: Rot13Server.defaultPort }).pipe(
  Layer.provide(NodeNetwork.layer),
  Layer.launch,
  NodeRuntime.runMain
)
