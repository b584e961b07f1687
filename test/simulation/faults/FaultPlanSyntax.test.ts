import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as FaultPlan from "../../../src/simulation/faults/FaultPlan.ts"
import * as FaultPlanSyntax from "../../../src/simulation/faults/FaultPlanSyntax.ts"
import * as FaultRandom from "../../../src/simulation/faults/FaultRandom.ts"

/** Generates a plan from a seed; all plans together use every field. */
const anyPlan = (seed: number): FaultPlan.FaultPlan => {
  const random = FaultRandom.sequence(seed)
  const below = (n: number) => Math.floor(random() * n)
  const pick = <A>(all: ReadonlyArray<A>): A => all[below(all.length)]!
  const maybe = <A extends object>(part: () => A) => (random() < 0.4 ? part() : {})
  const number = () => pick([0, 1, 2, 17, 255, 4096, 1e9, Number.MAX_SAFE_INTEGER - 1])
  const time = () =>
    pick([0, 1, 999, 1_000, 23_457_000, 20e6, 1e9, 90e9, 3600e9, 86_400e9, Number.MAX_SAFE_INTEGER - 1])
  const range = (): FaultPlan.Range => {
    const [from, to] = [time(), time()].sort((a, b) => a - b)
    return { from: from!, to: to! }
  }
  const host = () =>
    pick([
      "a",
      "b",
      "200ppm",
      "1h",
      "h-1.lan",
      "_x",
      "udp",
      "kind",
      "20ms",
      "10.0.0.1",
      "::1",
      "fe80::1:2",
      "::ffff:10.0.0.1"
    ])
  const endpoint = () => ({ host: pick(["*", host()]), ...maybe(() => ({ port: pick([0, 69, 65_535]) })) })
  const pair = (): FaultPlan.Pair => ({ from: endpoint(), to: endpoint(), both: random() < 0.5 })
  const window = (): FaultPlan.Window => ({ from: time(), ...maybe(() => ({ to: Number.MAX_SAFE_INTEGER })) })
  const rate = () =>
    pick([
      { percent: pick([0.001, 0.5, 5, 12.345, 99.999, 100]) },
      { percent: pick([0.001, 5, 50]), burst: pick([1, 2, 8, 1_000_000]) },
      { percent: pick([0.001, 5, 100]), correlation: pick([0.001, 25, 99.999]) }
    ])
  const chance = () => ({
    ...maybe(() => ({ nth: { from: 1 + below(5), ...maybe(() => ({ to: 5 + below(5) })) } })),
    ...maybe(rate)
  })
  const anyDuration = (): FaultPlan.AnyDuration =>
    pick([
      range(),
      { mean: pick([0, 1, 20e6, 3600e9]), deviation: pick([1, 1500, 5e6]), shape: pick(["normal", "pareto"]) }
    ])
  const path = () => ({
    ...maybe(() => ({ pair: pair() })),
    ...maybe(() => ({ kind: pick(["ACK", "syn", "OACK/2", "a.b+c-d_e"]) })),
    ...maybe(() => ({ window: window() }))
  })
  const which = () => ({ ...chance(), ...path() })
  const transport = () => maybe(() => ({ transport: pick(["udp", "tcp"]) }))
  const onDisk = () => ({ host: host(), ...chance(), ...maybe(() => ({ window: window() })) })
  const operation = () => maybe(() => ({ operation: pick(["read", "write", "sync", "other"]) }))
  const lasting = () => ({ host: host(), at: time(), ...maybe(() => ({ until: Number.MAX_SAFE_INTEGER })) })
  const rules: ReadonlyArray<() => FaultPlan.Rule> = [
    () => ({ action: "drop", ...which() }),
    () => ({ action: "dup", copies: 1 + below(1000), after: range(), ...which() }),
    () => ({ action: "reorder", by: 1 + number(), within: range(), ...which() }),
    () => ({ action: "corrupt", ...maybe(() => ({ bit: number() })), ...which() }),
    () => ({ action: "truncate", ...maybe(() => ({ bytes: number() })), ...which() }),
    () => ({ action: "delay", by: anyDuration(), ...transport(), ...which() }),
    () => ({
      action: "bandwidth",
      rate: pick([1, 125, 125_000, 1024, 3e9, Number.MAX_SAFE_INTEGER]),
      queue: pick([0, 1, 64_000, 65_536, 262_144]),
      ...transport(),
      ...path()
    }),
    () => ({ action: "stall", ...maybe(() => ({ for: range() })), ...which() }),
    () => ({ action: "chunk", bytes: 1 + below(9), ...which() }),
    () => ({ action: "reset", after: number(), ...which() }),
    () => ({ action: "cut", after: number(), ...which() }),
    () => ({ action: "partition", pair: pair(), ...maybe(() => ({ window: window() })) }),
    () => ({ action: "pause", ...lasting() }),
    () => ({ action: "crash", ...lasting() }),
    () => ({ action: "restart", host: host(), at: time() }),
    () => ({ action: "jump", host: host(), at: time(), by: pick([-1, 1]) * (1 + number()) }),
    () => ({ action: "drift", ...lasting(), ppm: pick([-500_000, -50, 1, 200, 500_000]) }),
    () => ({ action: "disk-error", ...operation(), ...onDisk() }),
    () => ({ action: "disk-full", ...onDisk() }),
    () => ({ action: "disk-slow", by: anyDuration(), ...operation(), ...onDisk() })
  ]
  return Array.from({ length: below(6) }, () => pick(rules)())
}

const seeds = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 32 - 1 }))
const AnyPlan = Arbitrary.map(Arbitrary.schema(seeds), anyPlan)

/** Text of random clauses, often almost a plan. */
const Nearly = Arbitrary.map(
  Arbitrary.array(
    Arbitrary.schema(
      Schema.Union([
        Schema.Literals([
          "drop",
          "delay",
          "cut",
          "partition",
          "crash",
          "jump",
          "drift",
          "disk-slow",
          "bandwidth",
          "burst=8",
          "correlation=25%",
          "20ms~5ms normal",
          "+1h",
          "200ppm",
          "125kB/s",
          "queue=",
          "=",
          "#",
          "3",
          "..",
          "5%",
          "20ms",
          "a",
          ">",
          "|"
        ]),
        Schema.Literals(["b", ":", "17", "@", "2s", "kind=", "ACK", "udp", "tcp", ",", ";", " ", "[", "::1", "]", "*"])
      ])
    ),
    { maxLength: 12 }
  ),
  (pieces) => pieces.join("")
)

const messageOf = (text: string) => {
  const parsed = FaultPlanSyntax.parse(text)
  return Result.isFailure(parsed) ? parsed.failure.message : FaultPlanSyntax.format(parsed.success)
}

const actions =
  "drop, dup, reorder, corrupt, truncate, delay, bandwidth, stall, chunk, reset, cut, partition, pause, crash, restart, jump, drift, disk-error, disk-full, disk-slow"

describe("FaultPlanSyntax", () => {
  it.prop(
    "parse returns the plan that format wrote",
    [AnyPlan],
    ([plan]) => {
      assert.isTrue(Schema.is(FaultPlan.FaultPlan)(plan))
      assert.deepStrictEqual(FaultPlanSyntax.parseUnsafe(FaultPlanSyntax.format(plan)), plan)
    },
    { arbitrary: { runs: 2000 } }
  )

  it.prop("FaultPlan decodes its own JSON", [AnyPlan], ([plan]) => {
    const json: unknown = JSON.parse(JSON.stringify(plan))
    assert.deepStrictEqual(Schema.decodeUnknownSync(FaultPlan.FaultPlan)(json), plan)
  })

  it.prop("parse never throws, and returns only plans", [Schema.String], ([text]) => {
    const parsed = FaultPlanSyntax.parse(text)
    if (Result.isSuccess(parsed)) assert.isTrue(Schema.is(FaultPlan.FaultPlan)(parsed.success))
  })

  it.prop(
    "parse reports a column inside the text for an almost correct plan",
    [Nearly],
    ([text]) => {
      const parsed = FaultPlanSyntax.parse(text)
      if (Result.isSuccess(parsed)) {
        assert.isTrue(Schema.is(FaultPlan.FaultPlan)(parsed.success))
        assert.deepStrictEqual(FaultPlanSyntax.parseUnsafe(FaultPlanSyntax.format(parsed.success)), parsed.success)
      } else {
        const { reason } = parsed.failure
        assert.isTrue("column" in reason && reason.column >= 1 && reason.column <= text.length + 1)
        if (reason._tag === "Malformed") assert.isTrue(text.slice(reason.column - 1).startsWith(reason.found))
      }
    },
    { arbitrary: { runs: 2000 } }
  )

  it.each([
    ["drop=5%", "drop=5%"],
    ["dup=#3", "dup=#3"],
    ["delay=20ms..40ms", "delay=20ms..40ms"],
    ["reorder", "reorder"],
    ["corrupt", "corrupt"],
    ["partition=a|b@2s..5s", "partition=a|b@2s..5s"],
    ["stall; chunk; reset; cut", "stall, chunk, reset, cut"],
    ["dup=#3 kind=ACK", "dup=#3 kind=ACK"],
    ["delay=20ms..40ms a>b @1s..", "delay=20ms..40ms a>b @1s.."],
    ["corrupt=#2:17", "corrupt=#2:17"],
    ["corrupt #2 17", "corrupt=#2:17"],
    ["partition=a>b@..1.5s", "partition=a>b@0s..1500ms"],
    ["crash=h@2s.., crash=h@2s..5s, pause=h@0s..1m", "crash=h@2s, crash=h@2s..5s, pause=h@0s..1m"],
    [" drop\tudp\n@2s..5s#1..2 ", "drop=#1..2 @2s..5s"],
    ["dup=:2 1000us ::1>[fe80::1]:69", "dup=2 1ms [::1]>[fe80::1]:69"],
    ["truncate=100%:4 *:69>*, chunk=#2..:7", "truncate=100%:4 *:69>*, chunk=#2..:7"],
    ["reorder=1 1s, dup=1 0s, reset=0", "reorder, dup, reset"],
    ["drop=5% burst=8", "drop=5% burst=8"],
    ["corrupt burst=2 a>b 0.5% #2..", "corrupt=#2.. 0.5% burst=2 a>b"],
    ["drop=5% correlation=25%", "drop=5% correlation=25%"],
    ["delay=20ms~5ms normal", "delay=20ms~5ms normal"],
    ["delay a>b 0.02s~5000us   pareto udp", "delay=20ms~5ms pareto udp a>b"],
    ["bandwidth=125kB/s queue=64kB a>b", "bandwidth=125kB/s queue=64kB a>b"],
    ["bandwidth=1Mbit/s, bandwidth 1.5KiB/s tcp queue=262144B", "bandwidth=125kB/s, bandwidth=1536B/s tcp"],
    ["jump=a@3s +1h, jump=a@3s -500ms", "jump=a@3s +1h, jump=a@3s -500ms"],
    ["jump -90m [::1] @0.5s", "jump=[::1]@500ms -90m"],
    ["drift=a@1s..5s 200ppm, drift=a@1s.. -50ppm", "drift=a@1s..5s 200ppm, drift=a@1s -50ppm"],
    ["disk-error=1% a, disk-error=#3 a @1s..2s", "disk-error=1% a, disk-error=#3 a@1s..2s"],
    ["disk-error kind=sync a", "disk-error=a kind=sync"],
    ["disk-full=a@1s..3s, disk-full a", "disk-full=a@1s..3s, disk-full=a"],
    ["disk-slow=a@1s..3s 10ms..50ms", "disk-slow=a@1s..3s 10ms..50ms"],
    ["disk-slow=10ms 20ms @1s..", "disk-slow=10ms 20ms@1s.."],
    ["", ""],
    [" \n", ""]
  ])("%j is formatted as %j", (text, expected) => {
    assert.strictEqual(messageOf(text), expected)
  })

  it.each([
    ["drp=5%", `column 1: expected one of ${actions}, found "drp=5%"`],
    ["drop=5%,", `column 9: expected one of ${actions}, found the end`],
    ["drop,,dup", `column 6: expected one of ${actions}, found ","`],
    ["constructor", `column 1: expected one of ${actions}, found "constructor"`],
    [
      "drop=",
      "column 6: expected a clause such as #3, 5%, a>b, kind=ACK, @2s..5s, udp, burst=8, correlation=25%, found the end"
    ],
    [
      "drop=20ms",
      'column 6: expected a clause such as #3, 5%, a>b, kind=ACK, @2s..5s, udp, burst=8, correlation=25%, found "20ms"'
    ],
    ["drop=#0", 'column 6: expected a packet number such as #3, #2..4 or #2.., found "#0"'],
    ["drop=#4..2", 'column 6: expected a packet number such as #3, #2..4 or #2.., found "#4..2"'],
    ["drop=0%", 'column 6: expected a rate over 0% and up to 100%, with at most three decimals, found "0%"'],
    ["drop=-5%", 'column 6: expected a rate over 0% and up to 100%, with at most three decimals, found "-5%"'],
    [
      "dup, drop=100.5%",
      'column 11: expected a rate over 0% and up to 100%, with at most three decimals, found "100.5%"'
    ],
    ["drop @2s", 'column 6: expected a time such as @2s..5s, @2s.. or @..5s, found "@2s"'],
    ["drop @5s..5s", 'column 6: expected a time such as @2s..5s, @2s.. or @..5s, found "@5s..5s"'],
    ["drop @5s..2s", 'column 6: expected a time such as @2s..5s, @2s.. or @..5s, found "@5s..2s"'],
    ["drop @2..5", 'column 6: expected a time such as @2s..5s, @2s.. or @..5s, found "@2..5"'],
    ["drop=#1 #2", 'column 9: expected no second clause such as #3, found "#2"'],
    [
      "drop a>",
      'column 6: expected two hosts such as a>b or a|b, each a name, an IP address or *, optionally with a port, found "a>"'
    ],
    [
      "drop a>b:70000",
      'column 6: expected two hosts such as a>b or a|b, each a name, an IP address or *, optionally with a port, found "a>b:70000"'
    ],
    ["drop kind=", 'column 6: expected a kind such as kind=ACK, found "kind="'],
    ["delay", "column 6: expected a duration such as 20ms or 20ms..40ms, in ns, us, ms, s, m or h, found the end"],
    ["delay=5%, drop", 'column 9: expected a duration such as 20ms or 20ms..40ms, in ns, us, ms, s, m or h, found ","'],
    ["delay=20", 'column 7: expected a duration such as 20ms or 20ms..40ms, in ns, us, ms, s, m or h, found "20"'],
    ["delay=20 ms", 'column 7: expected a duration such as 20ms or 20ms..40ms, in ns, us, ms, s, m or h, found "20"'],
    [
      "delay=0.5ns",
      'column 7: expected a duration such as 20ms or 20ms..40ms, in ns, us, ms, s, m or h, found "0.5ns"'
    ],
    [
      "delay=40ms..20ms",
      'column 7: expected a duration such as 20ms or 20ms..40ms, in ns, us, ms, s, m or h, found "40ms..20ms"'
    ],
    [
      "delay=9999h",
      'column 7: expected a duration such as 20ms or 20ms..40ms, in ns, us, ms, s, m or h, found "9999h"'
    ],
    ["chunk=0", 'column 7: expected a number of at least 1, found "0"'],
    ["chunk=9007199254740992", 'column 7: expected a number such as 17, found "9007199254740992"'],
    ["dup=#1:1001", 'column 7: expected a number from 1 to 1000, found ":1001"'],
    [
      "partition@2s..5s",
      "column 17: expected two hosts such as a>b or a|b, each a name, an IP address or *, optionally with a port, found the end"
    ],
    ["partition=a@2s..5s", 'column 11: expected a clause such as a>b, @2s..5s, found "a@2s..5s"'],
    ["crash=h", "column 8: expected a time such as @2s..5s, @2s.. or @..5s, found the end"],
    ["restart=h@5s..6s", 'column 10: expected a single time such as @5s, found "@5s..6s"'],
    ["drop burst=8", "column 13: expected a rate such as 5%, which burst and correlation need, found the end"],
    ["drop=90% burst=8", 'column 6: expected a rate of at most 88.888% for bursts of 8, found "90%"'],
    [
      "drop=5% burst=8 correlation=5%",
      'column 17: expected no correlation together with burst, found "correlation=5%"'
    ],
    [
      "drop=5% burst=0",
      'column 9: expected a mean length of bursts such as burst=8, from 1 to 1000000, found "burst=0"'
    ],
    [
      "drop=5% correlation=100%",
      'column 9: expected a correlation such as correlation=25%, over 0% and below 100%, found "correlation=100%"'
    ],
    [
      "delay=20ms~5ms gaussian",
      'column 7: expected a mean and a deviation with a distribution such as 20ms~5ms normal or 20ms~5ms pareto, found "20ms~5ms"'
    ],
    [
      "stall=20ms~5ms normal",
      'column 7: expected a duration such as 20ms or 20ms..40ms, in ns, us, ms, s, m or h, found "20ms~5ms"'
    ],
    ["delay=20ms 20ms~5ms normal", 'column 12: expected no second clause such as 20ms~5ms normal, found "20ms~5ms"'],
    ["bandwidth=125k", 'column 11: expected a bandwidth such as 125kB/s or 1Mbit/s, found "125k"'],
    ["bandwidth=0B/s", 'column 11: expected a bandwidth such as 125kB/s or 1Mbit/s, found "0B/s"'],
    ["bandwidth queue=1kB", "column 20: expected a bandwidth such as 125kB/s or 1Mbit/s, found the end"],
    ["bandwidth=1kB/s queue=64", 'column 17: expected a queue such as queue=64kB, found "queue=64"'],
    ["jump=a@3s 1h", 'column 11: expected a jump such as +1h or -500ms, found "1h"'],
    ["jump=a@3s", "column 10: expected a jump such as +1h or -500ms, found the end"],
    ["jump=a@3s..4s +1h", 'column 7: expected a single time such as @5s, found "@3s..4s"'],
    ["drift=a@1s 0ppm", 'column 12: expected a drift such as 200ppm or -50ppm, at most 500000ppm, found "0ppm"'],
    ["disk-error=1%", "column 14: expected a host: its name or IP address, found the end"],
    ["disk-error=a kind=open", 'column 14: expected kind=read, kind=write, kind=sync or kind=other, found "kind=open"'],
    ["disk-full=a 10ms", 'column 13: expected no second clause such as a, found "10ms"'],
    ["disk=a", `column 1: expected one of ${actions}, found "disk=a"`],
    ["drop tcp", "column 6: drop does not apply to tcp; its faults are delay, stall, chunk, reset, cut, and bandwidth"],
    [
      "drop=#1, stall=2s udp",
      "column 19: stall does not apply to udp; its faults are delay, drop, dup, reorder, corrupt, truncate, and bandwidth"
    ]
  ])("%j fails with: %s", (text, message) => {
    assert.strictEqual(messageOf(text), message)
  })

  it("an error quotes at most a line of a long text", () => {
    assert.isBelow(messageOf("x".repeat(100_000)).length, 300)
    assert.isBelow(messageOf(`drop=${"9".repeat(100_000)}`).length, 300)
  })
})

describe("FaultPlan", () => {
  const plan = FaultPlanSyntax.parseUnsafe("drop a>b:69, partition=10.0.0.1|*, crash=c@1s")
  it("check rejects unknown hosts", () => {
    assert.isTrue(Result.isSuccess(FaultPlan.check(plan, ["c", "b", "a"])))
    const messages = [[], ["a"], ["a", "b"]].map((hosts) => Result.merge(FaultPlan.check(plan, hosts)))
    assert.deepStrictEqual(
      messages.map((error) => (error instanceof FaultPlan.FaultPlanError ? error.message : "fine")),
      [
        "unknown host a: the network has no hosts",
        "unknown host b: the hosts are a",
        "unknown host c: the hosts are a and b"
      ]
    )
    const [, , address] = FaultPlanSyntax.parseUnsafe("drop, drop, pause=10.0.0.1@1s")
    assert.isTrue(Result.isFailure(FaultPlan.check([address!], ["a"])))
  })

  it("check and appliesTo give the same results data-last", () => {
    const checked = Result.flatMap(FaultPlanSyntax.parse("drop a>b, stall, crash=c@1s"), FaultPlan.check(["a", "b"]))
    assert.deepStrictEqual(
      checked,
      FaultPlan.check(FaultPlanSyntax.parseUnsafe("drop a>b, stall, crash=c@1s"), ["a", "b"])
    )
    for (const transport of ["udp", "tcp"] as const) {
      const isFor = FaultPlan.appliesTo(transport)
      assert.deepStrictEqual(
        plan.map((rule) => isFor(rule)),
        plan.map((rule) => FaultPlan.appliesTo(rule, transport))
      )
    }
  })

  it.each([
    [{ action: "drop", nth: { from: 3, to: 2 } }, "packet numbers must not end before their start (from 3 to 2)"],
    [{ action: "drop", window: { from: 5, to: 5 } }, "a window must end after its start (from 5 to 5)"],
    [{ action: "delay", by: { from: 5, to: 4 } }, "a range must not end before its start (from 5 to 4)"],
    [
      { action: "drop", percent: 0.0001 },
      "invalid rate 0.0001%: must be over 0% and at most 100%, with at most three decimals"
    ],
    [{ action: "drop", burst: 8 }, "expected a rate such as 5%, which burst and correlation need"],
    [{ action: "disk-error", host: "h", percent: 90, burst: 2 }, "expected a rate of at most 66.666% for bursts of 2"],
    [{ action: "drift", host: "h", at: 0, ppm: 0 }, "must not be 0"],
    [
      { action: "delay", by: { mean: 5, deviation: 1e15, shape: "normal" } },
      "a deviation of 1000000000000000 ns is too large"
    ],
    [{ action: "crash", host: "h", at: 5, until: 5 }, "a fault must end after its start (from 5 to 5)"],
    [{ action: "restart", host: "a b", at: 5 }, 'invalid host "a b": must be a host name or an IP address']
  ])("%j is rejected as a rule", (rule, expected) => {
    const decoded = Schema.decodeUnknownResult(FaultPlan.FaultPlan)([rule])
    assert.include(Result.isFailure(decoded) ? decoded.failure.message : "fine", expected)
  })

  it("actions of one transport, except delay and bandwidth, do not exist for the other", () => {
    const stall: FaultPlan.PacketRule = { action: "delay", by: { from: 0, to: 0 }, transport: "tcp" }
    assert.isTrue(FaultPlan.appliesTo(stall, "tcp"))
    assert.isFalse(FaultPlan.appliesTo(stall, "udp"))
    for (const action of FaultPlan.actions.udp.filter((one) => one !== "delay" && one !== "bandwidth"))
      assert.notInclude(FaultPlan.actions.tcp, action)
  })
})
