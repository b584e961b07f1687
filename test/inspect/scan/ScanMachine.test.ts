import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import type { Outcome } from "../../../src/inspect/scan/PortTest.ts"
import * as ScanMachine from "../../../src/inspect/scan/ScanMachine.ts"
import * as ModelledNetwork from "./ModelledNetwork.ts"

const between = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

const kinds = ["open", "closed", "filtered"] as const

/** A port: how it answers, how many tests are lost before, and the delays of its answers. */
const modelPort = Arbitrary.all({
  kind: Arbitrary.schema(Schema.Literals(kinds)),
  lostTests: between(0, 2),
  afterMillis: between(0, 400)
})

const modelHosts = Arbitrary.array(Arbitrary.array(modelPort, { minLength: 1, maxLength: 12 }), {
  minLength: 1,
  maxLength: 4
})

type ModelPort = { readonly kind: (typeof kinds)[number]; readonly lostTests: number; readonly afterMillis: number }

/** A host that answers nothing at all is tried less often: one port loses one test at most. */
const withOneAnswer = (ports: ReadonlyArray<ModelPort>): ReadonlyArray<ModelPort> => {
  const first = ports.findIndex(({ kind }) => kind !== "filtered")
  return ports.map((port, index) => (index === first ? { ...port, lostTests: Math.min(1, port.lostTests) } : port))
}

const outcomes: Readonly<Record<string, Outcome>> = { open: "accepted", closed: "refused" }

const range = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

const count = (verdicts: Readonly<Record<string, string>>, verdict: string) =>
  Object.values(verdicts).filter((one) => one === verdict).length

/** A host whose ports are all closed, and answer after some milliseconds. */
const closedAfter =
  (afterMillis: number): ModelledNetwork.Respond =>
  () => ({ outcome: "refused", afterMillis })

describe("ScanMachine", () => {
  it.prop(
    "finds any open, closed and filtered ports of several hosts, with lost tests and delays, each once",
    [modelHosts, between(1, 40)],
    ([given, concurrency]) => {
      const hosts = given.map(withOneAnswer)
      const ports = range(Math.max(...hosts.map((all) => all.length)))
      const addresses = hosts.map((_, index) => `10.0.0.${index + 1}`)
      const portOf = (address: string, port: number) => hosts[addresses.indexOf(address)]![port - 1]
      const { maxOutstanding, verdicts } = ModelledNetwork.scan(
        { hosts: addresses, ports, concurrency },
        ({ address, port }, tries) => {
          const model = portOf(address, port)
          const outcome = model === undefined ? "refused" : outcomes[model.kind]
          if (outcome === undefined || tries <= (model?.lostTests ?? 0)) return undefined
          return { outcome, afterMillis: model?.afterMillis ?? 0 }
        }
      )
      const expected = Object.fromEntries(
        addresses.flatMap((address) =>
          ports.map((port) => [`${address}:${port}`, portOf(address, port)?.kind ?? "closed"] as const)
        )
      )
      assert.deepStrictEqual(verdicts, expected)
      assert.isAtMost(maxOutstanding, concurrency)
    }
  )

  it("tests a port without an answer twice again, with doubled timeouts, if the host answers others", () => {
    const { sentAtMillis, verdicts } = ModelledNetwork.scan({ hosts: ["h"], ports: [1, 2] }, ({ port }) =>
      port === 1 ? { outcome: "refused", afterMillis: 10 } : undefined
    )
    assert.deepStrictEqual(verdicts, { "h:1": "closed", "h:2": "filtered" })
    assert.deepStrictEqual(sentAtMillis.get("h:2"), [0, 100, 300])
  })

  it("tests the ports of a host that answers nothing twice", () => {
    const { sentAtMillis, verdicts } = ModelledNetwork.scan({ hosts: ["h"], ports: [1, 2] }, () => undefined)
    assert.deepStrictEqual(verdicts, { "h:1": "filtered", "h:2": "filtered" })
    assert.deepStrictEqual(
      [...sentAtMillis.values()],
      [
        [0, 500],
        [0, 500]
      ]
    )
  })

  it("returns to silent ports when the host proves to lose answers", () => {
    // The answer to the third test of port 1 gives port 2 a fourth and a fifth one.
    const { sentAtMillis, verdicts } = ModelledNetwork.scan({ hosts: ["h"], ports: [1, 2, 3] }, ({ port }, tries) =>
      (port === 1 && tries === 3) || (port === 2 && tries === 5) || (port === 3 && tries === 1)
        ? { outcome: "refused", afterMillis: 5 }
        : undefined
    )
    assert.deepStrictEqual(verdicts, { "h:1": "closed", "h:2": "closed", "h:3": "closed" })
    assert.strictEqual(sentAtMillis.get("h:2")?.length, 5)
  })

  it("finds the closed ports of a host that answers 50 tests a second, and slows down", () => {
    const mayAnswer = ModelledNetwork.answerLimit(50, 20)
    const { endedAtMillis, sentAtMillis, state, verdicts } = ModelledNetwork.scan(
      { hosts: ["h"], ports: range(400) },
      (_probe, _tries, now) => (mayAnswer(now) ? { outcome: "refused", afterMillis: 2 } : undefined)
    )
    assert.strictEqual(count(verdicts, "closed"), 400)
    assert.isAtLeast(state.hosts[0]!.delayMillis, 5)
    // 400 answers take the host eight seconds.
    assert.isBelow(endedAtMillis, 12_000)
    const tests = [...sentAtMillis.values()].reduce((sum, times) => sum + times.length, 0)
    assert.isBelow(tests / 400, 5)
  })

  it("finds closed UDP ports of a host that sends one ICMP error a second", () => {
    const mayAnswer = ModelledNetwork.answerLimit(1, 6)
    const { verdicts } = ModelledNetwork.scan(
      { transport: "udp", hosts: ["h"], ports: range(60) },
      ({ port }, _tries, now) => {
        if (port % 10 === 0) return undefined
        return mayAnswer(now) ? { outcome: "refused", afterMillis: 1 } : undefined
      }
    )
    assert.strictEqual(count(verdicts, "open|filtered"), 6)
    assert.strictEqual(count(verdicts, "closed"), 54)
  })

  it("waits for hosts whose answers take longer than the first timeout", () => {
    const { verdicts } = ModelledNetwork.scan({ hosts: ["h"], ports: range(300) }, closedAfter(900))
    assert.strictEqual(count(verdicts, "closed"), 300)
  })

  it("sends no more tests a second than the rate", () => {
    const { endedAtMillis, sentAtMillis } = ModelledNetwork.scan(
      { hosts: ["a", "b"], ports: range(50), testsPerSecond: 20 },
      closedAfter(3)
    )
    const times = [...sentAtMillis.values()].flat().sort((one, other) => one - other)
    assert.strictEqual(times.length, 100)
    for (const [index, time] of times.entries()) assert.isAtLeast(time, (1_000 / 20) * (index - 1) - 1)
    assert.approximately(endedAtMillis, 99 * 50, 60)
  })

  it("grows the window with the answers, up to the concurrency", () => {
    const { maxOutstanding } = ModelledNetwork.scan(
      { hosts: ["h"], ports: range(5_000), concurrency: 800 },
      closedAfter(20)
    )
    assert.strictEqual(maxOutstanding, 800)
  })

  it("tests fewer ports at a time when this host has no descriptors, and loses none", () => {
    let running = 0
    const { verdicts } = ModelledNetwork.scan(
      { hosts: ["h"], ports: range(500), concurrency: 400 },
      (_probe, _tries) => {
        running++
        return running % 400 > 60 ? { outcome: "noResource", afterMillis: 0 } : { outcome: "refused", afterMillis: 1 }
      }
    )
    assert.strictEqual(count(verdicts, "closed"), 500)
  })

  it("takes an ICMP error for filtered at once", () => {
    const { sentAtMillis, verdicts } = ModelledNetwork.scan({ hosts: ["h"], ports: [1, 2, 3] }, ({ port }) => ({
      outcome: (["hostUnreachable", "netUnreachable", "prohibited"] as const)[port - 1]!,
      afterMillis: 1
    }))
    assert.deepStrictEqual(verdicts, { "h:1": "filtered", "h:2": "filtered", "h:3": "filtered" })
    assert.deepStrictEqual([...sentAtMillis.values()], [[0], [0], [0]])
  })

  it("ends at once without hosts or without ports", () => {
    for (const [hosts, ports] of [
      [[], [1]],
      [range(200).map((index) => `h${index}`), []]
    ] as const) {
      const { endedAtMillis, verdicts } = ModelledNetwork.scan({ hosts, ports }, () => undefined)
      assert.deepStrictEqual([verdicts, endedAtMillis], [{}, 0])
    }
  })

  it("scans more hosts than it scans at a time", () => {
    const hosts = range(200).map((index) => `h${index}`)
    const { verdicts } = ModelledNetwork.scan({ hosts, ports: [1, 2] }, closedAfter(1))
    assert.strictEqual(count(verdicts, "closed"), 400)
  })

  it("does not change the state that a step is given", () => {
    const options = { hosts: ["h"], ports: range(5) }
    const defaults = {
      concurrency: 5,
      testsPerSecond: 10,
      maxTimeoutMillis: 2_000,
      retries: 3,
      transport: "tcp"
    } as const
    const [started, { tests }] = ScanMachine.step(
      ScanMachine.make({ ...defaults, ...options }, 0),
      { _tag: "Started" },
      0
    )
    const answer = { _tag: "Answered", answers: [{ id: tests[0]!.id, outcome: "refused" }] } as const
    const once = ScanMachine.step(started, answer, 5)
    assert.deepStrictEqual(ScanMachine.step(started, answer, 5), once)
  })
})
