import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Broadcast from "../../../src/status/transport/Broadcast.ts"
import * as Mesh from "../../../src/status/transport/Mesh.ts"
import * as Multicast from "../../../src/status/transport/Multicast.ts"
import * as RelayClient from "../../../src/status/transport/RelayClient.ts"
import type * as Transport from "../../../src/status/transport/Transport.ts"
import { openOn, relay, suite, type TransportCase, type TransportHost } from "../../suites/status/StatusTransports.ts"
import { run } from "../../support/Simulated.ts"

const everywhere =
  (open: Transport.OpenTransport): TransportCase["open"] =>
  (_, hosts) =>
    Effect.forEach(hosts, (host) => openOn(host, open))

const transports: ReadonlyArray<TransportCase> = [
  { name: "broadcast", echo: true, open: everywhere(Broadcast.make()) },
  { name: "directed broadcast", echo: true, open: everywhere(Broadcast.make({ addresses: ["10.0.255.255"] })) },
  { name: "multicast", echo: true, open: everywhere(Multicast.make()) },
  {
    name: "mesh with itself in its list",
    echo: true,
    open: (_, hosts) => {
      const peers = hosts.map(({ address }) => ({ address }))
      return Effect.forEach(hosts, (host) => openOn(host, Mesh.make({ peers })))
    }
  },
  {
    name: "mesh of the others, one of them on another port",
    echo: false,
    open: (_, hosts) =>
      Effect.forEach(hosts, (host) => {
        const peers = hosts
          .filter((other) => other !== host)
          .map(({ address, name }) => ({ address, port: name === "b" ? 3000 : 2066 }))
        return openOn(host, Mesh.make({ peers, port: host.name === "b" ? 3000 : 2066 }))
      })
  },
  {
    name: "relay",
    echo: false,
    open: ({ host }, hosts) =>
      Effect.gen(function* () {
        const { address } = yield* relay(yield* host("relay"))
        return yield* Effect.forEach(hosts, (one) => openOn(one, RelayClient.make({ relay: { address } })))
      })
  }
]

for (const transport of transports) suite(transport)

describe("transports on a host with two networks", () => {
  const both: Readonly<Record<string, Transport.OpenTransport>> = {
    broadcast: Broadcast.make(),
    multicast: Multicast.make(),
    "multicast to named interfaces": Multicast.make({ interfaces: ["eth0", "eth1", "10.2.0.2", "10.1.0.1"] })
  }
  for (const [name, open] of Object.entries(both)) {
    it.effect(`${name} sends to and receives from both networks, which do not reach each other`, () =>
      run(({ host }) =>
        Effect.gen(function* () {
          const at = (name: string, ...addresses: ReadonlyArray<string>) =>
            Effect.flatMap(host(name, { addresses }), (one) => openOn(one, open))
          const a = yield* at("a", "10.1.0.1/24")
          const b = yield* at("b", "10.2.0.2/24")
          const c = yield* at("c", "10.1.0.3/24", "10.2.0.3/24")
          for (const one of [a, b, c]) yield* one.sendText(one.name)
          yield* Effect.sleep("1 second")
          const textsOf = ({ received }: TransportHost) => [...new Set(received)].sort()
          assert.deepStrictEqual(
            [textsOf(a), textsOf(b), textsOf(c)],
            [
              ["a", "c"],
              ["b", "c"],
              ["a", "b", "c"]
            ]
          )
          assert.strictEqual(b.senders[b.received.indexOf("c")]!.address, "10.2.0.3")
        })
      )
    )
  }

  it.effect("broadcast sends one packet on a host with one interface, and at most three with two", () =>
    run(({ host }) =>
      Effect.gen(function* () {
        const one = yield* openOn(yield* host("one", { addresses: ["10.1.0.1/24", "fd00::1/64"] }), Broadcast.make())
        const two = yield* openOn(yield* host("two", { addresses: ["10.1.0.2/24", "10.2.0.2/24"] }), Broadcast.make())
        for (const station of [one, two]) {
          yield* station.sendText("x")
          yield* station.sendText("y")
        }
        assert.strictEqual((yield* one.stats).sent, 2)
        assert.strictEqual((yield* two.stats).sent, 6)
      })
    )
  )

  it.effect("multicast joins and sends on every interface over IPv6", () =>
    run(({ host }) =>
      Effect.gen(function* () {
        const open = Multicast.make({ group: "ff02::2066" })
        const a = yield* openOn(yield* host("a", { addresses: ["fd00:1::1/64"] }), open)
        const b = yield* openOn(yield* host("b", { addresses: ["fd00:2::1/64"] }), open)
        const c = yield* openOn(yield* host("c", { addresses: ["fd00:1::3/64", "fd00:2::3/64"] }), open)
        yield* c.sendText("six")
        yield* Effect.sleep("1 second")
        assert.deepStrictEqual([a.received, b.received], [["six"], ["six"]])
      })
    )
  )
})

describe("transports within a host", () => {
  it.effect("broadcast on the loopback address reaches all peers of the host, and receives from no other", () =>
    run(({ host }) =>
      Effect.gen(function* () {
        const inside = Broadcast.make({ addresses: ["127.255.255.255"] })
        const [a, b] = [yield* host("a"), yield* host("b")]
        const one = yield* openOn(a, inside)
        const two = yield* openOn(a, inside)
        const loud = yield* openOn(b, Broadcast.make())
        const elsewhere = yield* openOn(b, inside)
        yield* one.sendText("inside")
        yield* loud.sendText("outside")
        yield* Effect.sleep("1 second")
        assert.deepStrictEqual([one.received, two.received, elsewhere.received], [["inside"], ["inside"], []])
        assert.deepStrictEqual(one.senders, [{ address: "127.0.0.1", port: 2066 }])
      })
    )
  )
})
