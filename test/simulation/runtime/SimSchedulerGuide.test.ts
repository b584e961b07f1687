/** Runs the code of the guide to interleavings. */
import * as Fs from "node:fs"
import { assert, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as History from "../../../src/simulation/History.ts"
import * as Linearizability from "../../../src/simulation/Linearizability.ts"
import * as SimScheduler from "../../../src/simulation/runtime/SimScheduler.ts"

const sale = Effect.gen(function* () {
  const left = yield* Ref.make(1)
  const buy = Effect.fnUntraced(function* (name: string) {
    if ((yield* Ref.get(left).pipe(SimScheduler.step("look"))) === 0) return []
    yield* Ref.update(left, (n) => n - 1).pipe(SimScheduler.step("take"))
    return [name]
  })
  const buyers = ["alice", "bob"].map((name) => buy(name).pipe(SimScheduler.label(name)))
  return (yield* Effect.all(buyers, { concurrency: "unbounded" })).flat()
})

const sold = (sold: ReadonlyArray<string>) => (sold.length === 1 ? undefined : `sold to ${sold.join(" and ")}`)

const spec: Linearizability.Spec<number, "read" | "add", number> = {
  initial: 0,
  apply: (n, op) => (op === "read" ? [n, n] : [n + 1, n + 1])
}

const clients = Effect.gen(function* () {
  const counter = yield* Ref.make(0)
  const recorder = History.make<"read" | "add", number>()
  const add = Effect.flatMap(Ref.get(counter), (n) => Effect.as(Ref.set(counter, n + 1), n + 1))
  yield* Effect.all([recorder.record("alice", "add", add), recorder.record("bob", "add", add)], { concurrency: 2 })
  yield* recorder.record("carol", "read", Ref.get(counter))
  return recorder.history()
})

const check = (history: History.History<"read" | "add", number>) =>
  Linearizability.explain(Linearizability.check(spec, history))

const guide = Fs.readFileSync(new URL("../../../docs/guide/interleavings.md", import.meta.url), "utf8")
const outputs = [...guide.matchAll(/```text\n(.*?)```/gs)].map(([, text]) => text!.trimEnd())
const codes = [...guide.matchAll(/```ts\n(.*?)```/gs)].map(([, text]) => text!)

const messageOf = <A, E>(program: Effect.Effect<A, E>, check: SimScheduler.Options<A>["check"]) =>
  SimScheduler.explore(program, { check }).pipe(
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env: {} })),
    Effect.flip,
    Effect.map(({ message }) => message)
  )

/** Removes the seed, which may differ with another version of Effect. */
const withoutSeed = (text: string) =>
  text
    .replace(/seed \d+, run \d+; (?:shrunk from \d+ switches to )?(\d+)[^)]*/, "$1 switches")
    .replace(/SIM_SEED=\d+/, "SIM_SEED=n")

it.effect("the guide's ticket sale prints the guide's output", () =>
  Effect.gen(function* () {
    assert.deepStrictEqual(yield* sale, ["alice"])
    assert.strictEqual(withoutSeed(yield* messageOf(sale, sold)), withoutSeed(outputs[0]!))
  })
)

it.effect("the guide's counter prints the guide's output", () =>
  Effect.gen(function* () {
    const lines = withoutSeed(yield* messageOf(clients, check)).split("\n")
    assert.strictEqual(lines.slice(0, 3).join("\n"), withoutSeed(outputs[1]!))
  })
)

it("the guide contains the code above", () => {
  const here = Fs.readFileSync(new URL(import.meta.url), "utf8")
  const [first, second] = codes
  assert.include(here, first!.slice(first!.indexOf("const sale"), first!.indexOf("it.effect(")).trimEnd())
  assert.include(here, second!.trimEnd())
})
