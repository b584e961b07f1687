/** Runs a hangman server in the course dialect on 127.0.0.1:1068, or with the argument `friendly` on port 1066. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Layer from "effect/Layer"
import * as HangmanServer from "../src/hangman/HangmanServer.ts"
import * as HangmanSession from "../src/hangman/HangmanSession.ts"
import * as NodeNetwork from "../src/network/node/NodeNetwork.ts"

const dialect = process.argv[2] === "friendly" ? "friendly" : "course"

HangmanServer.layer({ dialect, port: HangmanSession.defaultPort[dialect] }).pipe(
  Layer.provide(NodeNetwork.layer),
  Layer.launch,
  NodeRuntime.runMain
)
