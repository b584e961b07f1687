/**
 * Our server in the course dialect, as an application runs it, but without limits for connections and guesses.
 *
 *     node ours.ts [WORDS]
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as NodeHangman from "../../../src/hangman/NodeHangman.ts"
import * as NodeNetwork from "../../../src/network/node/NodeNetwork.ts"
import { control } from "../rot13/control.ts"

const [words] = process.argv.slice(2)

Effect.gen(function* () {
  const { address } = yield* NodeHangman.make({
    port: 0,
    maxConnections: 1_000_000,
    backlog: 4_096,
    rate: 1_000_000,
    settings: { dialect: "course", ...(words === undefined ? {} : { words }) }
  })
  if (NetAddress.isInetAddress(address)) control(address.port)
  yield* Effect.never
}).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer), NodeRuntime.runMain)
