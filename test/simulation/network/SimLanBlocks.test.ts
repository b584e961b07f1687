import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Network from "../../../src/network/Network.ts"
import type * as Packet from "../../../src/network/Packet.ts"
import * as SimLan from "../../../src/simulation/network/SimLan.ts"
import * as SimClock from "../../../src/simulation/runtime/SimClock.ts"
import { pair, run, tick } from "../../support/Simulated.ts"

/** Two hosts, and what arrives at the second, as `text at milliseconds`. */
const makePair = () => {
  const clock = SimClock.make()
  const observed: Array<string> = []
  const lan = SimLan.make({
    clock,
    random: () => 0.5,
    tap: ({ arrives, bytes, fault, lost }) => {
      const end = lost ? "lost" : arrives === undefined ? "waits" : "arrives"
      observed.push(`${String.fromCharCode(...bytes)} ${end}${fault === undefined ? "" : `: ${fault}`}`)
    }
  })
  const [a, b] = [lan.add("a", []), lan.add("b", [])]
  lan.add("c", [])
  const arrived: Array<string> = []
  const arrive = (bytes: Uint8Array) => void arrived.push(`${String.fromCharCode(...bytes)} at ${clock.now() / 1e6}`)
  const packet = (text: string, transport: "udp" | "tcp", kind: Packet.Kind): Packet.Packet => ({
    transport,
    kind,
    from: { address: "10.0.0.1", port: 1 },
    to: { address: "10.0.0.2", port: 2 },
    bytes: new TextEncoder().encode(text)
  })
  let lastArrival = 0
  return {
    lan,
    arrived,
    observed,
    to: (millis: number) => {
      clock.schedule(millis * 1e6, () => {})
      clock.advance(millis * 1e6)
    },
    datagram: (text: string) => lan.datagram(packet(text, "udp", "datagram"), a, b, arrive),
    segment: (text: string, kind: Packet.Kind = "data") => {
      lastArrival = lan.segment(packet(text, "tcp", kind), a, b, lastArrival, arrive)
      return lastArrival
    },
    back: (text: string) => lan.datagram(packet(text, "udp", "datagram"), b, a, arrive)
  }
}

describe("SimLan", () => {
  it("holds packets in both directions, and delivers them in their order at the release", () => {
    const lanPair = makePair()
    lanPair.datagram("before")
    lanPair.lan.hold("b", "a")
    lanPair.datagram("one")
    lanPair.segment("two")
    lanPair.back("three")
    lanPair.to(10)
    lanPair.lan.release("a", "b")
    lanPair.datagram("after")
    lanPair.to(20)
    assert.deepStrictEqual(lanPair.arrived, ["before at 0.5", "one at 10", "two at 10", "three at 10", "after at 10.5"])
    assert.deepStrictEqual(lanPair.observed, [
      "before arrives",
      "one waits: hold",
      "two waits: hold",
      "three waits: hold",
      "after arrives"
    ])
  })

  it("delivers packets that were held for a shorter time than the latency at their usual time", () => {
    const lanPair = makePair()
    lanPair.lan.hold("a", "b")
    lanPair.datagram("x")
    lanPair.to(0.2)
    lanPair.lan.release("a", "b")
    lanPair.to(1)
    assert.deepStrictEqual(lanPair.arrived, ["x at 0.5"])
  })

  it("loses datagrams and SYNs in a partition, and delivers other segments at its repair", () => {
    const lanPair = makePair()
    lanPair.lan.partition("a", "b")
    lanPair.datagram("datagram")
    assert.strictEqual(lanPair.segment("syn", "syn"), Number.POSITIVE_INFINITY)
    const other = makePair()
    other.lan.partition("a", "b")
    other.datagram("datagram")
    other.segment("one")
    other.segment("two", "fin")
    for (const one of [lanPair, other]) {
      one.to(5)
      one.lan.repair("a", "b")
      one.to(10)
    }
    assert.deepStrictEqual(lanPair.arrived, [])
    assert.deepStrictEqual(lanPair.observed, ["datagram lost: partition", "syn lost: partition"])
    assert.deepStrictEqual(other.arrived, ["one at 5", "two at 5"])
    other.segment("three")
    other.to(20)
    assert.strictEqual(other.arrived.at(-1), "three at 10.5")
  })

  it("delivers what is held in a partition only after both have ended", () => {
    const lanPair = makePair()
    lanPair.lan.hold("a", "b")
    lanPair.segment("x")
    lanPair.lan.partition("a", "b")
    lanPair.to(1)
    lanPair.lan.release("a", "b")
    lanPair.to(2)
    assert.deepStrictEqual(lanPair.arrived, [])
    lanPair.lan.repair("a", "b")
    lanPair.to(3)
    assert.deepStrictEqual(lanPair.arrived, ["x at 2"])
  })

  it("heals all links at once, and blocks only the named one", () => {
    const lanPair = makePair()
    lanPair.lan.hold("a", "c")
    lanPair.lan.partition("c", "b")
    lanPair.datagram("free")
    lanPair.to(1)
    lanPair.lan.hold("a", "b")
    lanPair.datagram("held")
    lanPair.lan.heal()
    lanPair.to(2)
    assert.deepStrictEqual(lanPair.arrived, ["free at 0.5", "held at 1.5"])
    assert.throws(() => lanPair.lan.hold("a", "nobody"), /unknown host nobody/)
  })

  it("delivers ICMP errors after the latency, except in a partition", () => {
    const lanPair = makePair()
    const [a, b] = lanPair.lan.nodes
    const times: Array<string> = []
    const send = (label: string) => lanPair.lan.icmp(b!, a!, () => void times.push(label))
    send("one")
    lanPair.to(0.4)
    assert.deepStrictEqual(times, [])
    lanPair.to(1)
    lanPair.lan.partition("a", "b")
    send("two")
    lanPair.lan.repair("a", "b")
    lanPair.lan.hold("a", "b")
    send("three")
    lanPair.to(5)
    assert.deepStrictEqual(times, ["one"])
    lanPair.lan.release("a", "b")
    lanPair.to(6)
    assert.deepStrictEqual(times, ["one", "three"])
  })
})

describe("a simulated stream", () => {
  /** Connects at 0 s and writes 2 s later, with a block until 3.5 s; returns the times of both at the peer. */
  const times = (block: "hold" | "partition", from: number) =>
    run((simulation) =>
      Effect.gen(function* () {
        const { a, b } = yield* pair(simulation)
        const [begin, end] =
          block === "hold"
            ? [simulation.hold("a", "b"), simulation.release("b", "a")]
            : [simulation.partition(["a"], ["b"]), simulation.repair(["b"], ["a"])]
        const seen: Array<number> = []
        yield* b.start(
          Effect.gen(function* () {
            const listener = yield* (yield* Network.Network).listen({ host: b.address, port: 80 })
            const connection = yield* listener.accept
            yield* tick(seen)
            yield* connection.pull
            yield* tick(seen)
          })
        )
        yield* a.start(
          Effect.gen(function* () {
            const to = NetAddress.inetAddressFromIpStringUnsafe(b.address, 80)
            const connection = yield* (yield* Network.Network).connect(to)
            yield* Effect.sleep("2 seconds")
            yield* connection.write("x")
            yield* Effect.sleep("1 minute")
          })
        )
        yield* Effect.sleep(from)
        yield* begin
        yield* Effect.sleep(3_500 - from)
        yield* end
        yield* Effect.sleep("1 minute")
        return seen
      })
    )

  it.effect.each([
    ["hold", 1_000, [1.5, 3_500]],
    ["partition", 1_000, [1.5, 3_500]],
    ["hold", 0.2, [3_500.5, 5_500.5]]
  ] as const)("waits in a %s that begins at %d ms", ([block, from, expected]) =>
    Effect.map(times(block, from), (seen) => assert.deepStrictEqual(seen, [...expected]))
  )
})
