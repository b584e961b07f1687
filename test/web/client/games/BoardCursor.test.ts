import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as BoardCursor from "../../../../src/web/client/games/BoardCursor.ts"

const grid = [
  [0, 2, 0],
  [3, 3, 0],
  [0, 0, 0]
]
const board: BoardCursor.Board = { grid, player: 3 }

const keyEvent = (key: string): BoardCursor.Event => ({ _tag: "Key", key })
const press = (x: number, y: number): BoardCursor.Event => ({ _tag: "Press", square: { x, y } })

/** Returns the position and the commands after events. */
const run = (on: BoardCursor.Board, ...events: ReadonlyArray<BoardCursor.Event>) => {
  const commands: Array<string> = []
  let state = BoardCursor.initial
  for (const event of events) {
    const [next, command] = BoardCursor.step(state, on, event)
    state = next
    if (command !== undefined) commands.push(command)
  }
  return { state, commands }
}

const moves = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown"] as const
const Keys = Schema.Literals([...moves, "Escape", "r", "s", "Tab", "constructor"])
const Index = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 }))
const Event = Schema.Union([
  Schema.TaggedStruct("Key", { key: Keys }),
  Schema.TaggedStruct("Focus", { square: Schema.Struct({ x: Index, y: Index }) }),
  Schema.TaggedStruct("Press", { square: Schema.Struct({ x: Index, y: Index }) }),
  Schema.TaggedStruct("ClaimRow", {}),
  Schema.TaggedStruct("Swap", {})
])

describe("BoardCursor", () => {
  it.prop("stays on the board, and has commands of the grammar only", [Schema.Array(Event)], ([events]) => {
    const { commands, state } = run(board, ...events)
    for (const at of [state.cursor, state.swapFrom ?? state.cursor]) {
      assert.isTrue(at.x >= 0 && at.x < 3 && at.y >= 0 && at.y < 3)
    }
    for (const command of commands) {
      assert.match(command, /^(?:claim [0-2] [0-2]|claim row [0-2]|swap [0-2] [0-2] [0-2] [0-2])$/)
      const [word, ...numbers] = command.split(" ")
      if (word === "swap") assert.notDeepEqual(numbers.slice(0, 2), numbers.slice(2))
    }
  })

  it.prop("has no command and no swap for a watcher", [Schema.Array(Event)], ([events]) => {
    const { commands, state } = run({ grid, player: 0 }, ...events)
    assert.deepStrictEqual(commands, [])
    assert.isUndefined(state.swapFrom)
  })

  it("moves with arrow keys and to the ends of rows and columns", () => {
    const at = (...keys: ReadonlyArray<string>) => run(board, ...keys.map(keyEvent)).state.cursor
    assert.deepStrictEqual(at("ArrowRight", "ArrowDown"), { x: 1, y: 1 })
    assert.deepStrictEqual(at("ArrowLeft", "ArrowUp"), { x: 0, y: 0 })
    assert.deepStrictEqual(at("End", "PageDown", "ArrowRight", "ArrowDown"), { x: 2, y: 2 })
    assert.deepStrictEqual(at("End", "PageDown", "Home", "PageUp"), { x: 0, y: 0 })
  })

  it("follows the focus, also while a swap waits for its other square", () => {
    const { commands, state } = run(board, press(0, 1), { _tag: "Focus", square: { x: 2, y: 2 } })
    assert.deepStrictEqual(state, { cursor: { x: 2, y: 2 }, swapFrom: { x: 0, y: 1 } })
    assert.deepStrictEqual(commands, [])
    assert.deepStrictEqual(run({ grid, player: 0 }, press(2, 0)).state.cursor, { x: 2, y: 0 })
  })

  it("claims the pressed square, also one of another client, which the server refuses", () => {
    assert.deepStrictEqual(run(board, press(2, 2), press(1, 0)).commands, ["claim 2 2", "claim 1 0"])
  })

  it("claims the row of the cursor", () => {
    assert.deepStrictEqual(run(board, keyEvent("ArrowDown"), keyEvent("r"), { _tag: "ClaimRow" }).commands, [
      "claim row 1",
      "claim row 1"
    ])
  })

  it("begins a swap with an own square, and ends it with the other one", () => {
    const begun = run(board, press(0, 1))
    assert.deepStrictEqual(begun, { state: { cursor: { x: 0, y: 1 }, swapFrom: { x: 0, y: 1 } }, commands: [] })
    const { commands, state } = run(board, press(0, 1), press(2, 2))
    assert.deepStrictEqual(commands, ["swap 0 1 2 2"])
    assert.isUndefined(state.swapFrom)
  })

  it("begins a swap with a square of another client by the key or the button", () => {
    assert.deepStrictEqual(run(board, keyEvent("ArrowRight"), keyEvent("s"), press(0, 1)).commands, ["swap 1 0 0 1"])
    assert.deepStrictEqual(run(board, keyEvent("ArrowRight"), { _tag: "Swap" }, press(0, 1)).commands, ["swap 1 0 0 1"])
  })

  it.each([
    ["Escape", keyEvent("Escape")],
    ["s", keyEvent("s")],
    ["the button", { _tag: "Swap" }],
    ["the same square", press(0, 1)]
  ] as const)("cancels a swap by %s", (_, event) => {
    const { commands, state } = run(board, press(0, 1), event)
    assert.isUndefined(state.swapFrom)
    assert.deepStrictEqual(commands, [])
  })

  it("fits a position on a smaller board", () => {
    const state = { cursor: { x: 5, y: 1 }, swapFrom: { x: 4, y: 4 } }
    assert.deepStrictEqual(BoardCursor.fit(state, 3), { cursor: { x: 2, y: 1 }, swapFrom: undefined })
    assert.strictEqual(BoardCursor.fit(state, 6), state)
  })

  it("describes owners, and counts their squares, the largest first", () => {
    assert.deepStrictEqual(
      [0, 3, 2].map((owner) => BoardCursor.describeOwner(owner, 3)),
      ["vacant", "yours, client 3", "client 2"]
    )
    assert.deepStrictEqual(BoardCursor.scoresOf(board), [
      [3, 2],
      [2, 1]
    ])
    assert.notStrictEqual(BoardCursor.classOf(1, 3), BoardCursor.classOf(2, 3))
    assert.notStrictEqual(BoardCursor.classOf(0, 0), BoardCursor.classOf(1, 0))
  })
})
