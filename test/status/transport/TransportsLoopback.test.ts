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

const open = Effect.fnUntraced(function* (way: Transport.OpenTransport) {
  const { from, heard, receive } = inbox()
  const transport = yield* way(receive)
  return { transport, heard, from, say: (text: string) => transport.send(packet(text)) }
})

/** Runs a test on the host's loopback network, and asserts that no socket is left open. */
const live = (name: string, body: Effect.Effect<void, unknown, Network.Network | Scope.Scope>, skip = false) =>
  it.live.skipIf(skip)(name, () =>
    Handles.assertNoLeaks(Effect.scoped(body).pipe(Effect.provide(NodeNetwork.layer, { local: true })))
  )

const notLinux = process.platform !== "linux"

describe("transports on the loopback interface", () => {
  live(
    notLinux ? "broadcast: skipped, sockets are bound to a broadcast address on Linux only" : "broadcast",
    Effect.gen(function* () {
      const port = yield* freePort
      const way = Broadcast.make({ addresses: ["127.255.255.255"], port })
      const peers = yield* Effect.replicateEffect(open(way), 3)
      const stranger = yield* (yield* Network.Network).udp({ host: "127.0.0.1" }, () => {})
      yield* stranger.send(packet("unicast"), { address: "127.0.0.1", port })
      for (const [at, peer] of peers.entries()) yield* peer.say(`peer ${at}`)
      yield* until(() => peers.every(({ heard }) => heard.length >= 3))
      for (const { from, heard } of peers) {
        assert.deepStrictEqual(heard, ["peer 0", "peer 1", "peer 2"])
        for (const one of from) assert.deepStrictEqual({ ...one }, { ...from[0]!, address: "127.0.0.1", port })
      }
      assert.deepStrictEqual(yield* peers[0]!.transport.stats, { sent: 1, failed: 0, dropped: 0 })
      assert.strictEqual(peers[0]!.transport.label, `broadcast to 127.255.255.255 port ${port}`)
    }),
    notLinux
  )

  live(
    notLinux ? "mesh: skipped, 127.0.0.2 is an address on Linux only" : "mesh",
    Effect.gen(function* () {
      const port = yield* freePort
      const hosts = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
      const list = [...hosts, "127.0.0.4"].map((address) => ({ address }))
      const peers = yield* Effect.forEach(hosts, (host) => open(Mesh.make({ peers: list, host, port })))
      for (const [at, peer] of peers.entries()) yield* peer.say(hosts[at]!)
      yield* until(() => peers.every(({ heard }) => heard.length === 3))
      for (const { from, heard } of peers) {
        assert.deepStrictEqual([...heard].sort(), hosts)
        assert.deepStrictEqual(
          from.map(({ address }) => address),
          heard
        )
      }
      // Nothing is bound to the fourth address, which is not a send failure.
      yield* peers[0]!.say("again")
      yield* until(() => peers.every(({ heard }) => heard.includes("again")))
      assert.strictEqual((yield* peers[0]!.transport.stats).failed, 0)
    }),
    notLinux
  )

  live(
    "multicast reaches all members",
    Effect.gen(function* () {
      const port = yield* freePort
      const way = Multicast.make({ interfaces: ["127.0.0.1"], port })
      const peers = yield* Effect.replicateEffect(open(way), 3)
      for (const [at, peer] of peers.entries()) yield* peer.say(`peer ${at}`)
      yield* until(() => peers.every(({ heard }) => heard.length >= 3))
      for (const { heard } of peers) assert.deepStrictEqual([...heard].sort(), ["peer 0", "peer 1", "peer 2"])
    })
  )

  live(
    "relay reaches all subscribers",
    Effect.gen(function* () {
      const agent = yield* Relay.make({ port: 0 })
      const relay = { address: "127.0.0.1", port: agent.address.port }
      const peers = yield* Effect.replicateEffect(open(RelayClient.make({ relay, host: "127.0.0.1" })), 3)
      const subscribed = Effect.map(agent.stats, ({ subscribers }) => subscribers === 3)
      while (!(yield* subscribed)) yield* Effect.yieldNow
      for (const peer of peers) peer.heard.length = 0
      for (const [at, peer] of peers.entries()) yield* peer.say(`peer ${at}`)
      yield* until(() => peers.every(({ heard }) => new Set(heard).size >= 2))
      // A packet sent before the relay's reply arrives may be delivered twice.
      for (const [at, { from, heard }] of peers.entries()) {
        const others = [0, 1, 2].filter((one) => one !== at)
        assert.deepStrictEqual(
          [...new Set(heard)].sort(),
          others.map((one) => `peer ${one}`)
        )
        assert.deepStrictEqual(
          new Set(from.map(({ port }) => port)),
          new Set(others.map((one) => peers[one]!.transport.local.port))
        )
      }
    }).pipe(Effect.timeout("5 seconds"))
  )

  live(
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
