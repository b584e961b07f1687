import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Board from "../../src/board/Board.ts"
import * as BoardSession from "../../src/board/BoardSession.ts"
import type * as Grid from "../../src/board/Grid.ts"
import type { Message } from "../../src/board/Message.ts"
import * as Reply from "../../src/board/Reply.ts"
import type { SessionServer } from "../../src/session/ConcurrencyModel.ts"
import * as NodeProcesses from "../../src/session/NodeProcesses.ts"
import { childrenOf, procSkipReason, test } from "../session/node/WorkerServers.ts"
import * as Sessions from "../support/Sessions.ts"
import * as History from "./History.ts"

const size = 8
const answersPerKill = 20
const totalAnswers = 100

/** Returns the requests of a client, in an order that its number determines. */
const requestOf = (client: number, at: number) => {
  const at64 = (at * 37 + client * 13) % (size * size)
  const [x, y] = [at64 % size, Math.floor(at64 / size)]
  if (at % 3 === 2) return `swap ${x} ${y} ${(x + 1) % size} ${y}`
  return at % 11 === 10 ? `claim row ${y}` : `claim ${x} ${y}`
}

const isChange = (reply: Reply.Reply | Message): reply is Grid.Change => "change" in reply && "by" in reply

/** Starts a server with the board. `log` has every change that the board has made. */
const start = Effect.fnUntraced(function* () {
  const { definition, module } = BoardSession
  const options = { size }
  const shared = yield* Board.make(options)
  const log: Array<Grid.Change> = []
  const ask = yield* shared.attach({ id: 0, remote: "", seed: 0 }, (message) => {
    if (message._tag === "Seen") log.push(message.event)
  })
  yield* ask({ _tag: "Watch" })
  const session = yield* definition.make(options)
  const program = { session, shared, definition, module, options }
  const server = yield* NodeProcesses.model({ pool: 2 }).serve(program, { port: 0, rate: 1_000_000 })
  return { server, log }
})

/** Reads replies. `next` fails at the end of the connection. */
const connect = Effect.fnUntraced(function* (server: SessionServer) {
  const connection = yield* Sessions.connect(server)
  const { to } = Sessions.reader(connection)
  const next = Effect.map(to("\n"), (line) => Option.getOrThrow(Reply.parse(line.trimEnd())))
  return { next, write: (line: string) => connection.write(`${line}\n`) }
})

/** Reads the board, and the changes after it until a condition holds. */
const readBoard = Effect.fnUntraced(function* (client: Effect.Success<ReturnType<typeof connect>>) {
  let reply = yield* client.next
  while (reply._tag !== "Board") reply = yield* client.next
  const grid: Array<ReadonlyArray<number>> = []
  for (let y = 0; y < reply.size; y++) {
    const row = yield* client.next
    if (row._tag !== "Row") return assert.fail(`${row._tag} is not a row`)
    grid.push(row.owners)
  }
  return { change: reply.change, grid }
})

describe("BoardServer with killed workers", () => {
  test(
    "keeps every change that a client has read, and shows all clients the same board",
    Effect.gen(function* () {
      const { log, server } = yield* start()
      const read: Array<Grid.Change> = []
      const watched: Array<{ readonly change: number; readonly grid: Grid.Grid; readonly seen: Array<Grid.Change> }> =
        []
      let answers = 0
      const countAnswer = () => {
        if (++answers % answersPerKill !== 0) return
        const children = childrenOf(process.pid)
        const victim = children[(answers / answersPerKill) % children.length]
        if (victim !== undefined) process.kill(victim.pid, "SIGKILL")
      }
      const claim = (number: number) =>
        Effect.gen(function* () {
          const client = yield* connect(server)
          for (let at = answers; answers < totalAnswers; at++) {
            yield* client.write(requestOf(number, at))
            const reply = yield* client.next
            if (isChange(reply)) read.push(reply)
            else assert.include(["Occupied", "Refused"], reply._tag)
            countAnswer()
          }
        }).pipe(Effect.scoped)
      const watch = Effect.gen(function* () {
        const client = yield* connect(server)
        yield* client.write("watch")
        const seen: Array<Grid.Change> = []
        watched.push({ ...(yield* readBoard(client)), seen })
        while (answers < totalAnswers) {
          const reply = yield* client.next
          if (reply._tag === "Seen") seen.push(reply.event)
        }
      }).pipe(Effect.scoped)
      const untilEnd = <E, R>(session: Effect.Effect<void, E, R>) =>
        Effect.repeat(Effect.ignore(session), { while: () => answers < totalAnswers })
      const watching = yield* Effect.forkChild(untilEnd(watch))
      yield* Effect.forEach([1, 2, 3, 4], (number) => untilEnd(claim(number)), { concurrency: "unbounded" })
      yield* Effect.sync(() => watching.interruptUnsafe())

      const grids = History.check(size, [{ answers: log, pushed: [] }])
      for (const change of read) assert.deepStrictEqual(change, log[change.change - 1])
      assert.isAtLeast(log.length, read.length)
      assert.isAtLeast(watched.length, 1)
      for (const { change, grid, seen } of watched) {
        assert.deepStrictEqual(grid, grids[change])
        assert.deepStrictEqual(seen, log.slice(change, change + seen.length))
      }
      const last = yield* connect(server)
      yield* last.write("board")
      assert.deepStrictEqual(yield* readBoard(last), { change: log.length, grid: grids.at(-1) })
    }),
    procSkipReason
  )
})
