/**
 * Shared state of a board server. Every square is a `TxRef`, and every request is one transaction: a square is claimed
 * by one client only, a row is claimed completely or not at all, and no client sees half a swap.
 *
 * Changes are numbered in the order of their transactions. A watcher receives the board at the time it began to watch,
 * then every later change in this order, independent of the order in which fibers deliver them.
 */
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as TxRef from "effect/TxRef"
import type { Shared } from "../session/Session.ts"
import * as Grid from "./Grid.ts"
import type { Ask, Message } from "./Message.ts"

/** Size of a board. @category models @since 0.1.0 */
export interface Options {
  /** Number of rows, and of squares in a row: 1 to 26. Default 5. */
  readonly size?: number | undefined
}

/** State that all sessions of a server share. @category models @since 0.1.0 */
export type Board = Shared<Ask, Message>

type Watcher = (message: Message) => void

/** Transactional state besides the squares. */
interface Log {
  readonly changes: number
  /** Number of entries so far: changes, and starts of watchers. */
  readonly entries: number
  readonly watchers: ReadonlySet<Watcher>
}

/** A message to watchers, with its sequence number among all entries, from 1. */
interface Entry {
  readonly sequence: number
  readonly message: Message
  readonly watchers: Iterable<Watcher>
}

/** Result of a transaction: the answer to the client, and the entry for watchers. */
interface Outcome {
  readonly answer: Message
  readonly entry?: Entry
}

/** Returns a function that delivers entries in the order of their sequence numbers, and holds back early ones. */
const deliverInOrder = () => {
  const outOfOrder = new Map<number, Entry>()
  let next = 1
  return (entry: Entry) => {
    outOfOrder.set(entry.sequence, entry)
    for (let due = outOfOrder.get(next); due !== undefined; due = outOfOrder.get(next)) {
      outOfOrder.delete(next)
      next += 1
      for (const watcher of due.watchers) watcher(due.message)
    }
  }
}

/** Numbers a change within the current transaction. */
const recordChange = (log: TxRef.TxRef<Log>, event: (change: number) => Grid.Change) =>
  TxRef.modify(log, ({ changes, entries, watchers }): [Outcome, Log] => {
    const change = event(changes + 1)
    const entry: Entry = { sequence: entries + 1, message: { _tag: "Seen", event: change }, watchers }
    return [
      { answer: change, entry },
      { changes: changes + 1, entries: entries + 1, watchers }
    ]
  })

/** Transactional state of a board. */
interface Tables {
  readonly squares: ReadonlyArray<ReadonlyArray<TxRef.TxRef<number>>>
  readonly log: TxRef.TxRef<Log>
}

const at = ({ squares }: Tables, { x, y }: Grid.Square) => squares[y]![x]!

const claim = Effect.fnUntraced(function* (
  tables: Tables,
  claimed: ReadonlyArray<Grid.Square>,
  by: number,
  event: (change: number) => Grid.Change
) {
  for (const { x, y } of claimed) {
    const owner = yield* TxRef.get(at(tables, { x, y }))
    if (owner !== Grid.vacantNumber) return { answer: { _tag: "Occupied", x, y, by: owner } } satisfies Outcome
  }
  for (const square of claimed) yield* TxRef.set(at(tables, square), by)
  return yield* recordChange(tables.log, event)
})

const swap = Effect.fnUntraced(function* (tables: Tables, first: Grid.Square, second: Grid.Square, by: number) {
  const swapped = { ...first, toX: second.x, toY: second.y, by }
  const firstOwner = yield* TxRef.get(at(tables, first))
  const secondOwner = yield* TxRef.get(at(tables, second))
  if (firstOwner !== by && secondOwner !== by) return { answer: { _tag: "Refused", ...swapped } } satisfies Outcome
  yield* TxRef.set(at(tables, first), secondOwner)
  yield* TxRef.set(at(tables, second), firstOwner)
  return yield* recordChange(tables.log, (change) => ({ _tag: "Swapped", ...swapped, change }))
})

const snapshot = Effect.fnUntraced(function* ({ log, squares }: Tables) {
  const { changes } = yield* TxRef.get(log)
  return { grid: yield* Effect.forEach(squares, (row) => Effect.forEach(row, TxRef.get)), change: changes }
})

const watch = Effect.fnUntraced(function* (tables: Tables, watcher: Watcher) {
  const message: Message = { _tag: "Watching", ...(yield* snapshot(tables)) }
  const entry = yield* TxRef.modify(tables.log, ({ changes, entries, watchers }): [Entry, Log] => [
    { sequence: entries + 1, message, watchers: [watcher] },
    { changes, entries: entries + 1, watchers: new Set(watchers).add(watcher) }
  ])
  return { answer: { _tag: "Done" }, entry } satisfies Outcome
})

const removeWatcher = Effect.fnUntraced(function* ({ log }: Tables, watcher: Watcher) {
  const before = yield* TxRef.get(log)
  if (!before.watchers.has(watcher)) return
  const watchers = new Set(before.watchers)
  watchers.delete(watcher)
  yield* TxRef.set(log, { ...before, watchers })
}, Effect.tx)

const transaction = (tables: Tables, ask: Ask, by: number, watcher: Watcher): Effect.Effect<Outcome> => {
  switch (ask._tag) {
    case "Hello":
      return Effect.succeed({ answer: { _tag: "Hello", number: by, size: tables.squares.length } })
    case "Claim": {
      const { x, y } = ask
      return claim(tables, [{ x, y }], by, (change) => ({ _tag: "Claimed", x, y, by, change }))
    }
    case "ClaimRow": {
      const { y } = ask
      const row = tables.squares[y]!.map((_, x) => ({ x, y }))
      return claim(tables, row, by, (change) => ({ _tag: "RowClaimed", y, by, change }))
    }
    case "Swap":
      return swap(tables, { x: ask.x, y: ask.y }, { x: ask.toX, y: ask.toY }, by)
    case "Board":
      return Effect.map(snapshot(tables), (board) => ({ answer: { _tag: "Snapshot", ...board } }))
    case "Watch":
      return watch(tables, watcher)
  }
}

/**
 * Makes a board without owners. A client gets its number, from 1, with its first `Hello`, claim or swap. Its squares
 * stay its own after it disconnects. A square can be claimed while it is vacant, a row while all its squares are
 * vacant. A client can swap two squares if it owns one of them.
 *
 * A request for a square outside the board is a defect: sessions check the coordinates.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: Options = {}) {
  const { size = 5 } = options
  const tables: Tables = {
    squares: Grid.empty(size).map((row) => row.map((owner) => TxRef.makeUnsafe(owner))),
    log: TxRef.makeUnsafe<Log>({ changes: 0, entries: 0, watchers: new Set() })
  }
  const lastNumber = yield* Ref.make(0)
  const deliver = deliverInOrder()

  /** Runs a transaction and delivers its entry. Both happen even if the client disconnects in between. */
  const commit = (transaction: Effect.Effect<Outcome>) =>
    Effect.uninterruptible(
      Effect.map(Effect.tx(transaction), ({ entry, answer }) => {
        if (entry !== undefined) deliver(entry)
        return answer
      })
    )

  const board: Board = {
    attach: Effect.fnUntraced(function* (_client, push) {
      let attached = true
      const watcher: Watcher = (message) => {
        if (attached) push(message)
      }
      /** Removes the watcher if the client disconnected while its request ran. */
      const removeIfDetached = Effect.suspend(() => (attached ? Effect.void : removeWatcher(tables, watcher)))
      const number = yield* Effect.cached(Ref.updateAndGet(lastNumber, (latest) => latest + 1))
      yield* Effect.addFinalizer(() => {
        attached = false
        return removeWatcher(tables, watcher)
      })
      return (ask: Ask) =>
        ask._tag === "Board" || ask._tag === "Watch"
          ? Effect.ensuring(commit(transaction(tables, ask, Grid.vacantNumber, watcher)), removeIfDetached)
          : Effect.flatMap(number, (by) => commit(transaction(tables, ask, by, watcher)))
    })
  }
  return board
})
