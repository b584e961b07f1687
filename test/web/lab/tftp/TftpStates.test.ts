import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Laboratory from "../../../../src/web/lab/Laboratory.ts"
import * as Settings from "../../../../src/web/lab/Settings.ts"
import type { Trace } from "../../../../src/web/lab/Trace.ts"

const run = (changes: Partial<Settings.Settings>) => {
  const initial = Settings.defaults("tftp")
  return Effect.runSync(
    Laboratory.run({ ...initial, lossPercent: 0, ...changes, choices: { ...initial.choices, ...changes.choices } })
  )
}

const statesOf = (trace: Trace, host: string) => {
  const names = trace.states.filter((change) => change.host === host).map(({ state }) => state)
  return names.filter((name, index) => name !== names[index - 1])
}

const serverVariable = ({ states }: Trace, name: string) =>
  states.findLast(({ host }) => host === "server")?.variables.find(([one]) => one === name)?.[1]

const countOf = ({ arrows }: Trace, label: RegExp) => arrows.filter((arrow) => label.test(arrow.label)).length

describe("TFTP in the laboratory", () => {
  it("shows a transfer in lock-step", () => {
    const trace = run({ choices: { size: "1500" } })
    assert.deepStrictEqual(
      trace.arrows.map(({ kind }) => kind),
      ["RRQ", "DATA", "ACK", "DATA", "ACK", "DATA", "ACK"]
    )
    assert.deepStrictEqual(statesOf(trace, "client"), [
      "starting",
      "waiting for the first reply",
      "waiting for DATA 2",
      "waiting for DATA 3",
      "done: the file is whole"
    ])
    assert.deepStrictEqual(statesOf(trace, "server"), [
      "waiting for a request on port 69",
      "waiting for ACK 1",
      "waiting for ACK 2",
      "waiting for ACK 3",
      "done: the last block is acknowledged"
    ])
  })

  it("shows the negotiation of a window", () => {
    const trace = run({ choices: { windowsize: "4", size: "4000" } })
    assert.deepStrictEqual(
      trace.arrows.slice(0, 8).map(({ kind }) => kind),
      ["RRQ", "OACK", "ACK", "DATA", "DATA", "DATA", "DATA", "ACK"]
    )
    assert.deepStrictEqual(statesOf(trace, "server"), [
      "waiting for a request on port 69",
      "waiting for ACK 0, of the OACK",
      "waiting for ACK 4",
      "waiting for ACK 8",
      "done: the last block is acknowledged"
    ])
  })

  it("never sends a block twice because of a copy, as RFC 1123 asks, and always by RFC 783", () => {
    let doubled = 0
    for (let seed = 1; seed <= 10; seed++) {
      const faults = { seed, duplicatePercent: 10, delayMillis: 20 }
      const cured = run({ ...faults, choices: { size: "12000" } })
      const copies = cured.arrows.filter(({ fault, kind }) => kind === "DATA" && fault === "duplicate").length
      // The client's own copies are all that is more than the 24 blocks.
      assert.strictEqual(countOf(cured, /^DATA/), 24 + copies, `seed ${seed}`)
      assert.isFalse(cured.remarks.some(({ tone }) => tone === "warning"))
      // A copy by the network is not sent by the server.
      assert.strictEqual(serverVariable(cured, "sent again"), "0")
      const old = run({ ...faults, choices: { sender: "rfc783", size: "12000" } })
      const warnings = old.remarks.filter(({ text, tone }) => tone === "warning" && text.includes("RFC 783"))
      if (warnings.length > 10) doubled++
      if (old.outcome === "done") assert.isTrue(warnings.length > 0 || copies === 0, `seed ${seed}`)
    }
    assert.isAbove(doubled, 3)
  })

  it("remarks a timeout of the server for each block that it sends again without an ACK", () => {
    for (let seed = 1; seed <= 10; seed++) {
      const trace = run({ seed, lossPercent: 15 })
      const blocks = new Map<string, number>()
      for (const { fault, from, kind, label } of trace.arrows) {
        if (from !== "server" || kind !== "DATA" || fault === "duplicate") continue
        blocks.set(label, (blocks.get(label) ?? 0) + 1)
      }
      const again = [...blocks.values()].reduce((sum, count) => sum + count - 1, 0)
      const timeouts = trace.remarks.filter(({ host, text }) => host === "server" && text.startsWith("timeout: no ACK"))
      assert.strictEqual(timeouts.length, again, `seed ${seed}`)
    }
  })

  it("shows a window that is sent again from the missing block", () => {
    const texts = Array.from({ length: 10 }, (_, index) =>
      run({ seed: index + 1, lossPercent: 10, choices: { windowsize: "8", size: "12000" } }).remarks.map(
        ({ text }) => text
      )
    ).flat()
    assert.isTrue(texts.some((text) => /^ACK \d+ says that DATA \d+ is missing/.test(text)))
    assert.isTrue(texts.some((text) => /^DATA \d+ came before DATA \d+: it is kept$/.test(text)))
  })

  it("shows that a client gives up on a server that it cannot reach", () => {
    const trace = run({ lossPercent: 100 })
    assert.strictEqual(trace.outcome, "failed")
    assert.isTrue(trace.remarks.some(({ text }) => text === "timeout: no reply, the RRQ is sent again"))
  })
})
