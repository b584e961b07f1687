/**
 * App whose instances see each other and how busy each is. Start it in two terminals:
 *
 * node scripts/examples/presence.ts NAME [PORT]
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { NodeNetwork, TerminalText } from "effect-inet/network"
import { Broadcast, StatusPeer } from "effect-inet/status"

const [name = `worker-${process.pid}`, port = "2066"] = process.argv.slice(2)
const Load = Schema.Struct({ jobs: Schema.Int, queue: Schema.Array(Schema.String) })
const transport = Broadcast.make({ addresses: [Broadcast.loopback], port: Number(port) })
class Presence extends Context.Service<Presence, StatusPeer.StatusPeer<typeof Load.Type>>()("app/Presence") {}
const presence = StatusPeer.layer(Presence, { name, schema: Load, payload: { jobs: 0, queue: [] }, transport })

Effect.gen(function* () {
  const status = yield* Presence
  yield* Console.log(`${name} has joined: ${status.label}`)
  yield* Effect.forkScoped(Effect.delay(status.publish({ jobs: 1, queue: ["mail"] }), "1 second"))
  yield* Stream.runForEach(status.events, ({ _tag, peer }) =>
    Console.log(_tag, TerminalText.escape(peer.name), JSON.stringify(peer.payload))
  )
}).pipe(Effect.scoped, Effect.provide(presence.pipe(Layer.provide(NodeNetwork.layer))), NodeRuntime.runMain)
