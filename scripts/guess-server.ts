/** Runs a number guessing server as the course's, on 127.0.0.1:1500. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Layer from "effect/Layer"
import * as GuessServer from "../src/guess/GuessServer.ts"
import * as NodeNetwork from "../src/network/node/NodeNetwork.ts"

GuessServer.layer({ port: GuessServer.defaultPort }).pipe(
  Layer.provide(NodeNetwork.layer),
  Layer.launch,
  NodeRuntime.runMain
)
