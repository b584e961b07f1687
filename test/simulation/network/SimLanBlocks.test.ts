import { assert, describe, it } from "@effect/vitest"
import type * as Packet from "../../../src/network/Packet.ts"
import * as SimLan from "../../../src/simulation/network/SimLan.ts"
import * as SimClock from "../../../src/simulation/runtime/SimClock.ts"

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
    const pair = makePair()
    pair.datagram("before")
    pair.lan.hold("b", "a")
    pair.datagram("one")
    pair.segment("two")
    pair.back("three")
    pair.to(10)
    pair.lan.release("a", "b")
    pair.datagram("after")
    pair.to(20)
    assert.deepStrictEqual(pair.arrived, ["before at 0.5", "one at 10", "two at 10", "three at 10", "after at 10.5"])
    assert.deepStrictEqual(pair.observed, [
      "before arrives",
      "one waits: hold",
      "two waits: hold",
      "three waits: hold",
      "after arrives"
    ])
  })

  it("delivers packets that were held for a shorter time than the latency at their usual time", () => {
    const pair = makePair()
    pair.lan.hold("a", "b")
    pair.datagram("x")
    pair.to(0.2)
    pair.lan.release("a", "b")
    pair.to(1)
    assert.deepStrictEqual(pair.arrived, ["x at 0.5"])
  })

  it("loses datagrams and SYNs in a partition, and delivers other segments at its repair", () => {
    const pair = makePair()
    pair.lan.partition("a", "b")
    pair.datagram("datagram")
    assert.strictEqual(pair.segment("syn", "syn"), Number.POSITIVE_INFINITY)
    const other = makePair()
    other.lan.partition("a", "b")
    other.datagram("datagram")
    other.segment("one")
    other.segment("two", "fin")
    for (const one of [pair, other]) {
      one.to(5)
      one.lan.repair("a", "b")
      one.to(10)
    }
    assert.deepStrictEqual(pair.arrived, [])
    assert.deepStrictEqual(pair.observed, ["datagram lost: partition", "syn lost: partition"])
    assert.deepStrictEqual(other.arrived, ["one at 5", "two at 5"])
    other.segment("three")
    other.to(20)
    assert.strictEqual(other.arrived.at(-1), "three at 10.5")
  })

  it("delivers what is held in a partition only after both have ended", () => {
    const pair = makePair()
    pair.lan.hold("a", "b")
    pair.segment("x")
    pair.lan.partition("a", "b")
    pair.to(1)
    pair.lan.release("a", "b")
    pair.to(2)
    assert.deepStrictEqual(pair.arrived, [])
    pair.lan.repair("a", "b")
    pair.to(3)
    assert.deepStrictEqual(pair.arrived, ["x at 2"])
  })

  it("heals all links at once, and blocks only the named one", () => {
    const pair = makePair()
    pair.lan.hold("a", "c")
    pair.lan.partition("c", "b")
    pair.datagram("free")
    pair.to(1)
    pair.lan.hold("a", "b")
    pair.datagram("held")
    pair.lan.heal()
    pair.to(2)
    assert.deepStrictEqual(pair.arrived, ["free at 0.5", "held at 1.5"])
    assert.throws(() => pair.lan.hold("a", "nobody"), /unknown host nobody/)
  })

  it("delivers ICMP errors after the latency, except in a partition", () => {
    const pair = makePair()
    const [a, b] = pair.lan.nodes
    const times: Array<string> = []
    const send = (label: string) => pair.lan.icmp(b!, a!, () => void times.push(label))
    send("one")
    pair.to(0.4)
    assert.deepStrictEqual(times, [])
    pair.to(1)
    pair.lan.partition("a", "b")
    send("two")
    pair.lan.repair("a", "b")
    pair.lan.hold("a", "b")
    send("three")
    pair.to(5)
    assert.deepStrictEqual(times, ["one"])
    pair.lan.release("a", "b")
    pair.to(6)
    assert.deepStrictEqual(times, ["one", "three"])
  })
})
