import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import type { Dissector, Kind, Packet } from "../../../src/network/Packet.ts"
import * as FaultArbitrary from "../../../src/simulation/faults/FaultArbitrary.ts"
import * as FaultEngine from "../../../src/simulation/faults/FaultEngine.ts"
import * as FaultPlanSyntax from "../../../src/simulation/faults/FaultPlanSyntax.ts"
import * as FaultRandom from "../../../src/simulation/faults/FaultRandom.ts"
import type * as FaultVerdict from "../../../src/simulation/faults/FaultVerdict.ts"

const hosts = { a: "10.0.0.1", b: "10.0.0.2", c: "fd00::3" } as const
type Name = keyof typeof hosts
const names = Object.keys(hosts) as ReadonlyArray<Name>
const nameOf = (address: string) => names.find((name) => hosts[name] === address)

const secondNanos = 1_000_000_000

/** Dissector whose kind is the first byte. */
const dissector: Dissector = {
  name: "test",
  dissect: ({ bytes }) => {
    const kind = ["RRQ", "DATA", "ACK"][bytes[0] ?? 9]
    return kind === undefined ? undefined : { kind, summary: kind }
  }
}

const packet = (
  kind: Kind,
  from: Name,
  to: Name,
  bytes: ReadonlyArray<number> = [9, 9, 9],
  ports = [5000, 69]
): Packet => ({
  transport: kind === "datagram" ? "udp" : "tcp",
  kind,
  from: { address: hosts[from], port: ports[0]! },
  to: { address: hosts[to], port: ports[1]! },
  bytes: Uint8Array.from(bytes)
})

const udp = (from: Name = "a", to: Name = "b", bytes?: ReadonlyArray<number>) => packet("datagram", from, to, bytes)
const tcp = (bytes: ReadonlyArray<number> = [9, 9, 9], ports?: Array<number>) => packet("data", "a", "b", bytes, ports)

const engine = (text: string, options: FaultEngine.Options = {}) =>
  FaultEngine.make(FaultPlanSyntax.parseUnsafe(text), { nameOf, dissectors: [dissector], ...options })

interface Timed {
  readonly at: number
  readonly packet: Packet
}

/** Generates the packets that hosts send in ten seconds. */
const traffic = (seed: number, count = 120): ReadonlyArray<Timed> => {
  const random = FaultRandom.sequence(`traffic ${seed}`)
  const pick = <A>(all: ReadonlyArray<A>): A => all[Math.floor(random() * all.length)]!
  return Array.from({ length: count }, (_, i) => {
    const kind = pick<Kind>(["datagram", "datagram", "datagram", "data", "data", "data", "syn", "fin", "rst"])
    const from = pick(names)
    const to = pick(names.filter((name) => name !== from))
    const bytes =
      kind === "datagram" || kind === "data" ? [pick([0, 1, 2]), ...Array(Math.floor(random() * 30)).fill(i)] : []
    return { at: Math.floor((i * 10 * secondNanos) / count), packet: packet(kind, from, to, bytes, [pick([1, 2]), 69]) }
  })
}

/** Returns the verdicts as values; held datagrams are numbered by their packets. */
const verdicts = (engine: FaultEngine.FaultEngine, sent: ReadonlyArray<Timed>) => {
  const waiting = new Map<FaultVerdict.HeldDatagram, number>()
  return sent.map(({ at, packet }, i) => {
    const verdict = engine.decide(packet, at)
    if (verdict._tag === "Deliver") return { ...verdict, note: undefined }
    if (verdict._tag !== "Datagrams") return verdict
    const { copies, held, note, overtaken } = verdict
    if (held !== undefined) waiting.set(held, i)
    return {
      _tag: verdict._tag,
      copies,
      note,
      within: held?.maxHoldNanos,
      overtaken: overtaken.map((one) => waiting.get(one))
    }
  })
}

const tags = (engine: FaultEngine.FaultEngine, packets: ReadonlyArray<Packet>) =>
  packets.map((packet, i) => engine.decide(packet, i)._tag)

/** Returns the numbers, from 1, of the packets that a plan drops. */
const dropped = (engine: FaultEngine.FaultEngine, packets: ReadonlyArray<Packet>) =>
  tags(engine, packets).flatMap((tag, i) => (tag === "Drop" ? [i + 1] : []))

const times = <A>(n: number, f: (i: number) => A): ReadonlyArray<A> => Array.from({ length: n }, (_, i) => f(i))

const sum = (numbers: ReadonlyArray<number>) => numbers.reduce((total, n) => total + n, 0)

const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 32 - 1 }))
const Plan = FaultArbitrary.make({ hosts: names, kinds: ["RRQ", "DATA", "ACK"], maxRules: 8 })
/** Plans with further rules that draw for every packet. */
const Chancy = Arbitrary.map(Plan, (plan) => [
  ...plan,
  ...FaultPlanSyntax.parseUnsafe(
    "drop=20% *:1>*:69, dup=30% 1ms..9ms, corrupt=10%, truncate=10%, reorder=20%:2 1ms..300ms, delay=30% 1us..1ms, cut=10%:40, chunk=5%:4"
  )
])
const runs = { arbitrary: { runs: 100 } }

describe("FaultEngine", () => {
  it.prop("decide returns the same verdicts for the same plan, seed and packets", [Chancy, Seed], ([plan, seed]) => {
    const sent = traffic(seed)
    const once = FaultEngine.make(plan, { seed, nameOf, dissectors: [dissector] })
    const again = FaultEngine.make(plan, { seed, nameOf, dissectors: [dissector] })
    assert.deepStrictEqual(verdicts(once, sent), verdicts(again, sent))
    assert.deepStrictEqual(once.counts(), again.counts())
  })

  it.prop(
    "the concrete plan returns the same verdicts without random choices",
    [Chancy, Seed],
    ([plan, seed]) => {
      const sent = traffic(seed)
      const drawn = FaultEngine.make(plan, { seed, nameOf, dissectors: [dissector] })
      const expected = verdicts(drawn, sent)
      const concrete = drawn.concrete()
      assert.isTrue(concrete.every((rule) => !("percent" in rule)))
      const settled = FaultEngine.make(concrete, { seed: seed + 1, nameOf, dissectors: [dissector] })
      assert.deepStrictEqual(verdicts(settled, sent), expected)
      assert.deepStrictEqual(settled.unused(), [])
      assert.strictEqual(sum(settled.counts()), sum(drawn.counts()))
      assert.deepStrictEqual(FaultPlanSyntax.parseUnsafe(FaultPlanSyntax.format(concrete)), concrete)
    },
    runs
  )

  it.prop(
    "the concrete plan keeps rules with too many faults, and returns the same verdicts with the same seed",
    [Chancy, Seed],
    ([plan, seed]) => {
      const sent = traffic(seed)
      const drawn = FaultEngine.make(plan, { seed, nameOf, dissectors: [dissector], maxRecordedFaults: 3 })
      const expected = verdicts(drawn, sent)
      const settled = FaultEngine.make(drawn.concrete(), { seed, nameOf, dissectors: [dissector] })
      assert.deepStrictEqual(verdicts(settled, sent), expected)
    }
  )

  it.prop("counts equal the faults in the verdicts", [Chancy, Seed], ([plan, seed]) => {
    const all = FaultEngine.make(plan, { seed, nameOf, dissectors: [dissector] })
    const notes = verdicts(all, traffic(seed)).flatMap(({ note }) => note?.split(", ") ?? [])
    const byAction = (words: ReadonlyArray<string>) => Object.groupBy(words, (word) => /^\w+/.exec(word)![0])
    const noted = byAction(notes)
    const counted = all.counts()
    for (const action of ["drop", "dup", "delay", "corrupt", "cut", "partition"]) {
      assert.strictEqual(sum(counted.filter((_, i) => plan[i]!.action === action)), noted[action]?.length ?? 0, action)
    }
    assert.deepStrictEqual(
      all.unused(),
      plan.filter((_, i) => counted[i] === 0)
    )
  })

  it.prop(
    "nth counts matching packets, independent of other rules",
    [Seed, Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 }))],
    ([seed, from]) => {
      const sent = traffic(seed).map(({ packet }) => packet)
      const asked = engine(`drop=#${from}..${from + 2} a|b kind=DATA, drop=#1..5, delay=1ms`, { seed })
      const matching = sent.flatMap((one, i) =>
        one.kind === "datagram" && one.bytes[0] === 1 && one.from.address !== hosts.c && one.to.address !== hosts.c
          ? [i + 1]
          : []
      )
      const first = sent.flatMap((one, i) => (one.kind === "datagram" ? [i + 1] : [])).slice(0, 5)
      const chosen = matching.slice(from - 1, from + 2)
      assert.deepStrictEqual(
        dropped(asked, sent),
        [...new Set([...chosen, ...first])].sort((x, y) => x - y)
      )
      assert.strictEqual(asked.counts()[0], chosen.length)
    }
  )

  it("a rate applies with its probability, differently for every seed", () => {
    const packets = times(1000, () => udp())
    const hits = times(200, (seed) => dropped(engine("drop=5%", { seed }), packets).length)
    // Six standard deviations of one run, and of all runs together: a fair generator fails this once in 10^6.
    for (const hit of hits) assert.closeTo(hit, 50, 6 * Math.sqrt(47.5))
    assert.closeTo(sum(hits), 10_000, 6 * Math.sqrt(9500))
    // The counts vary as expected, and different seeds hit different packets.
    const variance = sum(hits.map((hit) => (hit - 50) ** 2)) / hits.length
    assert.closeTo(variance, 47.5, 25)
    const byPlace = times(10, (k) =>
      sum(times(200, (seed) => dropped(engine("drop=5%", { seed }), packets.slice(0, k + 1)).length))
    )
    byPlace.forEach((hit, k) => assert.closeTo(hit, 10 * (k + 1), 6 * Math.sqrt(9.5 * (k + 1))))
  })

  it("a rule draws independently of other rules, and of equal ones", () => {
    const packets = times(400, () => udp())
    const alone = dropped(engine("drop=10%", { seed: "s" }), packets)
    const among = engine("delay=50% 1ms..2ms, drop=10%, corrupt=20%", { seed: "s" })
    assert.deepStrictEqual(dropped(among, packets), alone)
    assert.isAbove(dropped(engine("drop=10%, drop=10%", { seed: "s" }), packets).length, alone.length + 10)
    assert.notDeepEqual(dropped(engine("drop=10%", { seed: "t" }), packets), alone)
  })

  it("a rule draws its rate and its duration independently", () => {
    const { decide } = engine("delay=10% 0ms..100ms")
    const delays = times(3000, (i) => decide(udp(), i)).flatMap((verdict) =>
      verdict._tag === "Datagrams" ? [verdict.copies[0]!.delayNanos / secondNanos] : []
    )
    assert.closeTo(sum(delays) / delays.length, 0.05, 0.01)
  })

  it("maxRecordedFaults limits the concrete plan", () => {
    const concreteWith = (maxRecordedFaults: number) => {
      const { concrete, decide } = engine("dup=#1..3, drop=50%", { maxRecordedFaults, seed: 2 })
      for (let i = 0; i < 20; i++) decide(udp(), i)
      return FaultPlanSyntax.format(concrete())
    }
    assert.strictEqual(concreteWith(2), "dup=#1..3, drop=50%")
    assert.match(concreteWith(20), /^dup=#1..3(, drop=#\d+ a>b){4,}$/)
  })

  it("decide returns the shared Deliver verdict if no rule matches", () => {
    const { decide } = engine("drop=#3 a>c, delay=1ms tcp, dup kind=ACK, corrupt @1s.., partition=a|b@2s..")
    const verdict = decide(udp(), 0)
    assert.deepStrictEqual(verdict, { _tag: "Deliver" })
    assert.strictEqual(decide(udp("b", "c"), 0), verdict)
    assert.strictEqual(engine("").decide(udp(), 0), verdict)
    assert.strictEqual(engine("crash=a@1s").decide(udp(), 0), verdict)
  })

  it("pairs match hosts by name or address, and the names passed by the network first", () => {
    const lost = (text: string, ...packets: ReadonlyArray<Packet>) => dropped(engine(text), packets)
    const [ab, ba, ca] = [udp("a", "b"), udp("b", "a"), udp("c", "a")]
    assert.deepStrictEqual(lost("drop a>b", ab, ba, ca), [1])
    assert.deepStrictEqual(lost("drop b|a", ab, ba, ca), [1, 2])
    assert.deepStrictEqual(lost("drop *>a", ab, ba, ca), [2, 3])
    assert.deepStrictEqual(lost("drop fd00:0:0::3>10.0.0.1", ab, ba, ca), [3])
    assert.deepStrictEqual(lost("drop a:5000>b", ab, ba, ca), [1])
    assert.deepStrictEqual(lost("drop *|a:5000", ab, ba, ca), [1])
    assert.deepStrictEqual(lost("drop *:69>*", ab, ba, ca), [])
    const { decide } = engine("drop a>b")
    const broadcast = { ...ab, to: { address: "255.255.255.255", port: 69 } }
    assert.strictEqual(decide(broadcast, 0)._tag, "Deliver")
    assert.strictEqual(decide(broadcast, 0, "a", "b")._tag, "Drop")
    assert.strictEqual(decide(broadcast, 0, "a", "c")._tag, "Deliver")
    assert.strictEqual(decide(broadcast, 0, "a", "b")._tag, "Drop")
  })

  it("kind matches the dissected or wire kind, and dissects a packet at most once", () => {
    let asked = 0
    const counting = {
      ...dissector,
      dissect: (packet: Packet) => [dissector.dissect(packet), asked++][0] as ReturnType<Dissector["dissect"]>
    }
    const { decide } = engine("drop=#2 kind=ACK, dup kind=DATA, reset kind=syn, drop kind=RRQ @1s..", {
      dissectors: [counting]
    })
    const kinds = (...bytes: ReadonlyArray<number>) => bytes.map((byte) => decide(udp("a", "b", [byte]), 0)._tag)
    assert.deepStrictEqual(kinds(2, 1, 2, 2, 0), ["Deliver", "Datagrams", "Drop", "Deliver", "Deliver"])
    assert.strictEqual(asked, 5)
    assert.strictEqual(decide(packet("syn", "a", "b"), 0)._tag, "Stream")
    assert.strictEqual(asked, 5)
    assert.deepStrictEqual(tags(engine("drop kind=ACK"), [udp("a", "b", []), tcp([2])]), ["Deliver", "Deliver"])
  })

  it("a window applies from its start until before its end, relative to startNanos", () => {
    const { decide } = engine("drop @1s..2s", { startNanos: 5 * secondNanos })
    const at = [5.999, 6, 6.999, 7].map((time) => decide(udp(), time * secondNanos)._tag)
    assert.deepStrictEqual(at, ["Deliver", "Drop", "Drop", "Deliver"])
  })

  it("rules keep their counts while packets come from many addresses", () => {
    const { concrete, counts, decide } = engine("drop=#9999, dup=50%")
    for (let i = 0; i < 20_000; i++) {
      decide({ ...udp(), from: { address: `10.1.${i >> 8}.${i & 255}`, port: 1 } }, i)
    }
    assert.strictEqual(counts()[0], 1)
    assert.deepStrictEqual(
      concrete().map(({ action }) => action),
      ["drop", "dup"]
    )
  })
})
