import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Grid from "../../../src/board/Grid.ts"
import * as Message from "../../../src/board/Message.ts"
import * as Reply from "../../../src/board/Reply.ts"
import * as BoardGame from "../../../src/web/games/BoardGame.ts"
import * as MachineRun from "../../support/web/MachineRun.ts"

const player = BoardGame.machine("play")

const lines = (...replies: ReadonlyArray<Reply.Reply>) => replies.map((reply) => `${Reply.format(reply)}\n`).join("")

const watching = (grid: Grid.Grid, change = 0) =>
  Reply.formatMessage({ _tag: "Watching", grid, change })
    .map((line) => `${line}\n`)
    .join("")

const hello: Reply.Reply = { _tag: "Hello", number: 2, size: 3 }

const sizes = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5 }))
const pieces = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 60 }))
const changes = Schema.Array(Grid.Change).check(Schema.isMaxLength(12))

describe("BoardGame", () => {
  it.prop(
    "has the board of the server after any changes, in chunks of any size",
    [sizes, changes, pieces],
    ([size, all, piece]) => {
      const seen = all.map((event) => lines({ _tag: "Seen", event })).join("")
      const state = MachineRun.receive(player, watching(Grid.empty(size)) + seen, piece)
      assert.deepStrictEqual(state.grid, all.reduce(Grid.apply, Grid.empty(size)))
      assert.isAtMost(state.messages.length, 20)
    }
  )

  it.prop("has the board of the server after a second snapshot", [sizes, pieces], ([size, piece]) => {
    const owned = Grid.empty(size).map((row, y) => row.map((_, x) => x * y))
    const state = MachineRun.receive(player, watching(Grid.empty(size)) + watching(owned, 7), piece)
    assert.deepStrictEqual(state.grid, owned)
    assert.strictEqual(player.view(state)?._tag, "Board")
  })

  it.prop("keeps a square board and 20 messages for any text", [Schema.Array(Schema.String)], ([texts]) => {
    const state = texts.reduce((before, text) => player.step(before, { _tag: "Received", text })[0], player.initial)
    assert.isTrue(state.grid.every((row) => row.length === state.grid.length))
    assert.isAtMost(state.messages.length, 20)
    assert.isAtMost(state.unfinished.length, 16_384)
    for (const message of state.messages) assert.notMatch(message, /\p{Cc}|[\u202a-\u202e\u2066-\u2069]/u)
  })

  it("does not show a board of which rows are missing", () => {
    const [first, ...rest] = watching([
      [1, 1],
      [1, 1]
    ]).split(/(?<=row {2}0 1 1\n)/)
    const before = MachineRun.receive(player, watching(Grid.empty(2)) + first!, 100)
    assert.deepStrictEqual(before.grid, Grid.empty(2))
    const [after] = player.step(before, { _tag: "Received", text: rest.join("") })
    assert.deepStrictEqual(after.grid, [
      [1, 1],
      [1, 1]
    ])
  })

  it("names the player in messages, and other clients by number", () => {
    const change = { change: 1 }
    const state = MachineRun.receive(
      player,
      lines(
        hello,
        { _tag: "Seen", event: { _tag: "Claimed", x: 0, y: 1, by: 2, ...change } },
        { _tag: "Seen", event: { _tag: "RowClaimed", y: 2, by: 4, ...change } },
        { _tag: "Seen", event: { _tag: "Swapped", x: 0, y: 1, toX: 2, toY: 2, by: 4, ...change } }
      ),
      1_000
    )
    assert.deepStrictEqual(state.messages, [
      "You claimed 0 1.",
      "Client 4 claimed row 2.",
      "Client 4 swapped 0 1 with 2 2."
    ])
    assert.isUndefined(state.result)
  })

  it("numbers the results of the player's requests, also if they are equal", () => {
    const occupied: Reply.Reply = { _tag: "Occupied", x: 1, y: 1, by: 4 }
    const results = [
      [hello, undefined],
      [
        { _tag: "Claimed", x: 0, y: 0, by: 2, change: 1 },
        { number: 1, text: "You claimed 0 0." }
      ],
      [occupied, { number: 2, text: "1 1 is taken by client 4." }],
      [occupied, { number: 3, text: "1 1 is taken by client 4." }],
      [
        { _tag: "Refused", x: 1, y: 1, toX: 2, toY: 1, by: 2 },
        { number: 4, text: "1 1 and 2 1 are not yours: one square of a swap must be." }
      ],
      [
        { _tag: "Error", code: "outside", text: "9 is outside" },
        { number: 5, text: "9 is outside." }
      ]
    ] as const
    let state = player.initial
    for (const [reply, result] of results) {
      state = player.step(state, { _tag: "Received", text: lines(reply) })[0]
      assert.deepStrictEqual<unknown>(state.result, result)
    }
  })

  it.prop("takes each message of a board", [Message.Message], ([message]) => {
    if ("grid" in message) return
    const text = Reply.formatMessage(message)
      .map((line) => `${line}\n`)
      .join("")
    const state = MachineRun.receive(player, watching(Grid.empty(2)) + text, 1_000)
    // A line that is not understood would be shown as it is.
    for (const line of text.split("\n")) assert.notInclude(state.messages, line)
  })

  it("shows the line of a server that refuses the client", () => {
    const state = MachineRun.receive(player, "\u001b[2Jtoo many clients\r\n", 3)
    assert.deepStrictEqual(state.messages, ["\\u001b[2Jtoo many clients"])
  })

  it("does not take a number as a watcher", () => {
    assert.strictEqual(player.step(player.initial, { _tag: "Opened" })[1], "hello\nwatch\n")
    const watcher = BoardGame.machine("watch")
    assert.strictEqual(watcher.step(watcher.initial, { _tag: "Opened" })[1], "watch\n")
    assert.strictEqual(watcher.keepAlive, "watch\n")
  })

  it("repeats a notice only after another message", () => {
    const once = BoardGame.notice(BoardGame.initial, "lost")
    assert.strictEqual(BoardGame.notice(once, "lost"), once)
    assert.deepStrictEqual(BoardGame.notice(BoardGame.notice(once, "found"), "lost").messages, [
      "lost",
      "found",
      "lost"
    ])
  })
})
