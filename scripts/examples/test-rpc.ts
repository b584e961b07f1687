/** An RPC service that streams, and a client with a bug that only a lost connection shows; FIXED=1 is without it. */

import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Rpc from "effect/rpc/Rpc"
import * as RpcGroup from "effect/rpc/RpcGroup"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as RpcServer from "effect/rpc/RpcServer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Interop, RpcDissector } from "effect-inet/network"
import { NodeSimIsolation, SimCheck } from "effect-inet/simulation"

NodeSimIsolation.register() // Before their module is loaded: the ids of requests begin anew in each run.
const RpcClient = await import("effect/rpc/RpcClient")

/** Streams the numbers up to 5 that follow one, every 100 ms. */
const Follow = Rpc.make("Follow", { payload: { after: Schema.Int }, success: Schema.Int, stream: true })
const Feed = RpcGroup.make(Follow)

const handlers = Feed.toLayer({
  Follow: ({ after }) => Stream.range(after + 1, 5).pipe(Stream.schedule(Schedule.spaced("100 millis")))
})

const server = RpcServer.layer(Feed).pipe(
  Layer.provide([handlers, RpcServer.layerProtocolSocketServer]),
  Layer.provide([Interop.layerSocketServer({ host: "0.0.0.0", port: 80 }), RpcSerialization.layerNdjson])
)

/** Follows the feed to its end, again after a lost connection, and returns the numbers. */
const reader = Effect.gen(function* () {
  const feed = yield* RpcClient.make(Feed)
  const numbers: Array<number> = []
  const last = () => (process.env.FIXED === undefined ? 0 : numbers.length) // The bug: it begins anew.
  yield* Stream.suspend(() => feed.Follow({ after: last() })).pipe(
    Stream.runForEach((number) => Effect.sync(() => numbers.push(number))),
    Effect.retry(Schedule.spaced("1 second"))
  )
  return numbers.join(" ")
}).pipe(
  Effect.provide(RpcClient.layerProtocolSocket()),
  Effect.provide([Interop.layerSocket({ host: "feed", port: 80 }), RpcSerialization.layerNdjson])
)

const check = SimCheck.check(
  Effect.fnUntraced(function* ({ host }) {
    yield* (yield* host("feed")).start(Layer.launch(server))
    const numbers = yield* (yield* host("reader")).run(reader)
    if (numbers !== "1 2 3 4 5") yield* Effect.fail(new Error(`the reader got ${numbers} instead of 1 2 3 4 5`))
  }),
  { plan: "reset=10%, delay=20% 1ms..20ms", dissectors: [RpcDissector.dissector] }
)

const result = await Effect.runPromise(Effect.result(check))
process.exitCode = Result.isFailure(result) ? 1 : 0
process.stdout.write(`${Result.match(result, { onFailure: ({ message }) => message, onSuccess: SimCheck.format })}\n`)
