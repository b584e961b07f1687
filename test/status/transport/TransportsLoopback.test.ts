import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Network from "../../../src/network/Network.ts"
import * as NodeNetwork from "../../../src/network/node/NodeNetwork.ts"
import * as Broadcast from "../../../src/status/transport/Broadcast.ts"
import * as Mesh from "../../../src/status/transport/Mesh.ts"
import * as Multicast from "../../../src/status/transport/Multicast.ts"
import * as Relay from "../../../src/status/transport/Relay.ts"
import * as RelayClient from "../../../src/status/transport/RelayClient.ts"
import type * as Transport from "../../../src/status/transport/Transport.ts"
import { inbox, packet } from "../../suites/status/StatusTransports.ts"
import * as Handles from "../../support/Handles.ts"

/** Returns an unused UDP port. */
const freePort = Effect.scoped(
  Effect.flatMap(Network.Network, ({ udp }) =>
    Effect.map(
      udp({ host: "127.0.0.1" }, () => {}),
      ({ local }) => local.port
    )
  )
)

const until = Effect.fnUntraced(function* (condition: () => boolean) {
  while (!condition()) yield* Effect.yieldNow
}, Effect.timeout("5 seconds"))

const open = Effect.fnUntraced(function* (openTransport: Transport.OpenTransport) {
  const { senders, received, receive } = inbox()
  const transport = yield* openTransport(receive)
  return { transport, received, senders, sendText: (text: string) => transport.send(packet(text)) }
})

/** Runs a test on the host's loopback network, and asserts that no socket is left open. */
const testLive = (name: string, body: Effect.Effect<void, unknown, Network.Network | Scope.Scope>, skip = false) =>
  it.live.skipIf(skip)(name, () =>
    Handles.assertNoLeaks(Effect.scoped(body).pipe(Effect.provide(NodeNetwork.layer, { local: true })))
  )

const notLinux = process.platform !== "linux"

describe("transports on the loopback interface", () => {
  testLive(
    notLinux ? "broadcast: skipped, sockets are bound to a broadcast address on Linux only" : "broadcast",
    Effect.gen(function* () {
      const port = yield* freePort
      const openTransport = Broadcast.make({ addresses: ["127.255.255.255"], port })
      const peers = yield* Effect.replicateEffect(open(openTransport), 3)
      const unicastSender = yield* (yield* Network.Network).udp({ host: "127.0.0.1" }, () => {})
      yield* unicastSender.send(packet("unicast"), { address: "127.0.0.1", port })
      for (const [at, peer] of peers.entries()) yield* peer.sendText(`peer ${at}`)
      yield* until(() => peers.every(({ received }) => received.length >= 3))
      for (const { senders, received } of peers) {
        assert.deepStrictEqual(received, ["peer 0", "peer 1", "peer 2"])
        for (const one of senders) assert.deepStrictEqual({ ...one }, { ...senders[0]!, address: "127.0.0.1", port })
      }
      assert.deepStrictEqual(yield* peers[0]!.transport.stats, { sent: 1, failed: 0, dropped: 0 })
      assert.strictEqual(peers[0]!.transport.label, `broadcast to 127.255.255.255 port ${port}`)
    }),
    notLinux
  )

  testLive(
    notLinux ? "mesh: skipped, 127.0.0.2 is an address on Linux only" : "mesh",
    Effect.gen(function* () {
      const port = yield* freePort
      const hosts = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
      const list = [...hosts, "127.0.0.4"].map((address) => ({ address }))
      const peers = yield* Effect.forEach(hosts, (host) => open(Mesh.make({ peers: list, host, port })))
      for (const [at, peer] of peers.entries()) yield* peer.sendText(hosts[at]!)
      yield* until(() => peers.every(({ received }) => received.length === 3))
      for (const { senders, received } of peers) {
        assert.deepStrictEqual([...received].sort(), hosts)
        assert.deepStrictEqual(
          senders.map(({ address }) => address),
          received
        )
      }
      // Nothing is bound to the fourth address, which is not a send failure.
      yield* peers[0]!.sendText("again")
      yield* until(() => peers.every(({ received }) => received.includes("again")))
      assert.strictEqual((yield* peers[0]!.transport.stats).failed, 0)
    }),
    notLinux
  )

  testLive(
    "multicast reaches all members",
    Effect.gen(function* () {
      const port = yield* freePort
      const openTransport = Multicast.make({ interfaces: ["127.0.0.1"], port })
      const peers = yield* Effect.replicateEffect(open(openTransport), 3)
      for (const [at, peer] of peers.entries()) yield* peer.sendText(`peer ${at}`)
      yield* until(() => peers.every(({ received }) => received.length >= 3))
      for (const { received } of peers) assert.deepStrictEqual([...received].sort(), ["peer 0", "peer 1", "peer 2"])
    })
  )

  testLive(
    "relay reaches all subscribers",
    Effect.gen(function* () {
      const agent = yield* Relay.make({ port: 0 })
      const relay = { address: "127.0.0.1", port: agent.address.port }
      const peers = yield* Effect.replicateEffect(open(RelayClient.make({ relay, host: "127.0.0.1" })), 3)
      const subscribed = Effect.map(agent.stats, ({ subscribers }) => subscribers === 3)
      while (!(yield* subscribed)) yield* Effect.yieldNow
      for (const peer of peers) peer.received.length = 0
      for (const [at, peer] of peers.entries()) yield* peer.sendText(`peer ${at}`)
      yield* until(() => peers.every(({ received }) => new Set(received).size >= 2))
      // A packet sent before the relay's reply arrives may be delivered twice.
      for (const [at, { senders, received }] of peers.entries()) {
        const others = [0, 1, 2].filter((one) => one !== at)
        assert.deepStrictEqual(
          [...new Set(received)].sort(),
          others.map((one) => `peer ${one}`)
        )
        assert.deepStrictEqual(
          new Set(senders.map(({ port }) => port)),
          new Set(others.map((one) => peers[one]!.transport.local.port))
        )
      }
    }).pipe(Effect.timeout("5 seconds"))
  )

  testLive(
    "fail to open a port in use",
    Effect.gen(function* () {
      const { port } = (yield* Relay.make({ port: 0 })).address
      const error = yield* Effect.flip(Relay.make({ port }))
      assert.strictEqual(error.reason, "AddressInUse")
      const peers = [{ address: "127.0.0.1" }]
      const mesh = yield* Effect.flip(open(Mesh.make({ peers, host: "127.0.0.1", port })))
      assert.strictEqual(mesh.reason, "AddressInUse")
    })
  )
})
