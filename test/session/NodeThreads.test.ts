import * as Fs from "node:fs"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as IpNetwork from "effect/net/IpNetwork"
import * as PortHolder from "../../src/inspect/sockets/PortHolder.ts"
import * as NodeThreads from "../../src/session/NodeThreads.ts"
import { waitUntil } from "../support/Pause.ts"
import * as FailingSession from "./node/FailingSession.ts"
import {
  assertReplacesHanging,
  connectGreeted,
  failure,
  portOf,
  procSkipReason,
  send,
  test,
  testInVirtualTime,
  waitForStats
} from "./node/WorkerServers.ts"

const { serve } = NodeThreads.model({ threads: 2 })

/** Returns the number of sockets that listen on a port. */
const listeners = (port: number) =>
  PortHolder.listeningInodes(Fs.readFileSync("/proc/net/tcp", "utf8"), port, "tcp").filter((inode) => inode !== "0")
    .length

describe("NodeThreads", () => {
  test(
    "listens with two threads on one port until the scope closes",
    Effect.gen(function* () {
      const port = yield* Effect.scoped(
        Effect.gen(function* () {
          const server = yield* serve(FailingSession.makeProgram(), { port: 0 })
          assert.strictEqual(listeners(portOf(server)), 2)
          const clients = yield* Effect.forEach(Array.from({ length: 40 }), () => connectGreeted(server), {
            concurrency: 40
          })
          assert.strictEqual(new Set(clients.map(({ thread }) => thread)).size, 2)
          assert.deepStrictEqual(
            clients.map(({ id }) => id).sort((a, b) => a - b),
            Array.from({ length: 40 }, (_, at) => at + 1)
          )
          const { accepted, active } = yield* server.stats
          assert.deepStrictEqual([accepted, active], [40, 40])
          return portOf(server)
        })
      )
      assert.strictEqual(listeners(port), 0)
    }),
    procSkipReason
  )

  test(
    "loses only the clients of a thread that ends, and replaces it",
    Effect.gen(function* () {
      const { stats, shared } = FailingSession.makeShared()
      const server = yield* serve(FailingSession.makeProgram(shared), { port: 0 })
      const clients = yield* Effect.forEach(Array.from({ length: 20 }), () => connectGreeted(server), {
        concurrency: 20
      })
      for (const client of clients) yield* client.ask("watch")
      const victim = clients[0]!.thread
      const others = clients.filter(({ thread }) => thread !== victim)
      yield* clients[0]!.connection.write("exit 3\n")
      for (const client of clients) if (client.thread === victim) assert.strictEqual(yield* client.rest, "")
      yield* waitUntil(() => stats.attached === others.length && listeners(portOf(server)) === 2)
      yield* others[0]!.connection.write("add 2\n")
      for (const other of others.slice(1)) assert.strictEqual(yield* other.to("\n"), "total 2\n")
      const next = yield* Effect.forEach(Array.from({ length: 20 }), () => connectGreeted(server), { concurrency: 20 })
      assert.strictEqual(new Set([...clients, ...next].map(({ id }) => id)).size, 40)
      assert.isTrue(next.every(({ thread }) => thread !== victim))
      assert.strictEqual((yield* server.stats).active, others.length + 20)
    }),
    procSkipReason
  )

  test(
    "serves at most maxConnections clients, however the kernel distributes them",
    Effect.gen(function* () {
      const server = yield* serve(FailingSession.makeProgram(), { port: 0, maxConnections: 3, busyMessage: "busy\n" })
      const texts = yield* Effect.forEach(Array.from({ length: 12 }), () => send(server, "hold\n"), {
        concurrency: 1
      })
      assert.deepStrictEqual(new Set(texts), new Set(["hello\nhold\n"]))
      const clients = yield* Effect.forEach(
        Array.from({ length: 20 }),
        () => Effect.option(connectGreeted(server).pipe(Effect.catchCause(() => Effect.fail("busy")))),
        { concurrency: 20 }
      )
      const served = clients.filter(({ _tag }) => _tag === "Some").length
      const { active, refused } = yield* waitForStats(server, (stats) => stats.refused === 20 - served)
      assert.isAtMost(active, 3)
      assert.deepStrictEqual([active, refused], [served, 20 - served])
    })
  )

  test(
    "drains the sessions until the deadline, also if a thread blocks",
    Effect.gen(function* () {
      const server = yield* serve(FailingSession.makeProgram(), { port: 0, drain: "200 millis" })
      const [first, ...clients] = yield* Effect.forEach(Array.from({ length: 8 }), () => connectGreeted(server))
      yield* first!.connection.write("spin\n")
      yield* Effect.all([server.drain, ...clients.map(({ rest }) => rest)], { concurrency: "unbounded" })
      assert.strictEqual(yield* first!.rest, "")
      assert.strictEqual((yield* server.stats).active, 0)
    })
  )

  test(
    "gives new limits to its threads",
    Effect.gen(function* () {
      const server = yield* serve(FailingSession.makeProgram(), { port: 0 })
      const clients = yield* Effect.forEach(Array.from({ length: 8 }), () => connectGreeted(server))
      yield* server.reconfigure({ idleTimeout: "300 millis", maxConnections: 100 })
      for (const client of clients) assert.strictEqual(yield* client.rest, "")
      yield* connectGreeted(server)
      yield* server.reconfigure({ deny: [IpNetwork.fromStringUnsafe("127.0.0.0/8")] })
      yield* waitForStats(server, ({ active }) => active === 1)
      // The reset may arrive before the connection is known here.
      assert.strictEqual(yield* Effect.orElseSucceed(send(server, "one\n"), () => ""), "")
    })
  )

  testInVirtualTime(
    "replaces a thread whose session loops",
    Effect.gen(function* () {
      const server = yield* NodeThreads.model({ threads: 1 }).serve(FailingSession.makeProgram(), { port: 0 })
      yield* assertReplacesHanging(server, ({ connection }) => connection.write("spin\n"))
    })
  )

  test(
    "fails at its start with the reason",
    Effect.gen(function* () {
      const here = import.meta.url
      const { shared } = FailingSession.makeShared()
      const messageOf = (loadable: ReturnType<typeof FailingSession.makeProgram>, port = 0) =>
        Effect.map(failure(serve(loadable, { port })), ({ message }) => message)
      const nowhere = new URL("./nowhere.ts", here).href
      assert.match(
        yield* messageOf(FailingSession.makeProgram(shared, {}, nowhere)),
        /nowhere\.ts: cannot load the module/
      )
      assert.match(
        yield* messageOf(FailingSession.makeProgram(shared, { greeting: 1 })),
        /invalid options .* for lab:.*string.*greeting/
      )
      assert.match(
        (yield* failure(serve(FailingSession.makeProgram(), { path: "/tmp/x" }))).message,
        /not a path.*give a port/
      )
      const none = NodeThreads.model({ threads: 0 })
      assert.match(
        (yield* failure(none.serve(FailingSession.makeProgram(), { port: 0 }))).message,
        /invalid thread count 0: must be at least 1/
      )
      // The first server has SO_REUSEPORT set; a second one must fail nevertheless.
      const server = yield* serve(FailingSession.makeProgram(), { port: 0 })
      assert.match(yield* messageOf(FailingSession.makeProgram(), portOf(server)), /already in use/)
    })
  )
})
