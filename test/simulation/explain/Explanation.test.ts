import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Explanation from "../../../src/simulation/explain/Explanation.ts"
import * as FaultPlanSyntax from "../../../src/simulation/faults/FaultPlanSyntax.ts"
import type * as Recording from "../../../src/simulation/Recording.ts"

const hosts = [
  { name: "client", addresses: ["10.0.0.1"] },
  { name: "server", addresses: ["10.0.0.2"] }
]

const packet = (
  millis: number,
  from: 1 | 2,
  text: string | Uint8Array,
  more: Partial<Recording.PacketEvent["packet"]> = {}
): Recording.PacketEvent => ({
  _tag: "Packet",
  at: millis * 1e6,
  packet: {
    ...{ transport: "udp", kind: "datagram", host: hosts[from - 1]!.name, at: BigInt(millis * 1e6) },
    from: { address: `10.0.0.${from}`, port: 9 },
    to: { address: `10.0.0.${3 - from}`, port: 9 },
    bytes: typeof text === "string" ? new TextEncoder().encode(text) : text,
    ...more
  }
})

const log = (millis: number, host: string | undefined, level: string, message: string): Recording.LogEvent => ({
  ...{ _tag: "Log", at: millis * 1e6, host, level, message }
})

const events: ReadonlyArray<Recording.Event> = [
  { _tag: "Host", at: 0, host: "client", event: "start", detail: "" },
  packet(1, 1, "get", { arrives: 1_500_000n }),
  log(1.5, "server", "Info", "request\nfrom client"),
  packet(2, 2, "got", { fault: "drop", lost: true }),
  packet(3, 2, Uint8Array.of(1, 255), { fault: "delay", arrives: 8_000_000n }),
  packet(3.5, 1, "all", { to: { address: "10.0.0.255", port: 9 } }),
  { _tag: "Link", at: 4e6, event: "hold", detail: "client|server" },
  { _tag: "Host", at: 5e6, host: "server", event: "crash", detail: "" },
  { _tag: "Disk", at: 5e6, host: "server", operation: "torn", path: "/state", bytes: 100, fault: undefined },
  { _tag: "Host", at: 6e6, host: "client", event: "jump", detail: "+1h" },
  { _tag: "Switch", at: 6e6, point: "2.7", choice: 1, fiber: "2 reader", step: "take" },
  { _tag: "Reached", at: 7e6, label: "crashed" },
  { _tag: "Digest", at: 8e6, host: undefined, label: "end", bytes: new Uint8Array() },
  log(9, undefined, "Error", "no reply")
]

const run: Explanation.Run = {
  ...{ events, hosts, endNanos: 10e6, ending: "no reply" },
  plan: FaultPlanSyntax.parseUnsafe("drop=#1, partition=client|server@2500us..3200us")
}

const Names = Schema.Array(Schema.String.check(Schema.isPattern(/^[a-z]{1,30}$/)))
const Width = Schema.Int.check(Schema.isBetween({ minimum: 60, maximum: 400 }))

describe("Explanation", () => {
  it("draws packets, faults, logs, crashes and partitions at their times", () => {
    assert.strictEqual(
      Explanation.diagram(run),
      [
        "   seconds           client               server",
        '  0.001000              |------------------->|            "get"',
        "  0.001500              |                    *            info: request (1 more lines)",
        '  0.002000 !            |          x---------|            [drop] "got"',
        "  0.002500    ======== partition client|server =========",
        "  0.003000 !            |<-------------------|            [delay, arrives 0.008000] 2 bytes: 01 ff",
        "  0.003200    ====== partition client|server ends ======",
        '  0.003500              o                    |            "all" to 10.0.0.255:9',
        "  0.004000    =========== hold client|server ===========",
        "  0.005000    ============= server crashes =============",
        "  0.005000 !            |                    *            disk: torn /state 100 bytes",
        "  0.006000    ========= client clock jumps +1h =========",
        "  0.006000 !            |                    |            scenario fiber 2 reader is preempted in t…",
        '  0.007000              |                    |            scenario reached "crashed"',
        "  0.009000              |                    |            scenario error: no reply",
        "  0.010000    ================ no reply ================"
      ].join("\n")
    )
  })

  it("draws the segments of a message in one row, except for those with a fault", () => {
    const segment = (millis: number, from: 1 | 2, text: string, more: Partial<Recording.PacketEvent["packet"]> = {}) =>
      packet(millis, from, text, { transport: "tcp", kind: "data", ...more })
    const events = [
      ...[segment(1, 1, "hel"), segment(1, 1, "l"), segment(1, 1, "o"), segment(1, 2, "a"), segment(2, 2, "b")],
      ...[segment(3, 1, "x", { fault: "delay" }), segment(3, 1, "y"), segment(3, 1, "z")]
    ]
    const text = Explanation.diagram({ ...run, events, plan: [] })
    const messages = Array.from(text.matchAll(/"\w+"/g), ([message]) => message)
    assert.deepStrictEqual(messages, ['"hello"', '"a"', '"b"', '"x"', '"yz"'])
  })

  it("leaves out rows of a long run, with their number", () => {
    const many = Array.from({ length: 1_000 }, (_, n) =>
      packet(n, n % 2 === 0 ? 1 : 2, `${n}`, n === 500 ? { fault: "dup" } : {})
    )
    const lines = Explanation.diagram({ ...run, events: many, plan: [], endNanos: 1e9, omittedEvents: 7 }).split("\n")
    assert.lengthOf(lines, 41)
    const omitted = lines.flatMap((line) => /\.\.\. (\d+) packets/.exec(line)?.slice(1).map(Number) ?? [])
    const shown = lines.filter((line) => line.includes('"')).length
    assert.strictEqual(
      omitted.reduce((sum, count) => sum + count, shown),
      1_000
    )
    assert.isTrue(lines.some((line) => line.includes('[dup] "500"')))
    assert.isTrue(lines.some((line) => line.includes("7 other events")))
  })

  it.effect.prop("fits its width, for any hosts", [Names, Width], ([names, width]) =>
    Effect.sync(() => {
      const all = [...new Set(names)].map((name, at) => ({ name, addresses: [`10.0.1.${at + 1}`] }))
      const lines = Explanation.diagram({ ...run, hosts: all, width }).split("\n")
      for (const line of lines) assert.isAtMost(Array.from(line).length, width, line)
    })
  )

  it("joins the reason, the input, the diagram and the command", () => {
    const text = Explanation.format({ ...run, reason: "lost: 1 of 2", input: "[1,2]", command: "SIM_SEED=1 node x.ts" })
    const paragraphs = text.split("\n\n")
    assert.lengthOf(paragraphs, 4)
    assert.deepStrictEqual(paragraphs.toSpliced(2, 1), ["lost: 1 of 2", "  input: [1,2]", "  SIM_SEED=1 node x.ts"])
    assert.isTrue(paragraphs[2]!.split("\n").every((line) => line.startsWith("  ")))
  })
})
