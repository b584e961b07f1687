import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scheduler from "effect/Scheduler"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Board from "../../src/board/Board.ts"
import * as Grid from "../../src/board/Grid.ts"
import { Ask, type Message } from "../../src/board/Message.ts"
import * as SimScheduler from "../../src/simulation/runtime/SimScheduler.ts"
import * as History from "./History.ts"

const within = (ask: Ask, size: number): Ask =>
  Object.fromEntries(
    Object.entries(ask).map(([name, value]) => [name, typeof value === "number" ? value % size : value])
  ) as Ask

/** Attaches a client that records its messages. */
const attach = Effect.fnUntraced(function* (board: Board.Board, id: number) {
  const answers: Array<Message> = []
  const pushed: Array<Message> = []
  const answer = yield* board.attach({ id, remote: "here", seed: id }, (message) => pushed.push(message))
  return {
    answers,
    pushed,
    ask: (ask: Ask) => Effect.tap(answer(ask), (message) => Effect.sync(() => answers.push(message)))
  }
})

const attachAlone = Effect.flatMap(Board.make({ size: 3 }), (board) => attach(board, 1))

describe("Board", () => {
  it.effect("numbers clients at their first hello, claim or swap, each once", () =>
    Effect.gen(function* () {
      const board = yield* Board.make()
      const [one, two, three] = [yield* attach(board, 1), yield* attach(board, 2), yield* attach(board, 3)]
      assert.include(yield* three.ask({ _tag: "Claim", x: 0, y: 0 }), { by: 1 })
      yield* one.ask({ _tag: "Board" })
      yield* one.ask({ _tag: "Watch" })
      assert.deepStrictEqual(yield* two.ask({ _tag: "Hello" }), { _tag: "Hello", number: 2, size: 5 })
      assert.include(yield* one.ask({ _tag: "Swap", x: 1, y: 1, toX: 2, toY: 2 }), { _tag: "Refused", by: 3 })
      assert.include(yield* three.ask({ _tag: "Hello" }), { number: 1 })
    })
  )

  it.effect("allows a claim of a vacant square, and of a row with vacant squares only", () =>
    Effect.gen(function* () {
      const { ask, answers } = yield* attachAlone
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
          _tag: "Snapshot",
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

  it.effect("allows a swap if the client owns one of the squares; the other may be vacant", () =>
    Effect.gen(function* () {
      const board = yield* Board.make({ size: 2 })
      const [one, two] = [yield* attach(board, 1), yield* attach(board, 2)]
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

  it.effect("sends nothing to a disconnected client and keeps its squares", () =>
    Effect.gen(function* () {
      const board = yield* Board.make({ size: 2 })
      const scope = yield* Scope.make()
      const leaver = yield* Scope.provide(attach(board, 1), scope)
      yield* leaver.ask({ _tag: "Watch" })
      yield* leaver.ask({ _tag: "Claim", x: 0, y: 0 })
      yield* Scope.close(scope, Exit.void)
      const one = yield* attach(board, 2)
      assert.include(yield* one.ask({ _tag: "Claim", x: 0, y: 0 }), { _tag: "Occupied", by: 1 })
      yield* one.ask({ _tag: "Claim", x: 1, y: 1 })
      assert.deepStrictEqual(
        leaver.pushed.map(({ _tag }) => _tag),
        ["Watching", "Seen"]
      )
    })
  )

  /** Provides a scheduler that may switch to another fiber after every step. */
  const interleaved = (seed: number) =>
    Effect.provideService(Scheduler.Scheduler, SimScheduler.make({ seed, preempt: 0.2 }).scheduler)
  const Clients = Schema.Array(Schema.Array(Ask).check(Schema.isMaxLength(12))).check(Schema.isMaxLength(6))
  const Size = Schema.Int.check(Schema.isBetween({ minimum: 2, maximum: 4 }))

  it.effect.prop(
    "serializes the changes of concurrent clients, and sends all of them to watchers",
    [Clients, Size, Schema.Natural],
    ([clients, size, seed]) =>
      Effect.gen(function* () {
        const board = yield* Board.make({ size })
        const watcher = yield* attach(board, 0)
        yield* watcher.ask({ _tag: "Watch" })
        const observed = yield* Effect.forEach(
          clients,
          Effect.fnUntraced(function* (asks, at) {
            const client = yield* attach(board, at + 1)
            for (const ask of asks) yield* client.ask(within(ask, size))
            return client
          }),
          { concurrency: "unbounded" }
        )
        const grids = History.check(size, [watcher, ...observed])
        const last = yield* watcher.ask({ _tag: "Board" })
        assert.deepStrictEqual(last, { _tag: "Snapshot", grid: grids.at(-1)!, change: grids.length - 1 })
      }).pipe(Effect.scoped, interleaved(seed)),
    { arbitrary: { runs: 300 } }
  )

  it.effect.prop(
    "gives each square one owner if all clients claim everything, and answers every claim correctly",
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
        const observed = yield* Effect.forEach(
          [1, 2, 3, 4, 5],
          Effect.fnUntraced(function* (id) {
            const client = yield* attach(board, id)
            for (let i = 0; i < all.length; i++) yield* client.ask(all[(i * (size + 2) * id + id) % all.length]!)
            for (const ask of all) yield* client.ask(ask)
            return client
          }),
          { concurrency: "unbounded" }
        )
        const final = History.check(size, observed).at(-1)!
        for (const answer of observed.flatMap(({ answers }) => answers)) {
          if (answer._tag === "Occupied") assert.strictEqual(answer.by, Grid.owner(final, answer))
          if (answer._tag === "Claimed") assert.strictEqual(answer.by, Grid.owner(final, answer))
          if (answer._tag === "RowClaimed") assert.deepStrictEqual(new Set(final[answer.y]), new Set([answer.by]))
        }
        assert.notInclude(final.flat(), Grid.vacantNumber)
      }).pipe(Effect.scoped, interleaved(seed)),
    { arbitrary: { runs: 50 } }
  )
})
