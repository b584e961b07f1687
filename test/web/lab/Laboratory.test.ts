import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as References from "effect/References"
import * as TestClock from "effect/testing/TestClock"
import * as Laboratory from "../../../src/web/lab/Laboratory.ts"
import * as Settings from "../../../src/web/lab/Settings.ts"
import type { Trace } from "../../../src/web/lab/Trace.ts"
import * as LabSettings from "../../support/web/LabSettings.ts"

const run = (protocol: Settings.Protocol, changes: Partial<Settings.Settings> = {}) => {
  const initial = Settings.defaults(protocol)
  return Effect.runSync(
    Laboratory.run({ ...initial, lossPercent: 0, ...changes, choices: { ...initial.choices, ...changes.choices } })
  )
}

/** Returns the different names of the states of a host, in order. */
const statesOf = (trace: Trace, host: string) => {
  const names = trace.states.filter((change) => change.host === host).map(({ state }) => state)
  return names.filter((name, index) => name !== names[index - 1])
}

/** Asserts what holds for each trace. */
const isSound = (trace: Trace) => {
  const { arrows, endMillis, hosts, remarks, states } = trace
  assert.isAtMost(arrows.length, Laboratory.maxArrows)
  assert.deepStrictEqual(
    arrows.map(({ number }) => number),
    arrows.map((_, index) => index + 1)
  )
  for (const [index, { arrivesMillis, from, lost, sentMillis, to }] of arrows.entries()) {
    assert.isTrue(hosts.includes(from) && hosts.includes(to) && from !== to)
    assert.isAtLeast(sentMillis, arrows[index - 1]?.sentMillis ?? 0)
    assert.strictEqual(lost, arrivesMillis === undefined)
    if (arrivesMillis !== undefined) assert.isAbove(arrivesMillis, sentMillis)
  }
  for (const list of [states, remarks]) {
    for (const [index, { atMillis, host }] of list.entries()) {
      assert.include(hosts, host)
      assert.isAtLeast(atMillis, list[index - 1]?.atMillis ?? 0)
      assert.isAtMost(atMillis, endMillis)
    }
  }
  // A reader sees the state of each host from the start.
  for (const host of hosts) assert.isTrue(states.some((change) => change.host === host && change.atMillis === 0))
  assert.isTrue(trace.summary.length > 0 && Number.isFinite(endMillis))
}

/** Returns true for a protocol that delivers what was sent, or fails and says so. */
const isReliable = ({ choices, protocol }: Settings.Settings) =>
  protocol === "tftp" || protocol === "rot13" || (protocol === "stop-and-wait" && choices.numbering === "number")

describe("Laboratory", () => {
  for (const protocol of Settings.protocols) {
    it.prop(
      `repeats a run of ${protocol} with the same settings, and never fails`,
      [LabSettings.of(protocol)],
      ([settings]) => {
        const trace = Effect.runSync(Laboratory.run(settings))
        isSound(trace)
        assert.deepStrictEqual(trace.settings, settings)
        if (isReliable(settings)) assert.notMatch(trace.summary, /^wrong/)
        assert.deepStrictEqual(Effect.runSync(Laboratory.run(settings)), trace)
      },
      { arbitrary: { runs: 10 } }
    )

    it(`runs ${protocol} to its end on a network without faults, with every choice`, () => {
      for (const { name, values } of Settings.choicesOf(protocol)) {
        for (const { value } of values) {
          const trace = run(protocol, { choices: { [name]: value } })
          isSound(trace)
          assert.strictEqual(trace.outcome, "done", `${name}=${value}: ${trace.summary}`)
          assert.isFalse(trace.arrows.some(({ fault, lost }) => (lost || fault !== undefined) && fault !== "partition"))
          assert.isFalse(
            trace.remarks.some(({ tone }) => tone === "warning"),
            `${name}=${value}`
          )
        }
      }
    })

    it(`ends a run of ${protocol} on a network that loses everything`, () => {
      const trace = run(protocol, { lossPercent: 100 })
      isSound(trace)
      assert.notStrictEqual(trace.outcome, "done")
      assert.isTrue(trace.arrows.length > 0 && trace.arrows.every(({ lost }) => lost))
    })
  }

  it("changes a run with the seed", () => {
    const lossesOf = (seed: number) => run("tftp", { seed, lossPercent: 20 }).arrows.map(({ lost }) => lost)
    assert.notDeepEqual(lossesOf(1), lossesOf(2))
  })

  it("ends a run of copies that are answered by copies at the limit of arrows", () => {
    const trace = run("tftp", { duplicatePercent: 100, choices: { sender: "rfc783", size: "30000" } })
    isSound(trace)
    assert.strictEqual(trace.outcome, "ended")
    assert.strictEqual(trace.arrows.length, Laboratory.maxArrows)
  })

  it.effect("does not depend on the clock, the log level and the scheduler of its caller", () =>
    Effect.gen(function* () {
      const settings = { ...Settings.defaults("presence"), lossPercent: 20 }
      const inTest = yield* Laboratory.run(settings)
      yield* TestClock.adjust("1 hour")
      const later = yield* Effect.provideService(Laboratory.run(settings), References.MinimumLogLevel, "All")
      assert.deepStrictEqual(later, inTest)
      assert.deepStrictEqual(Effect.runSync(Laboratory.run(settings)), inTest)
    })
  )

  it("makes invalid settings valid first", () => {
    const settings = { ...Settings.defaults("tftp"), seed: Number.NaN, lossPercent: -1, choices: { sender: "rfc9999" } }
    const trace = Effect.runSync(Laboratory.run(settings))
    assert.deepStrictEqual(trace.settings, Settings.normalize(settings))
  })

  it("names each copy of the network once, and each loss", () => {
    const { arrows, remarks } = run("rot13", {
      lossPercent: 20,
      duplicatePercent: 20,
      choices: { transport: "udp", messages: "8" }
    })
    const lost = arrows.filter((arrow) => arrow.lost)
    const copies = arrows.filter(({ fault }) => fault === "duplicate")
    assert.isTrue(lost.length > 0 && copies.length > 0)
    assert.isTrue(lost.every(({ fault }) => fault?.includes("drop")))
    for (const copy of copies) {
      const originals = arrows.filter(
        ({ fault, label, sentMillis }) => fault === undefined && label === copy.label && sentMillis === copy.sentMillis
      )
      assert.strictEqual(originals.length, 1, copy.label)
    }
    const faults = remarks.filter(({ tone }) => tone === "fault")
    assert.strictEqual(faults.length, lost.length + copies.length)
  })
})

describe("rot13 in the laboratory", () => {
  it("shows the states of both ends of a TCP connection", () => {
    const trace = run("rot13", { choices: { messages: "1" } })
    assert.deepStrictEqual(statesOf(trace, "client"), ["CLOSED", "SYN-SENT", "ESTABLISHED", "FIN-WAIT-1", "TIME-WAIT"])
    assert.deepStrictEqual(statesOf(trace, "server"), [
      "LISTEN",
      "SYN-RECEIVED",
      "ESTABLISHED",
      "CLOSE-WAIT",
      "LAST-ACK"
    ])
    assert.deepStrictEqual(
      trace.arrows.slice(0, 3).map(({ label }) => label),
      ["SYN", "SYN, ACK", "ACK"]
    )
  })

  it("delivers all over TCP whatever is lost, and shows each segment that is sent again", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const trace = run("rot13", { seed, lossPercent: 30 })
      assert.strictEqual(trace.outcome, "done", trace.summary)
      const lost = trace.arrows.filter((arrow) => arrow.lost)
      for (const arrow of lost) {
        const again = trace.arrows.find(({ label, number }) => label === arrow.label && number > arrow.number)
        assert.isDefined(again, `${seed}: ${arrow.label}`)
      }
    }
  })

  it("repeats nothing over UDP", () => {
    const trace = run("rot13", { lossPercent: 30, choices: { transport: "udp", messages: "8" } })
    assert.strictEqual(trace.outcome, "failed")
    assert.strictEqual(trace.arrows.filter(({ kind }) => kind === "REQUEST").length, 8)
    assert.isTrue(trace.remarks.some(({ text, tone }) => tone === "warning" && text.startsWith("no reply")))
  })
})

describe("presence in the laboratory", () => {
  const believed = ({ states }: Trace, host: string, other: string) =>
    states.findLast((change) => change.host === host)?.variables.find(([name]) => name === other)?.[1]

  it.each([
    ["crash", "down"],
    ["leave", "left"],
    ["restart", "alive"],
    ["partition", "alive"],
    ["none", "alive"]
  ])("shows all hosts the end of the event %s", (event, state) => {
    const trace = run("presence", { choices: { event } })
    for (const host of ["ada", "ben", "dora", "emil"]) assert.strictEqual(believed(trace, host, "cleo"), state, host)
    assert.strictEqual(trace.outcome, "done", trace.summary)
  })

  it("shows that each side of a partition takes the other for down", () => {
    const trace = run("presence", { choices: { event: "partition" } })
    const down = trace.states.filter(({ host, variables }) => {
      return host === "ada" && variables.some(([name, state]) => name === "emil" && state === "down")
    })
    assert.isAbove(down.length, 0)
    assert.isTrue(trace.arrows.some(({ fault, lost }) => lost && fault === "partition"))
  })
})
