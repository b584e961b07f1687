import { execFile } from "node:child_process"
import * as Path from "node:path"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as NodeSimIsolation from "../../src/simulation/NodeSimIsolation.ts"
import { traceHash } from "../support/simulation/traced.ts"

const root = Path.resolve(import.meta.dirname, "../..")

/** Runs a program of this repository in a process of its own and returns what it prints. */
const output = (...args: ReadonlyArray<string>) =>
  Effect.map(
    Effect.promise(() => promisify(execFile)(process.execPath, args, { cwd: root })),
    ({ stdout }) => stdout
  )

describe("NodeSimIsolation", () => {
  it.live("begins the ids of requests anew in each run, and keeps those of the process", () =>
    Effect.gen(function* () {
      const rpcIds = "test/support/simulation/rpcIds.ts"
      const [isolated, plain] = yield* Effect.all(
        [output("--import", "./test/support/simulation/isolated.ts", rpcIds), output(rpcIds)],
        { concurrency: 2 }
      )
      // Of the process, of a run, of the process, of a run.
      assert.deepStrictEqual(JSON.parse(isolated), [
        [0, 1, 2],
        [0, 1, 2],
        [3, 4, 5],
        [0, 1, 2]
      ])
      assert.deepStrictEqual(JSON.parse(plain)[3], [9, 10, 11])
    })
  )

  it("makes counters known, and leaves other modules as they are", () => {
    const evaluate = (source: string) => {
      const registry: Array<{ get: () => unknown; set: (values: unknown) => void; initial: unknown }> = []
      const body = NodeSimIsolation.transform(source)
        .replace(/^export /gm, "")
        .replace(/globalThis\[Symbol\.for\("[^"]*"\)\]/, "registry")
      const next = new Function("registry", `${body}\nreturn typeof next === "function" ? next : () => {}`)(registry)
      return { next: next as () => unknown, registry }
    }
    const { next, registry } = evaluate(
      "let a = 3\nexport let b: bigint = 4n;\nconst next = () => [a++, b++]".replace(": bigint", "")
    )
    assert.deepStrictEqual(registry[0]!.initial, [3, 4n])
    next()
    assert.deepStrictEqual(registry[0]!.get(), [4, 5n])
    registry[0]!.set([7, 8n])
    assert.deepStrictEqual(next(), [7, 8n])
    for (const other of ["const a = 1", "function f() {\n  let a = 0\n}", 'let text = "0"', "let a = 0 + f()"]) {
      assert.strictEqual(NodeSimIsolation.transform(other), other)
    }
    // A line of a text is not a variable.
    assert.deepStrictEqual(evaluate("const text = `\nlet phantom = 0\n`").registry, [])
  })
})

describe("processes with one seed", () => {
  it.live("make the same run as each other, and as the second run of another process", () =>
    Effect.gen(function* () {
      const silent = Effect.provide(traceHash(7), Logger.layer([]))
      yield* silent
      const here = yield* silent
      assert.include(yield* output("scripts/check/same-traces.ts", "3", "7"), `3 processes: ${here}\nequal`)
      assert.notStrictEqual(yield* Effect.provide(traceHash(8), Logger.layer([])), here)
    })
  )
})
