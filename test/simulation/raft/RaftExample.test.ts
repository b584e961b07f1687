import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Chart from "../../../scripts/examples/raft/Chart.ts"
import * as Cli from "../../support/Cli.ts"

const runMain = (args: ReadonlyArray<string>, env: Record<string, string> = {}) =>
  Effect.scoped(Effect.flatMap(Cli.startScript("examples/raft/main.ts", args, env), ({ ended }) => ended))

const bug = "reads without asking the others"

it.live("examples/raft/main prints the failure of a bug, and the printed line repeats it", () =>
  Effect.gen(function* () {
    const { code, stdout } = yield* runMain([bug])
    const text = stdout.toString()
    assert.match(text, /^PropertyBroken: not linearizable/)
    assert.strictEqual(code, 1)
    const [, seed, plan] = /SIM_SEED=(\d+) SIM_PLAN='(.*?)' node .*main\.ts 'reads/.exec(text)!
    const again = yield* runMain([bug], { SIM_SEED: seed!, SIM_PLAN: plan! })
    assert.strictEqual(again.stdout.toString(), text)
  })
)

it.live("examples/raft/main exits with 0 without a bug, and with 2 for an unknown one", () =>
  Effect.gen(function* () {
    assert.strictEqual((yield* runMain([], { SIM_RUNS: "30" })).code, 0)
    const { code, stderr } = yield* runMain(["none"])
    assert.strictEqual(code, 2)
    assert.include(stderr, "unknown bug none")
  })
)

it("the chart has the figures of the table", () => {
  const rows = [{ name: "a < b", perSecond: 155.4, medianMillis: 48.1, p99Millis: 431.2, pauseMillis: 9.87 }]
  assert.include(Chart.table(rows), "| a < b | 155 | 48 ms | 431 ms | 9.9 ms |")
  assert.include(Chart.draw(rows), ">a &lt; b</text>")
  assert.include(Chart.draw(rows), ">48 / 431</text>")
})
