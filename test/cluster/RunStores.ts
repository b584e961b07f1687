/** The checks of every table of runs. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type RunSpec, RunStore } from "../../src/cluster/RunStore.ts"

const spec = (key: string, changes: Partial<RunSpec> = {}): RunSpec => ({
  ...{ pool: "p", key, job: { name: "sum", version: 1 }, input: "[1]", attempt: 1 },
  ...changes
})

const failure = <A, E extends { readonly message: string }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.orDie(Effect.flip(effect)), ({ message }) => message)

export const checks: Readonly<Record<string, Effect.Effect<void, { readonly message: string }, RunStore>>> = {
  "a host that takes a run over refuses the writes of the earlier one": Effect.gen(function* () {
    const store = yield* RunStore
    const first = yield* store.begin(spec("over"))
    assert.deepInclude(first, { epoch: 1, state: "running", done: 0, total: undefined })
    assert.isUndefined(yield* store.read(first))
    assert.isTrue(yield* store.write(first, ["{}"], { done: 3, total: 10, skipped: 2 }))
    const second = yield* store.begin(spec("over"))
    assert.deepInclude(second, { epoch: 2, done: 3, total: 10, skipped: 2 })
    assert.isFalse(yield* store.write(first, ["late"], { done: 9, total: 10, skipped: 3 }))
    assert.strictEqual(yield* store.read(first), "{}")
    assert.isFalse(yield* store.end(first, { state: "done", output: "0" }))
    assert.isTrue(yield* store.end(second, { state: "done", output: "55" }))
    assert.deepInclude(yield* store.find(spec("over")), { state: "done", output: "55", skipped: 2 })
    assert.isUndefined(yield* store.read(first))
  }),

  "a checkpoint of many megabytes is replaced at once, and not by an earlier host": Effect.gen(function* () {
    const store = yield* RunStore
    const units = { done: 1, total: 1, skipped: 0 }
    const first = yield* store.begin(spec("large"))
    const texts = [["a".repeat(1e6), "b".repeat(1_500_000), "c"], ["\u{1f600}", "\u00e9".repeat(1e6)], ["d"], []]
    const textOf = (parts: ReadonlyArray<string> | undefined) => parts?.join("")
    for (const parts of texts) {
      assert.isTrue(yield* store.write(first, parts, units))
      assert.isTrue((yield* store.read(first)) === textOf(parts))
    }
    const [long = [], short = []] = texts
    yield* store.write(first, long, units)
    const second = yield* store.begin(spec("large"))
    assert.isFalse(yield* store.write(first, [...long, "late"], units))
    assert.isTrue((yield* store.read(second)) === textOf(long))
    assert.isTrue(yield* store.write(second, short, units))
    assert.isFalse(yield* store.write(first, long, units))
    assert.isTrue((yield* store.read(second)) === textOf(short))
    yield* store.end(second, { state: "done", output: "0" })
    assert.isUndefined(yield* store.read(second))
  }),

  "a run that is done has its output for ever": Effect.gen(function* () {
    const store = yield* RunStore
    const lease = yield* store.begin(spec("done"))
    yield* store.end(lease, { state: "done", output: "55", skipped: 4 })
    assert.deepInclude(yield* store.begin(spec("done", { attempt: 2 })), {
      state: "done",
      output: "55",
      epoch: 1,
      skipped: 4
    })
    assert.isFalse(yield* store.cancel(spec("done")))
  }),

  "a run that failed or was cancelled continues from its checkpoint with the next attempt only": Effect.gen(
    function* () {
      const store = yield* RunStore
      for (const state of ["failed", "cancelled"] as const) {
        const lease = yield* store.begin(spec(state))
        yield* store.write(lease, ["{}"], { done: 1, total: undefined, skipped: 0 })
        yield* store.end(lease, { state, ...(state === "failed" ? { error: "no" } : {}) })
        assert.deepInclude(yield* store.begin(spec(state)), { state, epoch: 1 })
        const again = yield* store.begin(spec(state, { attempt: 2 }))
        assert.deepInclude(again, { state: "running", epoch: 2, attempt: 2, error: undefined })
        assert.strictEqual(yield* store.read(again), "{}")
      }
    }
  ),

  "a run without a host can be cancelled, and its host writes no more": Effect.gen(function* () {
    const store = yield* RunStore
    const lease = yield* store.begin(spec("cancel"))
    assert.isTrue(yield* store.cancel(spec("cancel")))
    assert.isFalse(yield* store.write(lease, ["{}"], { done: 1, total: 1, skipped: 0 }))
    assert.isFalse(yield* store.cancel(spec("cancel")))
    assert.isFalse(yield* store.cancel(spec("unknown")))
  }),

  "a key belongs to one job, version and input": Effect.gen(function* () {
    const store = yield* RunStore
    yield* store.begin(spec("key"))
    assert.strictEqual(
      yield* failure(store.begin(spec("key", { input: "[2]" }))),
      "run key exists already: it is sum 1 of [1], not sum 1 of [2]; choose another key"
    )
    const other = spec("key", { job: { name: "sum", version: 2 } })
    assert.match(yield* failure(store.begin(other)), /it is sum 1 of \[1\], not sum 2 of \[1\]/)
    assert.deepInclude(yield* store.begin(spec("key", { pool: "q", input: "[2]" })), { epoch: 1 })
  }),

  "lists the runs of a pool and removes those that ended long ago": Effect.gen(function* () {
    const store = yield* RunStore
    yield* store.begin(spec("runs", { pool: "old" }))
    yield* store.end(yield* store.begin(spec("ended", { pool: "old" })), { state: "done", output: "1" })
    assert.sameMembers(
      (yield* store.list("old")).map(({ key }) => key),
      ["runs", "ended"]
    )
    const [{ updatedMillis } = assert.fail("no run")] = yield* store.list("old")
    assert.strictEqual(yield* store.prune("old", updatedMillis - 60_000), 0)
    assert.strictEqual(yield* store.prune("old", updatedMillis + 60_000), 1)
    assert.deepStrictEqual(
      (yield* store.list("old")).map(({ key }) => key),
      ["runs"]
    )
  })
}
