import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scheduler from "effect/Scheduler"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Board from "../../src/board/Board.ts"
import * as Grid from "../../src/board/Grid.ts"
import { Ask, type Told } from "../../src/board/Message.ts"
import * as SimScheduler from "../../src/simulation/runtime/SimScheduler.ts"
import * as History from "./History.ts"

const within = (ask: Ask, size: number): Ask =>
  Object.fromEntries(
    Object.entries(ask).map(([name, value]) => [name, typeof value === "number" ? value % size : value])
  ) as Ask

/** A client of a board that remembers what it was told. */
const sit = Effect.fnUntraced(function* (board: Board.Board, id: number) {
  const answers: Array<Told> = []
  const pushed: Array<Told> = []
  const answer = yield* board.attach({ id, remote: "here", seed: id }, (told) => pushed.push(told))
  return {
    answers,
    pushed,
    ask: (ask: Ask) => Effect.tap(answer(ask), (told) => Effect.sync(() => answers.push(told)))
  }
})

const alone = Effect.flatMap(Board.make({ size: 3 }), (board) => sit(board, 1))

describe("Board", () => {
  it.effect("numbers are given with the first hello, claim or swap, and to nobody twice", () =>
    Effect.gen(function* () {
      const board = yield* Board.make()
      const [one, two, three] = [yield* sit(board, 1), yield* sit(board, 2), yield* sit(board, 3)]
      assert.include(yield* three.ask({ _tag: "Claim", x: 0, y: 0 }), { by: 1 })
      yield* one.ask({ _tag: "Board" })
      yield* one.ask({ _tag: "Watch" })
      assert.deepStrictEqual(yield* two.ask({ _tag: "Hello" }), { _tag: "Hello", number: 2, size: 5 })
      assert.include(yield* one.ask({ _tag: "Swap", x: 1, y: 1, toX: 2, toY: 2 }), { _tag: "Refused", by: 3 })
      assert.include(yield* three.ask({ _tag: "Hello" }), { number: 1 })
    })
  )

  it.effect("a claim succeeds once, also for its owner; a row only while all of it is vacant", () =>
    Effect.gen(function* () {
      const { ask, answers } = yield* alone
      yield* ask({ _tag: "Claim", x: 2, y: 1 })
      yield* ask({ _tag: "Claim", x: 2, y: 1 })
      yield* ask({ _tag: "ClaimRow", y: 1 })
      yield* ask({ _tag: "ClaimRow", y: 0 })
      yield* ask({ _tag: "Board" })
      assert.deepStrictEqual(answers, [
        { _tag: "Claimed", x: 2, y: 1, by: 1, change: 1 },
        { _tag: "Occupied", x: 2, y: 1, by: 1 },
        { _tag: "Occupied", x: 2, y: 1, by: 1 },
        { _tag: "RowClaimed", y: 0, by: 1, change: 2 },
        {
          _tag: "Drawn",
          grid: [
            [1, 1, 1],
            [0, 0, 1],
            [0, 0, 0]
          ],
          change: 2
        }
      ])
    })
  )

  it.effect("a swap needs one of the two squares, and takes a vacant one, too", () =>
    Effect.gen(function* () {
      const board = yield* Board.make({ size: 2 })
      const [one, two] = [yield* sit(board, 1), yield* sit(board, 2)]
      yield* one.ask({ _tag: "ClaimRow", y: 0 })
      assert.include(yield* two.ask({ _tag: "Swap", x: 0, y: 0, toX: 0, toY: 1 }), { _tag: "Refused" })
      yield* two.ask({ _tag: "Claim", x: 0, y: 1 })
      assert.include(yield* two.ask({ _tag: "Swap", x: 0, y: 0, toX: 0, toY: 1 }), { _tag: "Swapped", change: 3 })
      assert.include(yield* one.ask({ _tag: "Swap", x: 1, y: 0, toX: 1, toY: 1 }), { _tag: "Swapped", change: 4 })
      assert.deepInclude(yield* one.ask({ _tag: "Board" }), {
        grid: [
          [2, 0],
          [1, 1]
        ]
      })
    })
  )

  it.effect("a client that has left is told nothing, and its squares stay", () =>
    Effect.gen(function* () {
      const board = yield* Board.make({ size: 2 })
      const scope = yield* Scope.make()
      const gone = yield* Scope.provide(sit(board, 1), scope)
      yield* gone.ask({ _tag: "Watch" })
      yield* gone.ask({ _tag: "Claim", x: 0, y: 0 })
      yield* Scope.close(scope, Exit.void)
      const one = yield* sit(board, 2)
      assert.include(yield* one.ask({ _tag: "Claim", x: 0, y: 0 }), { _tag: "Occupied", by: 1 })
      yield* one.ask({ _tag: "Claim", x: 1, y: 1 })
      assert.deepStrictEqual(
        gone.pushed.map(({ _tag }) => _tag),
        ["Watching", "Seen"]
      )
    })
  )

  /** Any two commands may overlap, anywhere: another fiber may have its turn after every step. */
  const mixed = (seed: number) =>
    Effect.provideService(Scheduler.Scheduler, SimScheduler.make({ seed, preempt: 0.2 }).scheduler)
  const Clients = Schema.Array(Schema.Array(Ask).check(Schema.isMaxLength(12))).check(Schema.isMaxLength(6))
  const Size = Schema.Int.check(Schema.isBetween({ minimum: 2, maximum: 4 }))

  it.effect.prop(
    "wherever clients overtake each other, changes happen one after the other, and watchers see them all",
    [Clients, Size, Schema.Natural],
    ([clients, size, seed]) =>
      Effect.gen(function* () {
        const board = yield* Board.make({ size })
        const watcher = yield* sit(board, 0)
        yield* watcher.ask({ _tag: "Watch" })
        const heard = yield* Effect.forEach(
          clients,
          Effect.fnUntraced(function* (asks, at) {
            const client = yield* sit(board, at + 1)
            for (const ask of asks) yield* client.ask(within(ask, size))
            return client
          }),
          { concurrency: "unbounded" }
        )
        const grids = History.check(size, [watcher, ...heard])
        const last = yield* watcher.ask({ _tag: "Board" })
        assert.deepStrictEqual(last, { _tag: "Drawn", grid: grids.at(-1)!, change: grids.length - 1 })
      }).pipe(Effect.scoped, mixed(seed)),
    { arbitrary: { runs: 300 } }
  )

  it.effect.prop(
    "of all who claim everything, in rows and squares, each square has one owner, and everybody is told the truth",
    [Size, Schema.Natural],
    ([size, seed]) =>
      Effect.gen(function* () {
        const board = yield* Board.make({ size })
        const all: ReadonlyArray<Ask> = Grid.empty(size).flatMap(
          (row, y): ReadonlyArray<Ask> => [
            ...row.map((_, x) => ({ _tag: "Claim", x, y }) as const),
            { _tag: "ClaimRow", y }
          ]
        )
        const heard = yield* Effect.forEach(
          [1, 2, 3, 4, 5],
          Effect.fnUntraced(function* (id) {
            const client = yield* sit(board, id)
            for (let i = 0; i < all.length; i++) yield* client.ask(all[(i * (size + 2) * id + id) % all.length]!)
            for (const ask of all) yield* client.ask(ask)
            return client
          }),
          { concurrency: "unbounded" }
        )
        const final = History.check(size, heard).at(-1)!
        for (const told of heard.flatMap(({ answers }) => answers)) {
          if (told._tag === "Occupied") assert.strictEqual(told.by, Grid.owner(final, told))
          if (told._tag === "Claimed") assert.strictEqual(told.by, Grid.owner(final, told))
          if (told._tag === "RowClaimed") assert.deepStrictEqual(new Set(final[told.y]), new Set([told.by]))
        }
        assert.notInclude(final.flat(), Grid.vacant)
      }).pipe(Effect.scoped, mixed(seed)),
    { arbitrary: { runs: 50 } }
  )
})
