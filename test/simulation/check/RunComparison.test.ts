import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as RunComparison from "../../../src/simulation/check/RunComparison.ts"
import type * as Recording from "../../../src/simulation/Recording.ts"

const report = (exit: Exit.Exit<unknown, unknown> = Exit.void, time = 1e9): RunComparison.Result => ({
  outcome: "done",
  exit,
  time
})

const compare = (
  one: ReadonlyArray<Recording.Event>,
  other: ReadonlyArray<Recording.Event>,
  reports: readonly [ReturnType<typeof report>, ReturnType<typeof report>] = [report(), report()]
) => {
  const { difference, first, second } = RunComparison.make()
  one.forEach(first)
  other.forEach(second)
  return difference(...reports)
}

const packet = (text: string, at = 5): Recording.PacketEvent => ({
  _tag: "Packet",
  at,
  packet: {
    transport: "udp",
    kind: "datagram",
    from: { address: "10.0.0.1", port: 1 },
    to: { address: "10.0.0.2", port: 2 },
    bytes: new TextEncoder().encode(text),
    at: BigInt(at),
    host: "a"
  }
})

const log = (message: string, at = 5): Recording.LogEvent => ({ _tag: "Log", at, host: "a", level: "Info", message })

const digest = (text: string): Recording.DigestEvent => ({
  ...{ _tag: "Digest", at: 7, host: "a", label: "state" },
  bytes: new TextEncoder().encode(text)
})

const Texts = Schema.Array(Schema.String)

describe("RunComparison", () => {
  it.effect.prop("finds a difference exactly if events differ", [Texts, Texts], ([one, other]) =>
    Effect.sync(() => {
      const isSame = JSON.stringify(one) === JSON.stringify(other)
      for (const event of [packet, log, digest]) {
        assert.isUndefined(
          compare(
            one.map((text) => event(text)),
            one.map((text) => event(text))
          )
        )
        const found = compare(
          one.map((text) => event(text)),
          other.map((text) => event(text))
        )
        assert.strictEqual(found === undefined, isSame)
      }
    })
  )

  it("shows the first differing bytes in hexadecimal digits and as text", () => {
    assert.deepStrictEqual(compare([packet("same"), packet("hello you")], [packet("same"), packet("hello YOU!")]), {
      at: "packet 2, datagram 10.0.0.1:1 to 10.0.0.2:2 at 5ns, differs from byte 6 (the first run has 9 bytes, the second 10)",
      lines: [
        'first run   79 6f 75                                         "you"',
        'second run  59 4f 55 21                                      "YOU!"'
      ]
    })
  })

  it("shows log lines of another order", () => {
    assert.deepStrictEqual(compare([log("one"), log("two")], [log("two"), log("one")]), {
      at: "log line 1 differs",
      lines: ["first run   5ns  log Info a: one", "second run  5ns  log Info a: two"]
    })
  })

  it("shows the first differing bytes of a digest", () => {
    const found = compare([digest('{"n":1}')], [digest('{"n":2}')])
    assert.strictEqual(found?.at, 'digest "state" of a at 7ns differs from byte 5 (of 7)')
    assert.match(found!.lines[0]!, /^first run {3}31 7d +"1}"$/)
  })

  it("compares the values, the errors and the ends of runs", () => {
    const results = (one: Exit.Exit<unknown, unknown>, other: Exit.Exit<unknown, unknown>) =>
      compare([], [], [report(one), report(other)])
    assert.isUndefined(results(Exit.succeed({ a: 1, b: 2 }), Exit.succeed({ b: 2, a: 1 })))
    assert.deepStrictEqual(results(Exit.succeed({ a: 1 }), Exit.succeed({ a: 2 })), {
      at: "the values of the scenario differ",
      lines: ['first run   Success({"a":1})', 'second run  Success({"a":2})']
    })
    assert.strictEqual(results(Exit.fail("a"), Exit.fail("b"))?.at, "the results of the scenario differ")
    assert.strictEqual(results(Exit.fail("a"), Exit.succeed("a"))?.at, "the results of the scenario differ")
    const ends = compare([], [], [report(Exit.void, 1e9), report(Exit.void, 2e9)])
    assert.strictEqual(ends?.at, "the first run ended at 1s, the second at 2s")
  })

  it("reports events that only one run has", () => {
    assert.strictEqual(
      compare([log("x")], [log("x"), log("y", 6)])?.at,
      "the second run has more events: log line 2 at 6ns is log Info a: y"
    )
    assert.strictEqual(
      compare([log("x"), log("y", 6)], [log("x")])?.at,
      "the first run has 1 more events: 6ns  log Info a: y"
    )
  })

  it("compares events beyond those that it keeps", () => {
    const many = Array.from({ length: 30_000 }, (_, n) => packet(`${n}`, n))
    assert.isUndefined(compare(many, many))
    const changed = many.with(25_000, packet("other", 25_000))
    assert.match(compare(many, changed)!.at, /^packet 25001, datagram .* differs$/)
    assert.match(compare(many.slice(0, 25_000), many)!.at, /^the second run has more events: packet 25001/)
  })
})
