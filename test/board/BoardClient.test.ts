import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import * as Pull from "effect/Pull"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import * as BoardClient from "../../src/board/BoardClient.ts"
import * as BoardServer from "../../src/board/BoardServer.ts"
import * as Grid from "../../src/board/Grid.ts"
import * as Reply from "../../src/board/Reply.ts"
import * as Network from "../../src/network/Network.ts"
import * as NodeNetwork from "../../src/network/node/NodeNetwork.ts"
import * as ScriptedServer from "../support/ScriptedServer.ts"

describe("BoardClient", () => {
  it.live("shows two clients of a real server the same board", () =>
    Effect.gen(function* () {
      const { address } = yield* BoardServer.make({ port: 0, size: 4 })
      const network = yield* Network.Network
      const join = Effect.flatMap(network.connect(address as NetAddress.InetAddress), BoardClient.make)
      const [one, other] = [yield* join, yield* join]
      yield* one.send("claim 1 2")
      yield* other.send("claim row 0")
      yield* one.send("swap 1 2 3 3")
      /** Reads until the third change. */
      const readChanges = Effect.fnUntraced(function* ({ next }: BoardClient.BoardClient) {
        let view = BoardClient.empty
        for (let change = 0; change < 3 || view.missingRows > 0; ) {
          const reply = yield* next
          view = BoardClient.apply(view, reply)
          change = Math.max(
            change,
            reply._tag === "Seen" ? reply.event.change : reply._tag === "Board" ? reply.change : 0
          )
        }
        return view
      })
      const [here, there] = [yield* readChanges(one), yield* readChanges(other)]
      assert.deepStrictEqual(here.grid, there.grid)
      assert.strictEqual(Grid.owner(here.grid, { x: 3, y: 3 }), here.number)
      assert.isTrue(here.grid[0]!.every((owner) => owner === there.number))
      assert.notStrictEqual(here.number, there.number)
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
  )

  it.prop("keeps a square board for any replies in any order", [Schema.Array(Reply.Reply)], ([replies]) => {
    const { grid } = replies.reduce(BoardClient.apply, BoardClient.empty)
    assert.isTrue(grid.every((row) => row.length === grid.length))
  })

  it("accepts only the announced rows, of the right length", () => {
    const row = (...owners: ReadonlyArray<number>): Reply.Reply => ({ _tag: "Row", y: 0, owners })
    const board: Reply.Reply = { _tag: "Board", size: 2, change: 0 }
    const applyAll = (...replies: ReadonlyArray<Reply.Reply>) => replies.reduce(BoardClient.apply, BoardClient.empty)
    assert.deepStrictEqual(applyAll(row(1, 2), board, row(1), row(3, 4), row(5, 6), row(7, 8)).grid, [
      [3, 4],
      [5, 6]
    ])
  })

  it.effect("sends hello at the keep-alive interval", () =>
    Effect.gen(function* () {
      const { connection, sent } = ScriptedServer.connect([])
      yield* BoardClient.make(connection, { keepAlive: "20 seconds" })
      assert.deepStrictEqual(sent, ["hello\n", "watch\n"])
      yield* TestClock.adjust("41 seconds")
      assert.deepStrictEqual(sent.slice(2), ["hello\n", "hello\n"])
    }).pipe(Effect.scoped)
  )

  it.effect("fails if the first line is not one of a board server, and ignores later unknown lines", () =>
    Effect.gen(function* () {
      const first = (text: string) =>
        Effect.flatMap(BoardClient.make(ScriptedServer.connect([text]).connection), ({ next }) => Effect.flip(next))
      assert.match(
        ((yield* first("220 mail\u0007\n")) as Error).message,
        /unexpected reply to hello: "220 mail\\u0007"/
      )
      const { next } = yield* BoardClient.make(ScriptedServer.connect(["hello 1 size 5\nnew 7\nbye\n"]).connection)
      assert.deepStrictEqual([(yield* next)._tag, (yield* next)._tag], ["Hello", "Bye"])
      assert.strictEqual(yield* Pull.catchDone(next, () => Effect.succeed("Done")), "Done")
    }).pipe(Effect.scoped)
  )
})
