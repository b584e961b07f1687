import { MessageChannel } from "node:worker_threads"
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import * as Queue from "effect/Queue"
import * as Network from "../../../../src/network/Network.ts"
import * as NodeNetwork from "../../../../src/network/node/NodeNetwork.ts"
import { NodePortConnection } from "../../../../src/session/workers/handover/NodePortConnection.ts"
import * as Relay from "../../../../src/session/workers/handover/Relay.ts"
import * as NetworkClosing from "../../../suites/network/NetworkClosing.ts"
import * as NetworkStream from "../../../suites/network/NetworkStream.ts"
import type { Test } from "../../../suites/network/Subject.ts"
import * as Handles from "../../../support/Handles.ts"
import { Hosts } from "../../../support/Hosts.ts"

const closing = (connection: NodePortConnection) =>
  Effect.as(
    Effect.addFinalizer(() => connection.close),
    connection
  )

/** A network of one host, whose connections are pairs of ports. */
const ports = Layer.effect(
  Network.Network,
  Effect.map(Network.Network, (host) => {
    const listening = new Map<number, Queue.Queue<NodePortConnection>>()
    return Network.Network.of({
      ...host,
      listen: Effect.fnUntraced(function* () {
        const accepted = yield* Queue.unbounded<NodePortConnection>()
        const port = listening.size + 1
        listening.set(port, accepted)
        const address = NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", port)
        return { address, accept: Effect.flatMap(Queue.take(accepted), closing) }
      }),
      connect: (remote) => {
        const local = NetAddress.inetAddressFromIpStringUnsafe("127.0.0.2", 1)
        const { port1, port2 } = new MessageChannel()
        const accepted = listening.get((remote as NetAddress.InetAddress).port)!
        Queue.offerUnsafe(accepted, new NodePortConnection(port2, { local: remote, remote: local }))
        return closing(new NodePortConnection(port1, { local, remote }))
      }
    })
  })
).pipe(Layer.provide(NodeNetwork.layer))

/** The host's network, whose accepted connections are relayed over pairs of ports. */
const relayed = Layer.effect(
  Network.Network,
  Effect.map(Network.Network, (host) => {
    const relay = Effect.fnUntraced(function* (client: Network.Connection) {
      const { port1, port2 } = new MessageChannel()
      const ends = { local: client.local, remote: client.remote }
      const relay = yield* Effect.forkDetach(Relay.run(client, new NodePortConnection(port1, ends)))
      yield* Effect.addFinalizer(() =>
        Effect.andThen(Effect.timeoutOption(Fiber.await(relay), "1 second"), Fiber.interrupt(relay))
      )
      return yield* closing(new NodePortConnection(port2, ends))
    })
    return Network.Network.of({
      ...host,
      listen: (options) =>
        Effect.map(host.listen(options), ({ accept, address }) => ({ address, accept: Effect.flatMap(accept, relay) }))
    })
  })
).pipe(Layer.provide(NodeNetwork.layer))

const testOn =
  (layer: typeof ports): Test =>
  (name, body) =>
    it.live(name, () =>
      Handles.assertNoLeaks(Effect.suspend(body).pipe(Effect.scoped, Effect.provide(Hosts.one(layer), { local: true })))
    )

describe("NodePortConnection", () => {
  const test = testOn(ports)
  NetworkStream.suite(test)
  NetworkClosing.reset(test)
  NetworkClosing.suite(test)
  NetworkClosing.lastWords(test)
})

describe("Relay between a socket and a port", () => {
  const test = testOn(relayed)
  NetworkStream.suite(test)
  NetworkClosing.reset(test)
  NetworkClosing.suite(test)
})
