import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as InFlight from "../../src/farm/InFlight.ts"

const Key = Schema.Literals([0, 1, 2, 3, 4])

const Operation = Schema.Union([
  Schema.TaggedStruct("Add", { key: Key }),
  Schema.TaggedStruct("Take", { key: Key }),
  Schema.TaggedStruct("TakeAll", {}),
  Schema.TaggedStruct("Cancel", { keys: Schema.Array(Key) })
])

interface Model {
  readonly key: number
  readonly value: string
  readonly cancelledAt: number | undefined
}

const isOdd = (value: string) => Number(value) % 2 === 1

const makeTable = (...values: ReadonlyArray<string>) => {
  const table = InFlight.make<number, string>()
  for (const [key, value] of values.entries()) InFlight.add(table, key, value)
  return table
}

/** Forks a wait; returns whether it has ended. */
const fork = (wait: Effect.Effect<void>) =>
  Effect.map(Effect.forkChild(wait, { startImmediately: true }), (fiber) => ({
    fiber,
    hasEnded: () => fiber.pollUnsafe() !== undefined
  }))

describe("InFlight", () => {
  it.prop("agrees with a list of tasks after any operations", [Schema.Array(Operation)], ([operations]) => {
    const table = InFlight.make<number, string>()
    let model: ReadonlyArray<Model> = []
    for (const [now, operation] of operations.entries()) {
      switch (operation._tag) {
        case "Add":
          if (model.some(({ key }) => key === operation.key)) break
          InFlight.add(table, operation.key, `${now}`)
          model = [...model, { key: operation.key, value: `${now}`, cancelledAt: undefined }]
          break
        case "Take": {
          const expected = model.find(({ key }) => key === operation.key)?.value
          assert.strictEqual(InFlight.take(table, operation.key), expected)
          model = model.filter(({ key }) => key !== operation.key)
          break
        }
        case "TakeAll":
          assert.deepStrictEqual(
            InFlight.takeAll(table),
            model.map(({ key, value }) => [key, value] as const)
          )
          model = []
          break
        case "Cancel": {
          const expected = [...new Set(operation.keys)].filter((wanted) =>
            model.some(({ cancelledAt, key }) => key === wanted && cancelledAt === undefined)
          )
          assert.deepStrictEqual(InFlight.cancelAll(table, operation.keys, now), expected)
          model = model.map((one) => (expected.some((key) => key === one.key) ? { ...one, cancelledAt: now } : one))
        }
      }
      const cancelled = model.filter(({ cancelledAt }) => cancelledAt !== undefined)
      assert.deepStrictEqual(
        [...table.entries],
        model.map(({ key, value }) => [key, value])
      )
      assert.deepStrictEqual(
        InFlight.keysOf(table, isOdd),
        model.flatMap(({ key, value }) => (isOdd(value) ? [key] : []))
      )
      assert.sameDeepMembers(
        [...table.cancelledAt],
        cancelled.map(({ cancelledAt, key }) => [key, cancelledAt!])
      )
      assert.strictEqual(
        InFlight.isOverdue(table, now, 2),
        cancelled.some(({ cancelledAt }) => now - cancelledAt! >= 2)
      )
      assert.strictEqual(table.onRemoved.size, 0)
    }
  })

  it.effect("waits until the last task has been taken, and at once without tasks", () =>
    Effect.gen(function* () {
      const table = makeTable("1", "2")
      const one = yield* fork(InFlight.idle(table))
      const two = yield* fork(InFlight.idle(table))
      InFlight.take(table, 0)
      yield* Effect.yieldNow
      assert.isFalse(one.hasEnded())
      InFlight.take(table, 1)
      yield* Effect.forEach([one, two], ({ fiber }) => Fiber.join(fiber))
      yield* InFlight.idle(table)
      assert.strictEqual(table.onRemoved.size, 0)
    })
  )

  it.effect("waits for the tasks that satisfy a condition, and until all are taken at once", () =>
    Effect.gen(function* () {
      const table = makeTable("1", "2")
      yield* InFlight.idle(table, (value) => value === "3")
      const odd = yield* fork(InFlight.idle(table, isOdd))
      const all = yield* fork(InFlight.idle(table))
      InFlight.take(table, 0)
      yield* Fiber.join(odd.fiber)
      assert.isFalse(all.hasEnded())
      InFlight.takeAll(table)
      yield* Fiber.join(all.fiber)
    })
  )

  it.effect("forgets an interrupted wait", () =>
    Effect.gen(function* () {
      const table = makeTable("1")
      const { fiber } = yield* fork(InFlight.idle(table))
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(table.onRemoved.size, 0)
    })
  )
})
