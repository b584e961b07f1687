import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Laboratory from "../../../src/web/lab/Laboratory.ts"
import * as Presets from "../../../src/web/lab/Presets.ts"
import * as Settings from "../../../src/web/lab/Settings.ts"
import type { Trace } from "../../../src/web/lab/Trace.ts"

const has = ({ remarks }: Trace, pattern: RegExp, tone = "") =>
  remarks.some((remark) => pattern.test(remark.text) && (tone === "" || remark.tone === tone))

const dataOf = ({ arrows }: Trace) => arrows.filter(({ kind }) => kind === "DATA").length

/** Assertions on each prepared run: it shows what its text says. */
const claims: Readonly<Record<string, (trace: Trace) => void>> = {
  "lost-ack": (trace) => {
    assert.strictEqual(trace.outcome, "done")
    assert.isTrue(has(trace, /^the network loses ACK/))
    assert.isTrue(has(trace, /came again: acknowledged, not delivered/))
  },
  "no-numbers": (trace) => {
    assert.strictEqual(trace.outcome, "failed")
    assert.isTrue(has(trace, /is delivered a second time/, "warning"))
  },
  impatient: (trace) => {
    assert.strictEqual(trace.outcome, "done")
    assert.isFalse(trace.arrows.some(({ fault, lost }) => lost || fault !== undefined))
    assert.strictEqual(dataOf(trace), 12)
    assert.strictEqual(trace.remarks.filter(({ text }) => text.startsWith("timeout: DATA")).length, 6)
  },
  "one-bit": (trace) => {
    assert.strictEqual(trace.outcome, "failed")
    assert.isTrue(has(trace, /^message 4 is delivered a second time/, "warning"))
    assert.isTrue(has(trace, /^message 6 is taken for a repetition/, "warning"))
    // One came twice, and one never: six deliveries are not six messages.
    const figures = new Map(trace.figures)
    assert.strictEqual(figures.get("delivered"), "5 of 6")
    assert.strictEqual(figures.get("delivered more than once"), "1")
  },
  "all-numbers": (trace) => {
    assert.strictEqual(trace.outcome, "done")
    assert.isFalse(has(trace, /./, "warning"))
    assert.isTrue(trace.arrows.some(({ fault }) => fault === "reorder"))
  },
  apprentice: (trace) => {
    assert.strictEqual(trace.outcome, "done")
    // The first copy comes early, and doubles what follows.
    const first = trace.arrows.findIndex(({ fault }) => fault === "duplicate")
    assert.isTrue(first >= 0 && first < 12)
    assert.isAbove(trace.remarks.filter(({ tone }) => tone === "warning").length, 15)
    assert.isAtLeast(dataOf(trace), 40)
    const figures = new Map(trace.figures)
    assert.isAbove(Number(figures.get("sent again by the server")), 15)
    assert.isAbove(Number(figures.get("sent again by the client")), 15)
    assert.match(figures.get("time") ?? "", /^\d,\d{3} ms$/)
  },
  "apprentice-cured": (trace) => {
    assert.strictEqual(trace.outcome, "done")
    assert.isTrue(has(trace, /it is ignored.*RFC 1123/))
    assert.isAtMost(dataOf(trace), 30)
    assert.isAtMost(Number(new Map(trace.figures).get("sent again by the server")), 5)
  },
  window: (trace) => {
    assert.strictEqual(trace.outcome, "done")
    assert.isTrue(has(trace, /says that DATA \d+ is missing/))
  },
  "tcp-loss": (trace) => {
    assert.strictEqual(trace.outcome, "done")
    assert.isTrue(has(trace, /^timeout: TCP sends .* again$/))
  },
  "udp-loss": (trace) => {
    assert.strictEqual(trace.outcome, "failed")
    assert.isTrue(has(trace, /^no reply/, "warning"))
  },
  boundaries: (trace) => {
    assert.strictEqual(trace.outcome, "done")
    assert.isTrue(has(trace, /^reads ".*": not a message$/))
  },
  crash: (trace) => {
    assert.isTrue(has(trace, /^cleo is suspect/) && has(trace, /^cleo is down/))
    assert.isFalse(has(trace, /./, "warning"))
  },
  partition: (trace) => {
    assert.strictEqual(trace.outcome, "done")
    assert.isTrue(has(trace, /^emil is down/) && has(trace, /^ada is down/) && has(trace, /is alive again$/))
  }
}

describe("Presets", () => {
  it.each(Presets.all.map((preset) => [preset.title, preset] as const))("shows what it says: %s", (_, preset) => {
    const trace = Effect.runSync(Laboratory.run(preset.settings))
    claims[preset.id]!(trace)
  })

  it("has a link for each, and each its own", () => {
    const links = Presets.all.map(({ settings }) => Settings.format(settings))
    assert.strictEqual(new Set(links).size, links.length)
    assert.deepStrictEqual(
      links.map(Settings.parse),
      Presets.all.map(({ settings }) => settings)
    )
    assert.deepStrictEqual(Presets.all.map(({ id }) => id).sort(), Object.keys(claims).sort())
  })
})
