import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Cli from "../../support/Cli.ts"

const runApp = (name: string, env: Record<string, string>) =>
  Effect.scoped(Effect.flatMap(Cli.startScript(`examples/${name}.ts`, [], env), ({ ended }) => ended))

const apps = [
  {
    name: "test-rpc",
    bug: /^the reader got 1.* 1 .*5 instead of 1 2 3 4 5 \(at \d+\.\d+s, after 1 fault\)\n/,
    rows: [/Request 0 Follow \{"after":0\}\n/, /Request 1 Follow \{"after":0\}\n/, /Chunk 1 \[1\]\n/]
  },
  {
    name: "test-http-api",
    bug: /^1 \+ 2 \+ 3 were paid, but the balance is \d+ \(at \d+\.\d+s, after 1 fault\)\n/,
    rows: [/POST \/payments \{"id":0,"amount":1\}\n/, /200 OK 7\n/]
  },
  {
    name: "test-cluster",
    bug: /^5 was deposited thrice, but the balances are (?:5,5,10|5,10,5|10,5,5) \(at \d+\.\d+s, after 1 fault\)\n/,
    rows: [/one +two +three +bank\n/, /Account\/ann Deposit \{"amount":5\}\n/, /Exit \d+ Success 10\n/]
  }
]

describe.each(apps)("examples/$name", ({ bug, name, rows }) => {
  it.live("prints the failure with one fault, and the printed line repeats it", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* runApp(name, {})
      const text = stdout.toString()
      assert.match(text, bug)
      for (const row of rows) assert.match(text, row)
      assert.match(text, /^ +\d+\.\d{6} ! .*\[reset, arrives/m)
      const replay = /^ {2}SIM_SEED=(\d+) SIM_PLAN='(reset=#\d+ \w+>\w+)' node .*scripts\/examples\/(.*)\.ts$/m
      const [, seed, plan, script] = replay.exec(text)!
      assert.deepStrictEqual([code, stderr, script], [1, "", name])
      const again = yield* runApp(name, { SIM_SEED: seed!, SIM_PLAN: plan! })
      assert.strictEqual(again.stdout.toString(), text)
    })
  )

  it.live("passes without its bug", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* runApp(name, { FIXED: "1", SIM_RUNS: "8" })
      assert.match(stdout.toString(), /^8 seeds passed in /)
      assert.strictEqual(code, 0)
    })
  )
})
