import * as Fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Cli from "../../../support/Cli.ts"
import { directory } from "../../../support/Directory.ts"

interface Figures {
  readonly sent: number
  readonly lost: ReadonlyArray<number>
  readonly late: ReadonlyArray<number>
  readonly order: ReadonlyArray<number>
  readonly datagrams: ReadonlyArray<{ readonly number: number; readonly sent: number; readonly arrived?: number }>
}

const demo = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
  const { code, stdout } = yield* Cli.runInProcess(["demo", ...args])
  assert.strictEqual(code, 0)
  return stdout
})

const json = (...args: ReadonlyArray<string>) =>
  Effect.map(demo(...args, "--json"), (text) => JSON.parse(text) as Figures)

describe("demo", () => {
  it.live("loss reports the datagrams that did not arrive, in JSON and in text", () =>
    Effect.gen(function* () {
      const { datagrams, lost, sent } = yield* json("loss", "--seed", "7")
      assert.strictEqual(sent, 20)
      const missing = datagrams.filter(({ arrived }) => arrived === undefined).map(({ number }) => number)
      assert.deepStrictEqual(lost, missing)
      assert.isNotEmpty(lost)
      const text = yield* demo("loss", "--seed", "7")
      assert.include(text, `${20 - lost.length} of 20 arrived; lost: ${lost.join(" ")}.`)
      assert.lengthOf(text.match(/---x$/gm)!, lost.length)
      assert.lengthOf(text.match(/---> \d+$/gm)!, 20 - lost.length)
    })
  )

  it.live("misorder delivers all datagrams, some out of order", () =>
    Effect.gen(function* () {
      const { datagrams, late, order } = yield* json("misorder")
      const byArrival = datagrams.toSorted((a, b) => a.arrived! - b.arrived!).map(({ number }) => number)
      assert.deepStrictEqual(order, byArrival)
      assert.deepStrictEqual(
        [...order].sort((a, b) => a - b),
        Array.from({ length: 20 }, (_, i) => i + 1)
      )
      assert.isNotEmpty(late)
      assert.isTrue(datagrams.every(({ arrived, sent }) => arrived! >= sent + 2 && arrived! <= sent + 20))
      const text = yield* demo("misorder")
      assert.include(text, `received  ${order.join(" ")}\n${late.length} arrived after a later one.`)
    })
  )

  it.live("misorder --faults --capture writes equal captures, with the planned loss also in the diagram", () =>
    Effect.gen(function* () {
      const { inRoot } = yield* directory()
      const runs = yield* Effect.forEach(["one", "two"], (name) =>
        Effect.map(demo("misorder", "--faults", "drop=#3", "--capture", inRoot(name)), (text) => ({
          text,
          bytes: Fs.readFileSync(inRoot(name))
        }))
      )
      assert.deepStrictEqual(runs[0], runs[1])
      assert.match(runs[0]!.text, /^ +10\.0 +3 ---x$/m)
      const { stdout } = yield* Cli.runInProcess(["capture", "read", inRoot("one")])
      const lost = stdout.split("\n").filter((line) => line.includes("drop"))
      assert.lengthOf(lost, 1)
      assert.include(lost[0]!, "0.010000000")
    })
  )
})
