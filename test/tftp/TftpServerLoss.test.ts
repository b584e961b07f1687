import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FaultArbitrary from "../../src/simulation/faults/FaultArbitrary.ts"
import * as FaultPlanSyntax from "../../src/simulation/faults/FaultPlanSyntax.ts"
import type * as Simulation from "../../src/simulation/Simulation.ts"
import * as Dissector from "../../src/tftp/protocol/Dissector.ts"
import { pseudoRandomBytes } from "../support/Hosts.ts"
import * as TftpHosts from "../support/tftp/TftpHosts.ts"
import * as TftpOldServer from "../support/tftp/TftpOldServer.ts"

/** Makes a tap that counts packets by kind. */
const counter = () => {
  const counts = new Map<string, number>()
  const tap: Simulation.Options["tap"] = (packet) => {
    const kind = Dissector.dissector.dissect(packet)?.kind ?? "?"
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  return { tap, of: (kind: string) => counts.get(kind) ?? 0 }
}

/** Reads and writes a file: the result is the right file, or none on either side. */
const roundTrip = (bytes: Uint8Array, options: Parameters<typeof TftpHosts.put>[3], outcomes: Set<string>) => () =>
  Effect.gen(function* () {
    const { endpoint, files } = yield* TftpHosts.serve({ files: { f: bytes } })
    const into = new Map<string, Uint8Array>()
    const read = yield* TftpHosts.outcome(TftpHosts.get(endpoint, "f", options, into))
    assert.deepStrictEqual(into.get("f"), read === "done" ? bytes : undefined)
    const written = yield* TftpHosts.outcome(TftpHosts.put(endpoint, "g", bytes, options))
    const arrived = files.get("g")
    if (written !== "Timeout last") assert.strictEqual(arrived !== undefined, written === "done")
    if (arrived !== undefined) assert.deepStrictEqual(arrived, bytes)
    outcomes.add(read).add(written)
  })

describe("TFTP under loss", () => {
  const options = [{}, { blksize: 512, windowsize: 1 }, { blksize: 512, windowsize: 8 }]
  for (const loss of [1, 5, 10, 25]) {
    for (const one of options) {
      it.effect(
        `transfers a file at ${loss} % loss, with duplicates and reordering, at 50 ms latency, ${JSON.stringify(one)}`,
        () =>
          Effect.gen(function* () {
            const plan = `drop=${loss}%, dup=5%, reorder=5% 20ms`
            const outcomes = new Set<string>()
            for (let seed = 1; seed <= 5; seed++) {
              const link = { latency: ["50 millis", "52 millis"] } as const
              yield* TftpHosts.simulate(roundTrip(pseudoRandomBytes(60_000), one, outcomes), plan, { seed, link })
            }
            // At 25 % loss, all copies of the last ACK are lost in some runs.
            assert.deepStrictEqual(
              [...outcomes].filter((word) => loss < 25 || word !== "Timeout last"),
              ["done"]
            )
          })
      )
    }
  }
})

describe("TFTP retransmission", () => {
  const size = 40_960
  for (const windowsize of [1, 4, 64]) {
    it.effect(`resends at most two windows for a fault, at windowsize ${windowsize}`, () =>
      Effect.gen(function* () {
        let faults = 0
        for (let seed = 1; seed <= 60; seed++) {
          const generated = FaultArbitrary.generate(seed, {
            hosts: ["server", "client"],
            transport: "udp",
            kinds: ["DATA", "ACK"],
            faultPeriod: "1 second",
            maxDuration: "100 millis"
          })
          // TFTP has no checksum: a changed packet is not resent, but handled as it arrives.
          const plan = generated.filter(({ action }) => action !== "corrupt" && action !== "truncate")
          const count = counter()
          const blocks = size / 512 + 1
          const report = yield* TftpHosts.simulate(
            () =>
              Effect.gen(function* () {
                const { endpoint } = yield* TftpHosts.serve({ files: { f: pseudoRandomBytes(size) } })
                yield* Effect.exit(TftpHosts.get(endpoint, "f", { blksize: 512, windowsize }))
              }),
            FaultPlanSyntax.format(plan),
            { seed, tap: count.tap }
          )
          const hits = report.faults.reduce((sum, hit) => sum + hit, 0)
          const maxPackets = blocks + 2 * windowsize * hits
          assert.isAtMost(count.of("DATA"), maxPackets, `seed ${seed}: ${FaultPlanSyntax.format(plan)}`)
          faults += hits
        }
        assert.isAbove(faults, 100)
      })
    )
  }

  it.effect.each(["#4", "#1", "#2", "#3"])(
    "recovers without a timeout when DATA %s of a window of 4 is lost",
    (which) =>
      Effect.gen(function* () {
        const count = counter()
        const report = yield* TftpHosts.simulate(
          () =>
            Effect.gen(function* () {
              const { endpoint } = yield* TftpHosts.serve({ files: { f: pseudoRandomBytes(5_000) } })
              yield* TftpHosts.get(endpoint, "f", { blksize: 512, windowsize: 4 })
            }),
          `drop=${which} kind=DATA`,
          { tap: count.tap }
        )
        assert.isAtMost(count.of("DATA"), 10 + 2 * 4)
        // The client dallies for at most a second; a timeout would have added 50 ms to a transfer of 8 ms.
        assert.isBelow(report.time, 1.05e9)
      })
  )
})

describe("TFTP after block 65,535", () => {
  const bytes = pseudoRandomBytes(70_000 * 8 + 3)
  for (const [condition, plan, options] of [
    ["in lock-step", "", { blksize: 8, windowsize: 1 }],
    ["in a window", "", { blksize: 8, windowsize: 60 }],
    ["when block 0 is lost", "drop=#65536 kind=DATA", { blksize: 8, windowsize: 60 }],
    ["when block 65,535 is lost", "drop=#65535 kind=DATA", { blksize: 8, windowsize: 7 }],
    ["under loss", "drop=0.1%", { blksize: 8, windowsize: 32 }]
  ] as const) {
    it.effect(`transfers the right file ${condition}`, () =>
      TftpHosts.simulate(
        () =>
          Effect.gen(function* () {
            const { endpoint, files } = yield* TftpHosts.serve({ files: { f: bytes } })
            if (plan !== "drop=0.1%") return assert.deepStrictEqual(yield* TftpHosts.get(endpoint, "f", options), bytes)
            yield* TftpHosts.put(endpoint, "f", bytes, options)
            assert.deepStrictEqual(files.get("f"), bytes)
          }),
        plan
      )
    )
  }

  for (const rollover of [0, 1] as const) {
    it.effect(`reads from a server that rolls over to ${rollover}`, () =>
      TftpHosts.simulate(() =>
        Effect.gen(function* () {
          const endpoint = yield* TftpOldServer.serve(bytes, rollover)
          assert.deepStrictEqual(yield* TftpHosts.get(endpoint, "f", { blksize: 8 }), bytes)
        })
      )
    )
  }
})
