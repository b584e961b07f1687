import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import * as TestClock from "effect/testing/TestClock"
import * as BoardServer from "../../src/board/BoardServer.ts"
import * as Grid from "../../src/board/Grid.ts"
import type { Message } from "../../src/board/Message.ts"
import * as Reply from "../../src/board/Reply.ts"
import * as Line from "../../src/network/Line.ts"
import * as Network from "../../src/network/Network.ts"
import type { SessionServer } from "../../src/session/ConcurrencyModel.ts"
import { readAll } from "../support/Hosts.ts"
import { withEnvironment } from "../support/Observing.ts"
import { test, whileTimePasses } from "../support/Servers.ts"
import * as History from "./History.ts"

const connect = ({ address }: SessionServer) => Effect.flatMap(Network.Network, (network) => network.connect(address))

/** Connects a client that parses replies. `Watching` includes the board that follows. */
const join = Effect.fnUntraced(function* (server: SessionServer) {
  const connection = yield* connect(server)
  const lines = yield* Line.make(connection)
  const line = Effect.map(lines.next, (text) => Option.getOrThrow(Reply.parse(text)))
  const grid = Effect.fnUntraced(function* () {
    const board = yield* line
    if (board._tag !== "Board") return assert.fail(`expected a board, not ${board._tag}`)
    const rows: Array<ReadonlyArray<number>> = []
    while (rows.length < board.size) {
      const row = yield* line
      if (row._tag === "Row") rows.push(row.owners)
    }
    return { grid: rows, change: board.change }
  })
  const next = Effect.gen(function* () {
    const reply = yield* line
    if (reply._tag === "Watching") return { ...(yield* grid()), _tag: "Watching" } as const
    return reply
  })
  return {
    next,
    send: (text: string) => connection.write(`${text}\n`),
    board: Effect.andThen(connection.write("board\n"), grid())
  }
})

/** Converts a reply to the message with the same tag. */
const toMessage = (reply: unknown) => reply as Message

describe("BoardServer", () => {
  test(
    "layerConfig takes port and size from the environment",
    Effect.gen(function* () {
      const server = yield* BoardServer.BoardServer
      const { board } = yield* join(server)
      assert.lengthOf((yield* board).grid, 3)
      assert.include(yield* server.stats, { active: 1 })
    }).pipe(Effect.provide(BoardServer.layerConfig({ size: 4 })), withEnvironment({ BOARD_PORT: "0", BOARD_SIZE: "3" }))
  )

  test(
    "does not execute half a command",
    Effect.gen(function* () {
      const server = yield* BoardServer.make({ port: 0, size: 3 })
      const command = "claim 1 2"
      for (let length = 1; length <= command.length; length++) {
        const connection = yield* connect(server)
        yield* connection.write(command.slice(0, length))
        yield* connection.end
        const expected = "error line: line incomplete: the stream ended before the line did; end each line with LF\n"
        assert.strictEqual((yield* readAll(connection)).toString(), expected)
      }
      const { board } = yield* join(server)
      assert.strictEqual((yield* board).change, 0)
    })
  )

  test(
    "answers byte for byte: LF, CR LF, several lines in a packet, telnet, no greeting",
    Effect.gen(function* () {
      const connection = yield* connect(yield* BoardServer.make({ port: 0, size: 3 }))
      yield* connection.write(
        Buffer.from("1 2\nCLAIM 1 2\r\n\xff\xfb\x18claim\x00row 0\nclaim row 0\n\nboard\nqu", "latin1")
      )
      yield* connection.write("it\nhello\n")
      assert.strictEqual(
        (yield* readAll(connection)).toString("latin1"),
        [
          // The telnet option is declined, before the replies to the lines of the same packet.
          "\xff\xfe\x18claimed 1 2 by 1 change 1",
          "occupied 1 2 by 1",
          "error control: control characters are not allowed",
          "claimed row 0 by 1 change 2",
          "error empty: the line is empty; help lists the commands",
          "board 3 change 2: x goes to the right, y goes down, from 0",
          "row  0 1 1 1",
          "row  1 . . .",
          "row  2 . 1 .",
          "bye: your squares stay yours",
          ""
        ].join("\n")
      )
    }),
    it.live
  )

  test(
    "answers a line that is too long, closes the connection and keeps the squares",
    Effect.gen(function* () {
      const server = yield* BoardServer.make({ port: 0 })
      const connection = yield* connect(server)
      yield* connection.write(`0 0\n${"9".repeat(1_000)}`)
      assert.strictEqual(
        (yield* readAll(connection)).toString(),
        "claimed 0 0 by 1 change 1\nerror line: line too long: no end within 256 bytes\n"
      )
      const { next, send } = yield* join(server)
      yield* send("0 0")
      assert.deepStrictEqual(yield* next, { _tag: "Occupied", x: 0, y: 0, by: 1 })
    }),
    it.live
  )

  test(
    "closes an idle connection after ten minutes",
    Effect.gen(function* () {
      const server = yield* BoardServer.make({ port: 0 })
      const connection = yield* connect(server)
      yield* connection.write("hello\n")
      yield* connection.pull
      yield* TestClock.adjust("599 seconds")
      assert.include(yield* server.stats, { active: 1, timedOut: 0 })
      yield* whileTimePasses(readAll(connection))
      assert.include(yield* server.stats, { timedOut: 1 })
    })
  )

  it.each([0, 27, 2.5])("rejects the size %d", (size) =>
    test(
      "",
      Effect.gen(function* () {
        const error = yield* Effect.flip(BoardServer.make({ port: 0, size }))
        assert.strictEqual(error._tag, "SessionError")
        assert.include(error.message, `invalid board size ${size}: Expected`)
      }),
      (_, run) => Effect.runPromise(run())
    )
  )

  test(
    "gives each square one owner if 30 clients claim all rows and squares while watchers look on",
    Effect.gen(function* () {
      const size = 10
      const server = yield* BoardServer.make({ port: 0, size, rate: 10_000 })
      const start = Latch.makeUnsafe(false)
      const rows = Grid.empty(size).map((_, y) => `claim row ${y}`)
      const squares = Grid.empty(size).flatMap((row, y) => row.map((_, x) => `${x} ${y}`))
      const from = (all: ReadonlyArray<string>, at: number) => [...all.slice(at), ...all.slice(0, at)]
      let readyClients = 0
      const observed = yield* Effect.forEach(
        Array.from({ length: 30 }, (_, at) => at),
        Effect.fnUntraced(function* (at) {
          const { next, send } = yield* join(server)
          const answers: Array<Message> = []
          const pushed: Array<Message> = []
          const one = Effect.map(next, (reply) => {
            const isPush = reply._tag === "Seen" || reply._tag === "Watching"
            return void (isPush ? pushed : answers).push(toMessage(reply))
          })
          if (at % 10 === 0) yield* Effect.andThen(send("watch"), one)
          readyClients += 1
          if (readyClients === 30) yield* start.open
          yield* start.await
          // Half of the clients claim rows first, the other half squares.
          const claims = at % 2 === 0 ? [...from(rows, at % size), ...squares] : [...from(squares, at), ...rows]
          for (const [i, claim] of claims.entries()) {
            yield* send(claim)
            while (answers.length <= i) yield* one
          }
          return { answers, pushed, one }
        }),
        { concurrency: "unbounded" }
      )
      const final = yield* (yield* join(server)).board
      // Reads the messages that watchers have not received yet.
      for (const { one, pushed } of observed) {
        while (pushed.length > 0 && pushed.length <= final.change) yield* one
      }
      const grids = History.check(size, observed)
      assert.deepStrictEqual(grids.at(-1), final.grid)
      assert.notInclude(final.grid.flat(), Grid.vacantNumber)
      assert.strictEqual(observed.filter(({ pushed }) => pushed.length > 0).length, 3)
      const all = observed.flatMap(({ answers }) => answers)
      for (const tag of ["Claimed", "RowClaimed", "Occupied"])
        assert.isTrue(
          all.some(({ _tag }) => _tag === tag),
          tag
        )
      for (const one of all) if (one._tag === "Occupied") assert.strictEqual(one.by, Grid.owner(final.grid, one))
    }),
    it.live
  )
})
