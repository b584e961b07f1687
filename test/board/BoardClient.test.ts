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
import * as Scripted from "../support/Scripted.ts"

describe("BoardClient", () => {
  it.live("two clients of a real server know the same board", () =>
    Effect.gen(function* () {
      const { address } = yield* BoardServer.make({ port: 0, size: 4 })
      const network = yield* Network.Network
      const join = Effect.flatMap(network.connect(address as NetAddress.InetAddress), BoardClient.make)
      const [one, other] = [yield* join, yield* join]
      yield* one.send("claim 1 2")
      yield* other.send("claim row 0")
      yield* one.send("swap 1 2 3 3")
      /** Listens until it has heard of the third change. */
      const listen = Effect.fnUntraced(function* ({ next }: BoardClient.BoardClient) {
        let known = BoardClient.nothing
        for (let change = 0; change < 3 || known.missing > 0; ) {
          const reply = yield* next
          known = BoardClient.learn(known, reply)
          change = Math.max(
            change,
            reply._tag === "Seen" ? reply.event.change : reply._tag === "Board" ? reply.change : 0
          )
        }
        return known
      })
      const [here, there] = [yield* listen(one), yield* listen(other)]
      assert.deepStrictEqual(here.grid, there.grid)
      assert.strictEqual(Grid.owner(here.grid, { x: 3, y: 3 }), here.number)
      assert.isTrue(here.grid[0]!.every((owner) => owner === there.number))
      assert.notStrictEqual(here.number, there.number)
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
  )

  it.prop("learns from any replies in any order, on a square board", [Schema.Array(Reply.Reply)], ([replies]) => {
    const { grid } = replies.reduce(BoardClient.learn, BoardClient.nothing)
    assert.isTrue(grid.every((row) => row.length === grid.length))
  })

  it("takes as many rows as a board has, of its own length", () => {
    const row = (...owners: ReadonlyArray<number>): Reply.Reply => ({ _tag: "Row", y: 0, owners })
    const board: Reply.Reply = { _tag: "Board", size: 2, change: 0 }
    const learn = (...replies: ReadonlyArray<Reply.Reply>) => replies.reduce(BoardClient.learn, BoardClient.nothing)
    assert.deepStrictEqual(learn(row(1, 2), board, row(1), row(3, 4), row(5, 6), row(7, 8)).grid, [
      [3, 4],
      [5, 6]
    ])
  })

  it.effect("says hello now and then, so that a server does not take it for gone", () =>
    Effect.gen(function* () {
      const { connection, sent } = Scripted.connect([])
      yield* BoardClient.make(connection, { keepAlive: "20 seconds" })
      assert.deepStrictEqual(sent, ["hello\n", "watch\n"])
      yield* TestClock.adjust("41 seconds")
      assert.deepStrictEqual(sent.slice(2), ["hello\n", "hello\n"])
    }).pipe(Effect.scoped)
  )

  it.effect("a server that does not know boards is found out by its first line; later ones may be new", () =>
    Effect.gen(function* () {
      const first = (text: string) =>
        Effect.flatMap(BoardClient.make(Scripted.connect([text]).connection), ({ next }) => Effect.flip(next))
      assert.match(((yield* first("220 mail\u0007\n")) as Error).message, /"220 mail\\u0007" is not an answer to hello/)
      const { next } = yield* BoardClient.make(Scripted.connect(["hello 1 size 5\nnew 7\nbye\n"]).connection)
      assert.deepStrictEqual([(yield* next)._tag, (yield* next)._tag], ["Hello", "Bye"])
      assert.strictEqual(yield* Pull.catchDone(next, () => Effect.succeed("Done")), "Done")
    }).pipe(Effect.scoped)
  )
})
