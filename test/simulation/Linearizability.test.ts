import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as History from "../../src/simulation/History.ts"
import * as Linearizability from "../../src/simulation/Linearizability.ts"

type Op = "read" | "add" | "clear"

/** A counter that can be read, incremented and cleared. */
const spec: Linearizability.Spec<number, Op, number> = {
  initial: 0,
  apply: (n, op) => (op === "read" ? [n, n] : op === "add" ? [n + 1, n + 1] : [0, 0])
}

type Call = History.Call<Op, number>

/** Creates a history from rows of `client op invoked returned result`. */
const history = (...lines: ReadonlyArray<readonly [string, Op, number, number?, number?]>): ReadonlyArray<Call> =>
  lines.map(([client, op, invoked, at, result]) => ({
    client,
    op,
    invoked,
    returned: at === undefined ? undefined : { at, result: result! }
  }))

function* permutations<A>(items: ReadonlyArray<A>): Generator<ReadonlyArray<A>> {
  if (items.length === 0) yield []
  for (const [index, item] of items.entries()) {
    for (const rest of permutations(items.toSpliced(index, 1))) yield [item, ...rest]
  }
}

function* subsets<A>(items: ReadonlyArray<A>): Generator<ReadonlyArray<A>> {
  for (let bits = 0; bits < 1 << items.length; bits++) yield items.filter((_, index) => (bits >> index) & 1)
}

/** Returns true if an order respects the times and explains every result. */
const explains = (order: ReadonlyArray<Call>) => {
  let state = spec.initial
  return order.every(({ op, returned }, index) => {
    const [next, result] = spec.apply(state, op)
    state = next
    const isBefore = order.slice(index + 1).every((later) => order[index]!.invoked < (later.returned?.at ?? Infinity))
    return isBefore && (returned === undefined || returned.result === result)
  })
}

const bruteForce = (calls: ReadonlyArray<Call>): boolean => {
  const known = calls.filter(({ returned }) => returned !== undefined)
  for (const maybe of subsets(calls.filter(({ returned }) => returned === undefined))) {
    for (const order of permutations([...known, ...maybe])) if (explains(order)) return true
  }
  return false
}

const upTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))

const ops: ReadonlyArray<Op> = ["read", "add", "add", "clear"]

/**
 * Moves of clients: an idle client invokes, a waiting one returns. Operations take effect early or late; some results
 * are wrong.
 */
const Moves = Schema.Array(Schema.Struct({ client: upTo(2), op: upTo(3), isLate: Schema.Boolean, lie: upTo(9) })).check(
  Schema.isMinLength(4),
  Schema.isMaxLength(11)
)

const historyOf = (moves: typeof Moves.Type): ReadonlyArray<Call> => {
  const recorder = History.make<Op, number>()
  const open = new Map<number, (lie: number) => void>()
  let state = spec.initial
  const run = (op: Op) => {
    const [next, result] = spec.apply(state, op)
    state = next
    return result
  }
  for (const { client, isLate, lie, op: index } of moves) {
    const answer = open.get(client)
    const op = ops[index]!
    open.delete(client)
    if (answer !== undefined) {
      answer(lie === 0 ? 1 : 0)
    } else {
      const returns = recorder.invoke(client, op)
      const early = isLate ? undefined : run(op)
      open.set(client, (lie) => returns((early ?? run(op)) + lie))
    }
  }
  return recorder.history()
}

describe("Linearizability", () => {
  const verdicts = new Map<string, number>()
  it.effect.prop(
    "agrees with a brute-force search",
    [Moves],
    ([moves]) =>
      Effect.sync(() => {
        const calls = historyOf(moves)
        const isLinearizable = bruteForce(calls)
        for (const key of [undefined, (n: number) => `${n}`]) {
          const verdict = Linearizability.check({ ...spec, key }, calls)
          verdicts.set(verdict._tag, (verdicts.get(verdict._tag) ?? 0) + 1)
          assert.strictEqual(verdict._tag, isLinearizable ? "Linearizable" : "NotLinearizable")
          if (verdict._tag === "Linearizable") assert.isTrue(explains(verdict.order))
          if (verdict._tag === "NotLinearizable") {
            assert.isTrue(explains(verdict.prefix))
            assert.isNotEmpty(verdict.mismatches)
          }
        }
      }),
    { arbitrary: { runs: 400 } }
  )

  it("is tested with many histories of both verdicts", () => {
    assert.isAbove(verdicts.get("Linearizable") ?? 0, 100)
    assert.isAbove(verdicts.get("NotLinearizable") ?? 0, 50)
  })

  it("distinguishes states reached by the same operations", () => {
    for (const read of [0, 1]) {
      const seen = history(["a", "add", 1, 3, 1], ["b", "clear", 2, 4, 0], ["c", "read", 5, 6, read])
      assert.strictEqual(Linearizability.check(spec, seen)._tag, "Linearizable")
    }
  })

  it("explain names the mismatching calls and the expected results", () => {
    const stale = history(["alice", "add", 1, 2, 1], ["bob", "read", 3, 5, 0], ["carol", "add", 4, 6, 2])
    const verdict = Linearizability.check(spec, stale)
    assert.strictEqual(
      Linearizability.explain(verdict),
      [
        "not linearizable: no sequential order explains the results",
        "  happened    alice: add = 1 (from 1 to 2)",
        "  happened    carol: add = 2 (from 4 to 6)",
        "  impossible  bob: read = 0 (from 3 to 5), but expected 2"
      ].join("\n")
    )
  })

  it("lets a call that never returned take effect late, or not at all", () => {
    const dead: readonly [string, Op, number] = ["dead", "add", 1]
    const seen = history(dead, ["bob", "read", 2, 3, 0], ["bob", "read", 4, 5, 1])
    assert.strictEqual(Linearizability.check(spec, seen)._tag, "Linearizable")
    const unseen = Linearizability.check(spec, history(dead, ["bob", "read", 2, 3, 0]))
    assert.deepStrictEqual(unseen._tag === "Linearizable" && unseen.order.map(({ client }) => client), ["bob"])
    const undone = history(dead, ["bob", "read", 2, 3, 1], ["bob", "read", 4, 5, 0])
    assert.strictEqual(Linearizability.check(spec, undone)._tag, "NotLinearizable")
  })

  const many = (count: number) =>
    history(
      ...Array.from({ length: count }, (_, at) => [`${at}`, "add", at + 1, 2 * count - at, (at * 7) % count] as const)
    )

  it("returns TooLarge beyond maxStates", () => {
    const verdict = Linearizability.check(
      { initial: "", apply: (all, op: number) => [`${all} ${op}`, 0] },
      Array.from({ length: 30 }, (_, at) => ({
        client: at,
        op: at,
        invoked: at,
        returned: { at: 100 + at, result: at === 29 ? 1 : 0 }
      })),
      { maxStates: 5_000 }
    )
    assert.deepStrictEqual(verdict, { _tag: "TooLarge", maxStates: 5_000 })
    assert.match(Linearizability.explain(verdict)!, /^no verdict: more than 5000 search states/)
  })

  it("caches states: sixteen concurrent calls need at most sixteen search states per state", () => {
    const verdict = Linearizability.check(spec, many(16), { maxStates: 70_000 })
    assert.strictEqual(verdict._tag, "NotLinearizable")
  })

  it.effect("records an effect that fails or is interrupted as never returned", () =>
    Effect.gen(function* () {
      const recorder = History.make<Op, number>()
      yield* recorder.record("a", "read", Effect.succeed(1))
      yield* Effect.flip(recorder.record("b", "add", Effect.fail("no")))
      const fiber = yield* Effect.forkChild(recorder.record("c", "clear", Effect.never), { startImmediately: true })
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(
        History.format(recorder.history()),
        ["a: read = 1 (from 1 to 2)", "b: add (from 3, never returned)", "c: clear (from 4, never returned)"].join("\n")
      )
    })
  )
})
