/** What clients of a board were told, held against the changes in the order of their numbers. */
import { assert } from "@effect/vitest"
import * as Grid from "../../src/board/Grid.ts"
import type { Message } from "../../src/board/Message.ts"

/** The answers to one client, in order, and what it was told unasked. */
export interface Observed {
  readonly answers: ReadonlyArray<Message>
  readonly pushed: ReadonlyArray<Message>
}

const isChange = (told: Message): told is Grid.Change => "change" in told && "by" in told

/** Whether a board allows a change: claims want vacant squares, a swap one of one's own. */
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

/** The boards after no change, one change, and so on: every number once, none without its right. */
const replay = (size: number, heard: ReadonlyArray<Observed>): ReadonlyArray<Grid.Grid> => {
  const changes = heard
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

/** Whether an answer is true of the board at some time from one change to another. */
const isTrueOf = (told: Message, grids: ReadonlyArray<Grid.Grid>) => {
  switch (told._tag) {
    case "Occupied":
      return grids.some((grid) => Grid.owner(grid, told) === told.by && told.by !== Grid.vacantNumber)
    case "Refused":
      return grids.some((grid) =>
        [told, { x: told.toX, y: told.toY }].every((square) => Grid.owner(grid, square) !== told.by)
      )
    default:
      return true
  }
}

/** No client was told what was not so; a watcher heard of every change after its first board, in order. */
export const check = (size: number, heard: ReadonlyArray<Observed>) => {
  const grids = replay(size, heard)
  const numbers = new Map<number, number>()
  for (const [client, { answers, pushed }] of heard.entries()) {
    // What a client was told earlier was so earlier: its own changes and boards bound the time of the rest.
    let since = 0
    for (const [at, told] of answers.entries()) {
      if ("change" in told) {
        assert.isAtLeast(told.change, since)
        since = told.change
      }
      const next = answers.slice(at + 1).find((later) => "change" in later)
      const until = next !== undefined && "change" in next ? next.change : grids.length
      assert.isTrue(isTrueOf(told, grids.slice(since, until + 1)), JSON.stringify(told))
      if (told._tag === "Snapshot") assert.deepStrictEqual(told.grid, grids[told.change])
      const number =
        "by" in told && told._tag !== "Occupied" ? told.by : told._tag === "Hello" ? told.number : undefined
      if (number !== undefined) {
        assert.strictEqual(numbers.get(number) ?? client, client)
        numbers.set(number, client)
      }
    }
    let seen: number | undefined
    let grid = grids[0]!
    for (const told of pushed) {
      if (told._tag === "Watching") {
        assert.strictEqual(told.change, seen ?? told.change)
        assert.deepStrictEqual(told.grid, grids[told.change])
        seen = told.change
        grid = told.grid
      } else if (told._tag === "Seen") {
        assert.strictEqual(told.event.change, seen! + 1)
        seen = told.event.change
        grid = Grid.apply(grid, told.event)
      } else {
        assert.fail(`pushed ${told._tag}`)
      }
    }
    if (seen !== undefined) {
      assert.strictEqual(seen, grids.length - 1)
      assert.deepStrictEqual(grid, grids.at(-1))
    }
  }
  return grids
}
