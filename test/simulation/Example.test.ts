import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Cli from "../support/Cli.ts"

const runScript = (script: string, env: Record<string, string>, ...args: ReadonlyArray<string>) =>
  Effect.scoped(Effect.flatMap(Cli.startScript(script, args, env), ({ ended }) => ended))

it.live("examples/test-your-protocol prints the shrunk failure, and the printed line repeats it", () =>
  Effect.gen(function* () {
    const { code, stdout } = yield* runScript("examples/test-your-protocol.ts", {})
    const [what, ...rest] = stdout.toString().trimEnd().split("\n")
    const line = rest.pop()
    assert.match(what!, /^\d+ packets for 8 blocks, though none was lost \(at 0\.\d+s, after 1 fault\)$/)
    const replay = /^ {2}SIM_SEED=(\d+) SIM_PLAN='(.*)' node .*scripts\/examples\/test-your-protocol\.ts$/
    const [, seed, plan] = replay.exec(line!)!
    assert.include(rest.join("\n"), "[dup, arrives 0.001000] 1 byte: 01\n")
    assert.strictEqual(plan, "dup=#1 receiver>sender")
    assert.strictEqual(code, 0)
    const again = yield* runScript("examples/test-your-protocol.ts", { SIM_SEED: seed!, SIM_PLAN: plan! })
    assert.strictEqual(again.stdout.toString(), stdout.toString())
  })
)

it.live("sweep prints the number of seeds that passed", () =>
  Effect.gen(function* () {
    const { code, stdout } = yield* runScript("sweep.ts", {}, "10", "rot13")
    assert.match(stdout.toString(), /^rot13: 10 seeds passed in /)
    assert.strictEqual(code, 0)
    assert.strictEqual((yield* runScript("sweep.ts", {}, "none")).code, 2)
  })
)
