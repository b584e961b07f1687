/**
 * The board that all clients of a server share. Every square is a `TxRef`, and whatever a client wants is one
 * transaction: of all who claim a square one gets it, a row is claimed whole or not at all, nobody sees half a swap.
 *
 * Changes are numbered in the order of their transactions. A watcher is told the board as it was when it began to
 * watch, then every later change, in that order, whatever the order in which fibers come to tell of theirs.
 */
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as TxRef from "effect/TxRef"
import type { Shared } from "../session/Session.ts"
import * as Grid from "./Grid.ts"
import type { Ask, Told } from "./Message.ts"

/** The size of a board. @category models @since 0.1.0 */
export interface Options {
  /** Squares in a row, and rows: 1 to 26. Default 5. */
  readonly size?: number | undefined
}

/** What sessions share. @category models @since 0.1.0 */
export type Board = Shared<Ask, Told>

type Watcher = (told: Told) => void

/** What transactions agree on besides the squares. */
interface Log {
  readonly changes: number
  /** Changes, and watchers that began: all that watchers are told of. */
  readonly entries: number
  readonly watchers: ReadonlySet<Watcher>
}

/** Something that watchers are told, and its place among all such things, from 1. */
interface Entry {
  readonly place: number
  readonly told: Told
  readonly watchers: Iterable<Watcher>
}

/** What came of a transaction: the answer, and what watchers are told. */
interface Outcome {
  readonly told: Told
  readonly entry?: Entry
}

/** Tells of entries in the order of their places; one that comes before its turn waits for it. */
const inTurn = () => {
  const early = new Map<number, Entry>()
  let next = 1
  return (entry: Entry) => {
    early.set(entry.place, entry)
    for (let turn = early.get(next); turn !== undefined; turn = early.get(next)) {
      early.delete(next)
      next += 1
      for (const tell of turn.watchers) tell(turn.told)
    }
  }
}

/** Counts a change that a transaction makes. */
const record = (log: TxRef.TxRef<Log>, event: (change: number) => Grid.Change) =>
  TxRef.modify(log, ({ changes, entries, watchers }): [Outcome, Log] => {
    const told = event(changes + 1)
    const entry: Entry = { place: entries + 1, told: { _tag: "Seen", event: told }, watchers }
    return [
      { told, entry },
      { changes: changes + 1, entries: entries + 1, watchers }
    ]
  })

/**
 * A board without owners. A client gets its number, from 1, with its first `Hello`, claim or swap; its squares stay
 * when it leaves. A claim succeeds once, and a row can be claimed while all of it is vacant; two squares can be swapped
 * by who has one of them.
 *
 * A square outside the board is a defect: sessions see to that.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* ({ size = 5 }: Options = {}) {
  const squares = Grid.empty(size).map((row) => row.map((owner) => TxRef.makeUnsafe(owner)))
  const log = TxRef.makeUnsafe<Log>({ changes: 0, entries: 0, watchers: new Set() })
  const numbers = yield* Ref.make(0)
  const tellInTurn = inTurn()

  const at = ({ x, y }: Grid.Square) => squares[y]![x]!

  const claim = Effect.fnUntraced(function* (
    wanted: ReadonlyArray<Grid.Square>,
    by: number,
    event: (change: number) => Grid.Change
  ) {
    for (const { x, y } of wanted) {
      const owner = yield* TxRef.get(at({ x, y }))
      if (owner !== Grid.vacant) return { told: { _tag: "Occupied", x, y, by: owner } } satisfies Outcome
    }
    for (const square of wanted) yield* TxRef.set(at(square), by)
    return yield* record(log, event)
  })

  const swap = Effect.fnUntraced(function* (one: Grid.Square, other: Grid.Square, by: number) {
    const swapped = { ...one, toX: other.x, toY: other.y, by }
    const here = yield* TxRef.get(at(one))
    const there = yield* TxRef.get(at(other))
    if (here !== by && there !== by) return { told: { _tag: "Refused", ...swapped } } satisfies Outcome
    yield* TxRef.set(at(one), there)
    yield* TxRef.set(at(other), here)
    return yield* record(log, (change) => ({ _tag: "Swapped", ...swapped, change }))
  })

  const drawn = Effect.gen(function* () {
    const { changes } = yield* TxRef.get(log)
    return { grid: yield* Effect.forEach(squares, (row) => Effect.forEach(row, TxRef.get)), change: changes }
  })

  const watch = Effect.fnUntraced(function* (watcher: Watcher) {
    const told: Told = { _tag: "Watching", ...(yield* drawn) }
    const entry = yield* TxRef.modify(log, ({ changes, entries, watchers }): [Entry, Log] => [
      { place: entries + 1, told, watchers: [watcher] },
      { changes, entries: entries + 1, watchers: new Set(watchers).add(watcher) }
    ])
    return { told: { _tag: "Done" }, entry } satisfies Outcome
  })

  const leave = Effect.fnUntraced(function* (watcher: Watcher) {
    const before = yield* TxRef.get(log)
    if (!before.watchers.has(watcher)) return
    const watchers = new Set(before.watchers)
    watchers.delete(watcher)
    yield* TxRef.set(log, { ...before, watchers })
  }, Effect.tx)

  const transaction = (ask: Ask, by: number, watcher: Watcher): Effect.Effect<Outcome> => {
    switch (ask._tag) {
      case "Hello":
        return Effect.succeed({ told: { _tag: "Hello", number: by, size } })
      case "Claim": {
        const { x, y } = ask
        return claim([{ x, y }], by, (change) => ({ _tag: "Claimed", x, y, by, change }))
      }
      case "ClaimRow": {
        const { y } = ask
        const row = squares[y]!.map((_, x) => ({ x, y }))
        return claim(row, by, (change) => ({ _tag: "RowClaimed", y, by, change }))
      }
      case "Swap":
        return swap({ x: ask.x, y: ask.y }, { x: ask.toX, y: ask.toY }, by)
      case "Board":
        return Effect.map(drawn, (board) => ({ told: { _tag: "Drawn", ...board } }))
      case "Watch":
        return watch(watcher)
    }
  }

  /** What is done is told: a client that leaves in between is not waited for, but heard of. */
  const settle = (transaction: Effect.Effect<Outcome>) =>
    Effect.uninterruptible(
      Effect.map(Effect.tx(transaction), ({ entry, told }) => {
        if (entry !== undefined) tellInTurn(entry)
        return told
      })
    )

  const board: Board = {
    attach: Effect.fnUntraced(function* (_client, tell) {
      let present = true
      const watcher: Watcher = (told) => {
        if (present) tell(told)
      }
      /** A question may be answered when its client has just left. */
      const unlessGone = Effect.suspend(() => (present ? Effect.void : leave(watcher)))
      const number = yield* Effect.cached(Ref.updateAndGet(numbers, (latest) => latest + 1))
      yield* Effect.addFinalizer(() => {
        present = false
        return leave(watcher)
      })
      return (ask: Ask) =>
        ask._tag === "Board" || ask._tag === "Watch"
          ? Effect.ensuring(settle(transaction(ask, Grid.vacant, watcher)), unlessGone)
          : Effect.flatMap(number, (by) => settle(transaction(ask, by, watcher)))
    })
  }
  return board
})
