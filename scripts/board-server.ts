/** Runs a board server as the course's, on 127.0.0.1:1069. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Layer from "effect/Layer"
import * as BoardServer from "../src/board/BoardServer.ts"
import * as NodeNetwork from "../src/network/node/NodeNetwork.ts"

BoardServer.layer({ port: BoardServer.defaultPort }).pipe(
  Layer.provide(NodeNetwork.layer),
  Layer.launch,
  NodeRuntime.runMain
)
