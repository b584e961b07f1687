/** Scenarios of the simulation benchmark. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Rpc from "effect/rpc/Rpc"
import * as RpcClient from "effect/rpc/RpcClient"
import * as RpcGroup from "effect/rpc/RpcGroup"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as RpcServer from "effect/rpc/RpcServer"
import * as Schema from "effect/Schema"
import * as Interop from "../../../src/network/interop/Interop.ts"
import * as Network from "../../../src/network/Network.ts"
import type * as Simulation from "../../../src/simulation/Simulation.ts"

const port = 2000

/** An echo server with clients that each keep one datagram in flight: two datagrams per round trip. */
export const exchange = (clients: number, roundTrips: number) =>
  Effect.fnUntraced(function* ({ host }: Simulation.Simulation) {
    const far = yield* host("server")
    yield* far.start(
      Effect.gen(function* () {
        const network = yield* Network.Network
        const socket: Network.UdpSocket = yield* network.udp({ host: far.address, port }, (bytes, from) =>
          socket.sendUnsafe(bytes, from)
        )
      })
    )
    const near = yield* host("client")
    const client = Effect.gen(function* () {
      const network = yield* Network.Network
      const answers = yield* Queue.unbounded<Uint8Array>()
      const socket = yield* network.udp({ host: near.address }, (bytes) => Queue.offerUnsafe(answers, bytes))
      const to = { address: far.address, port }
      const question = new Uint8Array(64)
      for (let n = 0; n < roundTrips; n++) {
        socket.sendUnsafe(question, to)
        yield* Queue.take(answers)
      }
    })
    yield* near.run(
      Effect.all(
        Array.from({ length: clients }, () => client),
        { concurrency: "unbounded" }
      )
    )
  })

/** Hosts that wait for broadcasts, of which none is sent. */
export const idle = Effect.fnUntraced(function* ({ host }: Simulation.Simulation) {
  for (let n = 0; n < 10; n++) {
    const one = yield* host(`host${n}`)
    yield* one.start(Effect.flatMap(Network.Network, (network) => network.udp({ host: "0.0.0.0", port }, () => {})))
    yield* one.start(Effect.forever(Effect.sleep("1 second")))
  }
  yield* Effect.sleep("10 minutes")
})

const Sum = RpcGroup.make(Rpc.make("Add", { payload: { a: Schema.Int, b: Schema.Int }, success: Schema.Int }))

const sumServer = RpcServer.layer(Sum).pipe(
  Layer.provide([Sum.toLayer({ Add: ({ a, b }) => Effect.succeed(a + b) }), RpcServer.layerProtocolSocketServer]),
  Layer.provide([Interop.layerSocketServer({ host: "0.0.0.0", port }), RpcSerialization.layerNdjson])
)

/** A client of effect/rpc over a TCP connection, with one call after another. */
export const rpcCalls = (calls: number) =>
  Effect.fnUntraced(function* ({ host }: Simulation.Simulation) {
    yield* (yield* host("server")).start(Layer.launch(sumServer))
    const client = Effect.gen(function* () {
      const sum = yield* RpcClient.make(Sum)
      for (let n = 0; n < calls; n++) yield* sum.Add({ a: n, b: 1 })
    }).pipe(
      Effect.provide(RpcClient.layerProtocolSocket()),
      Effect.provide([Interop.layerSocket({ host: "server", port }), RpcSerialization.layerNdjson])
    )
    yield* (yield* host("client")).run(client)
  })
