/** Check of the messages that clients of a board received, against the changes in the order of their numbers. */
import { assert } from "@effect/vitest"
import * as Grid from "../../src/board/Grid.ts"
import type { Message } from "../../src/board/Message.ts"

/** The answers to one client, in order, and the messages that the board pushed to it. */
export interface Observed {
  readonly answers: ReadonlyArray<Message>
  readonly pushed: ReadonlyArray<Message>
}

const isChange = (message: Message): message is Grid.Change => "change" in message && "by" in message

/** Returns true if a board allows a change: a claim needs vacant squares, a swap a square of the client. */
const isAllowed = (grid: Grid.Grid, change: Grid.Change) => {
  switch (change._tag) {
    case "Claimed":
      return Grid.owner(grid, change) === Grid.vacantNumber
    case "RowClaimed":
      return grid[change.y]!.every((owner) => owner === Grid.vacantNumber)
    case "Swapped":
      return [change, { x: change.toX, y: change.toY }].some((square) => Grid.owner(grid, square) === change.by)
  }
}

/** Returns the boards after 0, 1, 2 and more changes. Asserts that every number occurs once and is allowed. */
const replay = (size: number, observed: ReadonlyArray<Observed>): ReadonlyArray<Grid.Grid> => {
  const changes = observed
    .flatMap(({ answers }) => answers.filter(isChange))
    .sort((one, other) => one.change - other.change)
  const grids = [Grid.empty(size)]
  for (const [at, change] of changes.entries()) {
    assert.strictEqual(change.change, at + 1)
    assert.isTrue(isAllowed(grids[at]!, change), JSON.stringify(change))
    grids.push(Grid.apply(grids[at]!, change))
  }
  return grids
}

/** Returns true if an answer is right for one of the boards. */
const isTrueOf = (message: Message, grids: ReadonlyArray<Grid.Grid>) => {
  switch (message._tag) {
    case "Occupied":
      return grids.some((grid) => Grid.owner(grid, message) === message.by && message.by !== Grid.vacantNumber)
    case "Refused":
      return grids.some((grid) =>
        [message, { x: message.toX, y: message.toY }].every((square) => Grid.owner(grid, square) !== message.by)
      )
    default:
      return true
  }
}

/** Asserts that all answers are right, and that watchers received every change after their first board, in order. */
export const check = (size: number, observed: ReadonlyArray<Observed>) => {
  const grids = replay(size, observed)
  const numbers = new Map<number, number>()
  for (const [client, { answers, pushed }] of observed.entries()) {
    // The answers of a client are in order: its changes and boards bound the time of its other answers.
    let since = 0
    for (const [at, message] of answers.entries()) {
      if ("change" in message) {
        assert.isAtLeast(message.change, since)
        since = message.change
      }
      const next = answers.slice(at + 1).find((later) => "change" in later)
      const until = next !== undefined && "change" in next ? next.change : grids.length
      assert.isTrue(isTrueOf(message, grids.slice(since, until + 1)), JSON.stringify(message))
      if (message._tag === "Snapshot") assert.deepStrictEqual(message.grid, grids[message.change])
      const number =
        "by" in message && message._tag !== "Occupied"
          ? message.by
          : message._tag === "Hello"
            ? message.number
            : undefined
      if (number !== undefined) {
        assert.strictEqual(numbers.get(number) ?? client, client)
        numbers.set(number, client)
      }
    }
    let seen: number | undefined
    let grid = grids[0]!
    for (const message of pushed) {
      if (message._tag === "Watching") {
        assert.strictEqual(message.change, seen ?? message.change)
        assert.deepStrictEqual(message.grid, grids[message.change])
        seen = message.change
        grid = message.grid
      } else if (message._tag === "Seen") {
        assert.strictEqual(message.event.change, seen! + 1)
        seen = message.event.change
        grid = Grid.apply(grid, message.event)
      } else {
        assert.fail(`pushed ${message._tag}`)
      }
    }
    if (seen !== undefined) {
      assert.strictEqual(seen, grids.length - 1)
      assert.deepStrictEqual(grid, grids.at(-1))
    }
  }
  return grids
}
