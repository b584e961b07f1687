import { assert, describe, it } from "@effect/vitest"
import type { Packet } from "../../../src/network/Packet.ts"
import * as FaultEngine from "../../../src/simulation/faults/FaultEngine.ts"
import * as FaultPlanSyntax from "../../../src/simulation/faults/FaultPlanSyntax.ts"

const millis = 1_000_000
const packets = 20_000

const packet = (transport: "udp" | "tcp", port = 5000): Packet => ({
  transport,
  kind: transport === "udp" ? "datagram" : "data",
  from: { address: "10.0.0.1", port },
  to: { address: "10.0.0.2", port: 69 },
  bytes: Uint8Array.from({ length: 20 }, (_, i) => i)
})

const udp = packet("udp")

const engine = (text: string, seed = 1) => FaultEngine.make(FaultPlanSyntax.parseUnsafe(text), { seed })

const sum = (numbers: ReadonlyArray<number>) => numbers.reduce((total, n) => total + n, 0)
const mean = (numbers: ReadonlyArray<number>) => sum(numbers) / numbers.length

/** Returns the moments of a sample: mean, standard deviation, skewness and kurtosis. */
const momentsOf = (sample: ReadonlyArray<number>) => {
  const average = mean(sample)
  const central = (power: number) => mean(sample.map((x) => (x - average) ** power))
  const deviation = Math.sqrt(central(2))
  return { average, deviation, skewness: central(3) / deviation ** 3, kurtosis: central(4) / deviation ** 4 }
}

/** Returns for each packet whether a rule applies to it, as 0 or 1. */
const choices = (text: string, count = packets, seed = 1) => {
  const { decide } = engine(text, seed)
  return Array.from({ length: count }, (_, i) => (decide(udp, i)._tag === "Deliver" ? 0 : 1))
}

/** Returns the correlation of each value with the next one. */
const autocorrelation = (values: ReadonlyArray<number>) => {
  const average = mean(values)
  const products = values.slice(1).map((x, i) => (x - average) * (values[i]! - average))
  return mean(products) / mean(values.map((x) => (x - average) ** 2))
}

/** Returns the lengths of the runs of ones. */
const runLengths = (values: ReadonlyArray<number>) =>
  values
    .join("")
    .split("0")
    .flatMap((run) => (run === "" ? [] : [run.length]))

/**
 * Asserts that a rate is within three standard deviations. Choices in a row with the given correlation vary more than
 * independent ones.
 */
const assertRate = (hits: number, rate: number, label: string, count = packets, correlation = 0) => {
  const inflation = (1 + correlation) / (1 - correlation)
  const deviation = Math.sqrt(count * rate * (1 - rate) * inflation)
  assert.closeTo(hits, count * rate, 3 * deviation, label)
}

/** Carries out the verdicts on datagrams that are sent each millisecond; returns their numbers in order of arrival. */
const arrivalsOf = (text: string, seed = 1) => {
  const { decide } = engine(text, seed)
  const arrived: Array<number> = []
  for (let i = 0; i < packets; i++) {
    const verdict = decide(udp, i * millis)
    if (verdict._tag === "Drop") continue
    if (verdict._tag === "Datagrams" && verdict.held !== undefined) {
      verdict.held.onRelease(() => arrived.push(i))
      continue
    }
    arrived.push(i)
    if (verdict._tag === "Datagrams") for (const one of verdict.overtaken) one.release()
  }
  return arrived
}

/** Returns how many numbers have a larger one before them. */
const overtaken = (arrived: ReadonlyArray<number>) => {
  let largest = -1
  return arrived.filter((n) => {
    largest = Math.max(largest, n)
    return n < largest
  }).length
}

describe("rates", () => {
  it.each([
    ["drop", "udp"],
    ["dup", "udp"],
    ["reorder", "udp"],
    ["corrupt", "udp"],
    ["truncate", "udp"],
    ["delay=5ms", "udp"],
    ["delay=1ms~200us normal", "udp"],
    ["delay=5ms", "tcp"],
    ["stall=1ms", "tcp"],
    ["chunk=4", "tcp"],
    ["reset", "tcp"],
    ["cut", "tcp"]
  ] as const)("%s applies to its rate of 20,000 packets (%s)", (action, transport) => {
    const all = Array.from({ length: packets }, (_, i) => packet(transport, 1 + (i % 65_000)))
    for (const percent of [0.5, 5, 20, 50, 90]) {
      const { counts, decide } = engine(`${action} ${percent}%`, 7)
      const hits = all.filter((packet, i) => decide(packet, i * millis)._tag !== "Deliver").length
      // A datagram that overtakes another one has a verdict, too.
      const applied = action === "reorder" ? counts()[0]! : hits
      assertRate(applied, percent / 100, `${action} ${percent}%`)
      assert.deepStrictEqual(counts(), [applied])
    }
  })

  it("choices are independent of each other", () => {
    for (const percent of [5, 50]) {
      assert.closeTo(autocorrelation(choices(`drop=${percent}%`)), 0, 3 / Math.sqrt(packets))
    }
  })

  it("reorder reorders its rate, and each of the datagrams that it selects", () => {
    for (const percent of [5, 20, 50, 80]) {
      const arrived = arrivalsOf(`reorder=${percent}%`, 3)
      assertRate(overtaken(arrived), percent / 100, `reorder ${percent}%`)
      // All arrive, but those that are still held at the end.
      assert.isAbove(arrived.length, packets - 30)
    }
    assert.strictEqual(overtaken(arrivalsOf("reorder=#5..9")), 5)
    // Where all are selected, each second one overtakes.
    assert.strictEqual(overtaken(arrivalsOf("reorder")), packets / 2)
  })
})

describe("bursts and correlation", () => {
  it("burst keeps the mean rate, and has its mean length", () => {
    for (const [percent, burst] of [
      [5, 1],
      [5, 8],
      [1, 3],
      [20, 2],
      [50, 20]
    ] as const) {
      const label = `drop=${percent}% burst=${burst}`
      const rate = percent / 100
      const afterHit = 1 - 1 / burst
      const correlation = afterHit - rate / (burst * (1 - rate))
      const count = 10 * packets
      const hits = choices(label, count, 4)
      assertRate(sum(hits), rate, label, count, correlation)
      const lengths = runLengths(hits)
      // The lengths have a geometric distribution.
      const deviation = Math.sqrt(burst * (burst - 1)) / Math.sqrt(lengths.length)
      assert.closeTo(mean(lengths), burst, 3 * deviation + 1e-9, label)
      const longer = lengths.filter((length) => length > burst).length / lengths.length
      const expected = afterHit ** burst
      assert.closeTo(longer, expected, 3 * Math.sqrt((expected * (1 - expected)) / lengths.length) + 1e-9, label)
      assert.closeTo(autocorrelation(hits), correlation, 0.03, label)
    }
  })

  it("correlation keeps the mean rate, and is that of two choices in a row", () => {
    for (const [percent, correlation] of [
      [5, 25],
      [50, 25],
      [20, 90]
    ] as const) {
      const label = `drop=${percent}% correlation=${correlation}%`
      const hits = choices(label, 10 * packets, 2)
      assertRate(sum(hits), percent / 100, label, 10 * packets, correlation / 100)
      assert.closeTo(autocorrelation(hits), correlation / 100, 0.015, label)
    }
  })

  it("bursts do not depend on other rules, and other rules do not depend on them", () => {
    const alone = choices("dup=20% burst=4", 2000)
    const { decide } = engine("drop=30% burst=3, dup=20% burst=4")
    const losses = choices("drop=30% burst=3", 2000)
    for (let i = 0; i < 2000; i++) {
      const tag = decide(udp, i)._tag
      assert.strictEqual(tag, losses[i] === 1 ? "Drop" : alone[i] === 1 ? "Datagrams" : "Deliver")
    }
  })

  it("the concrete plan of bursts has numbered packets and the same losses", () => {
    const { concrete, decide } = engine("drop=10% burst=5 @0s..1s, corrupt=10% correlation=50% a>b", 6)
    const all = Array.from({ length: 300 }, (_, i) => decide(udp, i, "a", "b"))
    const settled = concrete()
    assert.isTrue(settled.every((rule) => !("percent" in rule || "burst" in rule || "correlation" in rule)))
    const again = FaultEngine.make(settled)
    assert.deepStrictEqual(
      all,
      all.map((_, i) => again.decide(udp, i, "a", "b"))
    )
  })
})

describe("distributions of delays", () => {
  const delaysOf = (text: string) => {
    const { decide } = engine(text, 5)
    return Array.from({ length: packets }, () => {
      const verdict = decide(udp, 0)
      return verdict._tag === "Datagrams" ? verdict.copies[0]!.delayNanos / millis : 0
    })
  }
  const quantileOf = (sample: ReadonlyArray<number>, part: number) =>
    sample.toSorted((a, b) => a - b)[Math.floor(part * sample.length)]!

  it("a range is uniform", () => {
    const { average, deviation, kurtosis, skewness } = momentsOf(delaysOf("delay=20ms..40ms"))
    assert.closeTo(average, 30, (3 * 20) / Math.sqrt(12 * packets))
    assert.closeTo(deviation, 20 / Math.sqrt(12), 0.06)
    assert.closeTo(skewness, 0, 0.05)
    assert.closeTo(kurtosis, 1.8, 0.03)
  })

  it("normal has its mean and its deviation, and the moments of a bell", () => {
    const delays = delaysOf("delay=20ms~5ms normal")
    const { average, deviation, kurtosis, skewness } = momentsOf(delays)
    assert.closeTo(average, 20, (3 * 5) / Math.sqrt(packets))
    assert.closeTo(deviation, 5, (3 * 5) / Math.sqrt(2 * packets))
    assert.closeTo(skewness, 0, 3 * Math.sqrt(6 / packets))
    assert.closeTo(kurtosis, 3, 3 * Math.sqrt(24 / packets))
    assert.closeTo(quantileOf(delays, 0.8413), 25, 0.2)
    assert.closeTo(quantileOf(delays, 0.0228), 10, 0.4)
    // Whole microseconds, at most four deviations from the mean.
    assert.isTrue(delays.every((delay) => delay >= 0 && delay <= 40 && Number.isSafeInteger(Math.round(delay * 1000))))
  })

  it("normal is never negative", () => {
    const delays = delaysOf("delay=1ms~5ms normal")
    assert.isAtLeast(Math.min(...delays), 0)
    assertRate(delays.filter((delay) => delay === 0).length, 0.4207, "zeros")
  })

  it("pareto has its mean, its deviation and a long tail", () => {
    const delays = delaysOf("delay=20ms~5ms pareto")
    const { average, deviation, skewness } = momentsOf(delays)
    assert.closeTo(average, 20, (3 * 5) / Math.sqrt(packets))
    assert.closeTo(deviation, 5, 0.3)
    assert.isAbove(skewness, 3)
    assert.isBelow(quantileOf(delays, 0.5), 19)
    // The minimum is 0.69 deviations below the mean; P(X > x) falls with the third power of x.
    assert.closeTo(Math.min(...delays), 20 - 0.6928 * 5, 0.01)
    assert.isAtMost(Math.max(...delays), 20 + 12.13 * 5)
    const unit = 5 / 0.70219
    const beyond = (times: number) => delays.filter((delay) => delay - 20 > unit * (times - 1.48649)).length
    assertRate(beyond(2), 1 / 8, "twice the minimum")
    assertRate(beyond(4), 1 / 64, "four times the minimum")
  })
})
