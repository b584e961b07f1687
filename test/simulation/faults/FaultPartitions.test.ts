import { assert, describe, it } from "@effect/vitest"
import type { Kind, Packet } from "../../../src/network/Packet.ts"
import * as FaultEngine from "../../../src/simulation/faults/FaultEngine.ts"
import * as FaultPlanSyntax from "../../../src/simulation/faults/FaultPlanSyntax.ts"
import type * as FaultVerdict from "../../../src/simulation/faults/FaultVerdict.ts"

const millis = 1_000_000
const second = 1000 * millis

const engine = (text: string, options?: FaultEngine.Options) =>
  FaultEngine.make(FaultPlanSyntax.parseUnsafe(text), options)

const packet = (kind: Kind, from: string, to: string): Packet => ({
  transport: kind === "datagram" ? "udp" : "tcp",
  kind,
  from: { address: from, port: 5000 },
  to: { address: to, port: 69 },
  bytes: Uint8Array.of(1)
})

const stream = (verdict: FaultVerdict.Verdict): FaultVerdict.Stream => {
  assert(verdict._tag === "Stream", verdict._tag)
  return verdict
}

describe("partitions", () => {
  const hosts = ["a", "b", "c"] as const
  const nameOf = (address: string) => hosts[Number(address.at(-1)) - 1]
  const between = (from: number, to: number, kind: Kind = "datagram") => packet(kind, `10.0.0.${from}`, `10.0.0.${to}`)
  const ways = [1, 2, 3].flatMap((from) => [1, 2, 3].filter((to) => to !== from).map((to) => [from, to] as const))

  it.each([
    ["partition=a|b", ["12", "21"]],
    ["partition=a>b", ["12"]],
    ["partition=10.0.0.3|*", ["13", "23", "31", "32"]],
    ["partition=*>c", ["13", "23"]],
    ["partition=a|b, partition=c>a", ["12", "21", "31"]]
  ])("%s blocks packets in its window, and isPartitioned agrees", (text, expected) => {
    const timed = text.replaceAll(/(?=,|$)/g, "@2s..5s")
    const { decide, isPartitioned } = engine(timed, { nameOf })
    const lost = (now: number) =>
      ways.filter(([from, to]) => decide(between(from, to), now)._tag === "Drop").map((way) => way.join(""))
    const partitioned = (now: number) =>
      ways.filter(([from, to]) => isPartitioned(`10.0.0.${from}`, `10.0.0.${to}`, now)).map((way) => way.join(""))
    for (const now of [2 * second, 5 * second - 1]) {
      assert.deepStrictEqual(lost(now), expected)
      assert.deepStrictEqual(partitioned(now), expected)
    }
    for (const now of [0, 2 * second - 1, 5 * second]) {
      assert.deepStrictEqual(lost(now), [])
      assert.deepStrictEqual(partitioned(now), [])
    }
  })

  it("a partition delays streams until its end, and loses resets", () => {
    const { counts, decide, isPartitioned } = engine("partition=a>b@2s..5s, partition=b>a@1s..", { nameOf })
    for (const kind of ["syn", "synack", "ack", "data", "fin"] as const) {
      assert.strictEqual(stream(decide(between(1, 2, kind), 3 * second)).stallNanos, 2 * second)
      assert.strictEqual(stream(decide(between(2, 1, kind), 3 * second)).stallNanos, Number.POSITIVE_INFINITY)
    }
    assert.strictEqual(decide(between(1, 2, "rst"), 3 * second)._tag, "Drop")
    assert.strictEqual(stream(decide(between(1, 2, "fin"), 3 * second)).note, "partition=a>b@2s..5s")
    assert.deepStrictEqual(counts(), [7, 5])
    assert.isTrue(isPartitioned("a", "b", 3 * second))
    assert.isFalse(isPartitioned("a", "c", 3 * second))
  })
})

describe("host faults", () => {
  it("hostEvents are ordered by time, and counted once recorded", () => {
    const { counts, recordHostEvent, hostEvents, unused } = engine(
      "restart=a@9s, crash=b@2s..5s, pause=a@1s..2s, crash=a@5s, drop",
      { startNanos: second }
    )
    assert.deepStrictEqual(
      hostEvents().map(({ at, event, host, ruleIndex }) => `${at / second} ${event} ${host} ${ruleIndex}`),
      ["2 pause a 2", "3 crash b 1", "3 resume a 2", "6 restart b 1", "6 crash a 3", "10 restart a 0"]
    )
    hostEvents().slice(0, 4).forEach(recordHostEvent)
    assert.deepStrictEqual(counts(), [0, 1, 1, 0, 0])
    assert.strictEqual(FaultPlanSyntax.format(unused()), "restart=a@9s, crash=a@5s, drop")
  })
})

describe("faultsEnd", () => {
  it.each([
    ["", 0],
    ["drop @1s..2s, dup=5% 1ms..3ms @..3s", 3 * second + 3 * millis],
    ["partition=a|b@2s..5s, crash=a@6s..7s, pause=b@1s", 7 * second],
    ["stall @..2s, crash=a@3s", 3 * second],
    ["drop", undefined],
    ["drop=#3", undefined],
    ["partition=a|b@2s..", undefined]
  ])("of %j is %s", (text, end) => {
    assert.strictEqual(engine(text).faultsEnd(), end)
    assert.strictEqual(engine(text, { startNanos: second }).faultsEnd(), end === undefined ? end : end + second)
  })

  it("is known once the last selected packet has passed", () => {
    const { decide, faultsEnd } = engine("delay=#2 10ms, drop=#1")
    decide(packet("datagram", "10.0.0.1", "10.0.0.2"), second)
    assert.strictEqual(faultsEnd(), undefined)
    decide(packet("datagram", "10.0.0.1", "10.0.0.2"), 2 * second)
    decide(packet("datagram", "10.0.0.1", "10.0.0.2"), 3 * second)
    assert.strictEqual(faultsEnd(), 2 * second + 10 * millis)
  })

  it("is the time of heal", () => {
    const { decide, faultsEnd, heal, isPartitioned } = engine("drop, partition=a|b, crash=a@1s")
    assert.strictEqual(decide(packet("datagram", "10.0.0.1", "10.0.0.2"), 0)._tag, "Drop")
    heal(5 * second)
    assert.strictEqual(decide(packet("datagram", "10.0.0.1", "10.0.0.2"), 5 * second)._tag, "Deliver")
    assert.isFalse(isPartitioned("a", "b", 5 * second))
    assert.strictEqual(faultsEnd(), 5 * second)
  })
})
