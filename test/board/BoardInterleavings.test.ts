import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Ref from "effect/Ref"
import * as Scope from "effect/Scope"
import * as Board from "../../src/board/Board.ts"
import * as Grid from "../../src/board/Grid.ts"
import type { Ask, Message } from "../../src/board/Message.ts"
import * as History from "../../src/simulation/History.ts"
import * as Linearizability from "../../src/simulation/Linearizability.ts"
import * as SimScheduler from "../../src/simulation/runtime/SimScheduler.ts"

const size = 2

interface Op {
  readonly client: string
  readonly ask: Ask
}

interface State {
  readonly grid: Grid.Grid
  readonly changes: number
  /** Clients by number, from 1. */
  readonly clients: ReadonlyArray<string>
}

type Answer = readonly [State, Message]

const changed = (state: State, change: Grid.Change): Answer => [
  { ...state, grid: Grid.apply(state.grid, change), changes: change.change },
  change
]

const claim = (state: State, squares: ReadonlyArray<Grid.Square>, change: Grid.Change): Answer => {
  const taken = squares.find((square) => Grid.owner(state.grid, square) !== Grid.vacantNumber)
  if (taken === undefined) return changed(state, change)
  return [state, { _tag: "Occupied", x: taken.x, y: taken.y, by: Grid.owner(state.grid, taken) }]
}

const row = (y: number) => Array.from({ length: size }, (_, x) => ({ x, y }))

/** Sequential specification of the board. */
const apply = (before: State, { ask, client }: Op): Answer => {
  if (ask._tag === "Board") return [before, { _tag: "Snapshot", grid: before.grid, change: before.changes }]
  const state = before.clients.includes(client) ? before : { ...before, clients: [...before.clients, client] }
  const by = state.clients.indexOf(client) + 1
  const change = state.changes + 1
  switch (ask._tag) {
    case "Hello":
      return [state, { _tag: "Hello", number: by, size }]
    case "Claim":
      return claim(state, [ask], { _tag: "Claimed", x: ask.x, y: ask.y, by, change })
    case "ClaimRow":
      return claim(state, row(ask.y), { _tag: "RowClaimed", y: ask.y, by, change })
    case "Swap": {
      const { toX, toY, x, y } = ask
      const owners = [Grid.owner(state.grid, ask), Grid.owner(state.grid, { x: toX, y: toY })]
      if (!owners.includes(by)) return [state, { _tag: "Refused", x, y, toX, toY, by }]
      return changed(state, { _tag: "Swapped", x, y, toX, toY, by, change })
    }
    case "Watch":
      return [state, { _tag: "Done" }]
  }
}

const spec: Linearizability.Spec<State, Op, Message> = {
  initial: { grid: Grid.empty(size), changes: 0, clients: [] },
  apply,
  key: (state) => JSON.stringify(state)
}

const index = Random.nextBetween(0, size - 0.001).pipe(Effect.map(Math.floor))

const asks = Effect.gen(function* () {
  const [kind, x, y, toX, toY] = yield* Effect.all([Random.nextBetween(0, 5), index, index, index, index])
  const all: ReadonlyArray<Ask> = [
    { _tag: "Claim", x, y },
    { _tag: "Claim", x, y },
    { _tag: "ClaimRow", y },
    { _tag: "Swap", x, y, toX, toY },
    { _tag: "Board" }
  ]
  return all[Math.floor(kind) % all.length]!
})

const show = (message: Ask | Message) => Object.values(message).join(" ")

const names = ["alice", "bob", "carol"]

/** Runs clients concurrently, each with its list of requests. Returns the history and the pushed messages. */
const play = Effect.fnUntraced(function* (board: Board.Board, lists: ReadonlyArray<ReadonlyArray<Ask>>) {
  const recorder = History.make<Op, Message>()
  const seen = lists.map((): Array<Message> => [])
  const client = Effect.fnUntraced(function* (list: ReadonlyArray<Ask>, at: number) {
    const name = names[at]!
    const asks = yield* board.attach({ id: at + 1, remote: name, seed: at }, (message) => seen[at]!.push(message))
    for (const ask of list) {
      yield* recorder.record(name, { client: name, ask }, asks(ask).pipe(SimScheduler.step(show(ask))))
    }
  })
  // Clients stay attached until all requests are done.
  const scope = yield* Scope.Scope
  yield* Effect.all(
    lists.map((list, at) => client(list, at).pipe(Scope.provide(scope), SimScheduler.label(names[at]!))),
    { concurrency: "unbounded" }
  )
  return { history: recorder.history(), seen }
})

/** Board with a race condition: it reads and writes in two steps. */
const racyBoard: Effect.Effect<Board.Board> = Effect.gen(function* () {
  const state = yield* Ref.make(spec.initial)
  return {
    attach: ({ remote }) =>
      Effect.succeed((ask) =>
        Effect.gen(function* () {
          const before = yield* Ref.get(state).pipe(SimScheduler.step("read"))
          const [next, message] = apply(before, { client: remote, ask })
          yield* Ref.set(state, next).pipe(SimScheduler.step("write"))
          return message
        })
      )
  }
})

type Outcome = Effect.Success<ReturnType<typeof play>>

const linear = ({ history }: Outcome) =>
  Linearizability.explain(Linearizability.check(spec, history), { op: ({ ask }) => show(ask), result: show })

/** Returns an error unless each watcher received every change after its first board once, in order. */
const watched = ({ history, seen }: Outcome): string | undefined => {
  const changes = history.flatMap(({ returned }) => {
    const message = returned?.result
    return message !== undefined && "change" in message && "by" in message ? [message as Grid.Change] : []
  })
  for (const [at, message] of seen.entries()) {
    const [first, ...rest] = message
    if (first === undefined) continue
    if (first._tag !== "Watching") return `${names[at]} first received ${JSON.stringify(first)}`
    const expected = changes.filter(({ change }) => change > first.change).sort((a, b) => a.change - b.change)
    const events = rest.map((one) => (one._tag === "Seen" ? one.event : one))
    if (JSON.stringify(events) !== JSON.stringify(expected)) return `${names[at]} saw ${JSON.stringify(events)}`
  }
  return undefined
}

const hello: Ask = { _tag: "Hello" }
const watch: Ask = { _tag: "Watch" }

const random = Effect.gen(function* () {
  const board = yield* Board.make({ size })
  const lists = yield* Effect.all(
    names.map((_, at) => Effect.all([asks, asks, asks, at === 0 ? Effect.succeed(watch) : asks]))
  )
  return yield* play(
    board,
    lists.map(([a, b, c, d]) => [hello, a, d, b, c])
  )
})

const withoutEnvironment = Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env: {} }))

const rivals: ReadonlyArray<ReadonlyArray<Ask>> = [[{ _tag: "Claim", x: 1, y: 0 }], [{ _tag: "Claim", x: 1, y: 0 }]]

describe("Board under interleavings", () => {
  it.effect("is linearizable", () =>
    Effect.gen(function* () {
      const tags = new Set<string>()
      const check = (outcome: Outcome) => {
        for (const { returned } of outcome.history) tags.add(returned!.result._tag)
        return linear(outcome)
      }
      const summary = yield* SimScheduler.explore(random, { runs: 400, preempt: 0.15, check })
      assert.isAbove(summary.interleavings, 300)
      const answers = ["Hello", "Claimed", "RowClaimed", "Swapped", "Occupied", "Refused", "Snapshot", "Done"]
      assert.sameMembers([...tags], answers)
    })
  )

  it.effect("sends watchers every change once, in order", () =>
    SimScheduler.explore(random, { runs: 200, seed: 1_000, check: watched })
  )

  it.effect("gives a square that two clients claim to one of them, and either may win", () =>
    Effect.gen(function* () {
      const winners = new Set<string>()
      const contest = Effect.flatMap(Board.make({ size }), (board) =>
        play(
          board,
          rivals.map((list) => [hello, ...list])
        )
      )
      const check = ({ history }: Outcome) => {
        const won = history.filter(({ returned }) => returned?.result._tag === "Claimed")
        won.forEach(({ client }) => winners.add(`${client}`))
        return won.length === 1 ? undefined : `${won.length} clients own the square`
      }
      yield* SimScheduler.explore(contest, { runs: 100, check })
      assert.sameMembers([...winners], ["alice", "bob"])
    })
  )

  it.effect("differs from a board with a race condition, whose interleaving is shown", () =>
    Effect.gen(function* () {
      const program = Effect.flatMap(racyBoard, (board) => play(board, rivals))
      const plain = yield* Effect.promise(() => Effect.runPromise(Effect.scoped(program)))
      assert.isUndefined(linear(plain), "the default scheduler does not reveal the race")
      const error = yield* Effect.flip(withoutEnvironment(SimScheduler.explore(program, { check: linear })))
      const { decisions, found, run, seed } = error.failure!
      assert.strictEqual(decisions.length, 1)
      assert.strictEqual(
        error.message,
        `
not linearizable: no sequential order explains the results (seed ${seed}, run ${run}; shrunk from ${found.switches} switches to 4)
  happened    bob: Claim 1 0 = Claimed 1 0 1 1 (from 2 to 3)
  impossible  alice: Claim 1 0 = Claimed 1 0 1 1 (from 1 to 4), but expected Occupied 1 0 1
  1
  2 alice  Claim 1 0; read; preempted at: write
  3 bob    Claim 1 0; read; write; ends
  2 alice  write; ends
  1        ends
  SIM_SEED=${seed} SIM_RUNS=1 npx vitest run`.slice(1)
      )
    })
  )
})
