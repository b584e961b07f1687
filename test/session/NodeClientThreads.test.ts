import * as Path from "node:path"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as IpNetwork from "effect/net/IpNetwork"
import type * as NetAddress from "effect/net/NetAddress"
import * as Network from "../../src/network/Network.ts"
import * as NodeThreads from "../../src/session/NodeThreads.ts"
import { impaired } from "../simulation/impairment/Impaired.ts"
import { directory } from "../support/Directory.ts"
import { waitUntil } from "../support/Pause.ts"
import * as Sessions from "../support/Sessions.ts"
import * as FailingSession from "./node/FailingSession.ts"
import {
  connectGreeted,
  failure,
  send,
  test,
  testInVirtualTime,
  waitForStats,
  whileTimeFlies,
  whileTimePasses
} from "./node/WorkerServers.ts"

const { serve } = NodeThreads.model({ perClient: true })

/** Number of the message ports and threads of this process. */
const threadsAndPorts = () =>
  process.getActiveResourcesInfo().filter((kind) => /^(MessagePort|Worker)/.test(kind)).length

describe("NodeThreads with a thread for each client", () => {
  test(
    "serves each client in its own thread, which ends with the client",
    Effect.gen(function* () {
      const before = threadsAndPorts()
      yield* Effect.scoped(
        Effect.gen(function* () {
          const server = yield* serve(FailingSession.makeProgram(), { port: 0 })
          const clients = yield* Effect.forEach([1, 2, 3], () => connectGreeted(server))
          assert.deepStrictEqual(
            clients.map(({ id }) => id),
            [1, 2, 3]
          )
          assert.strictEqual(new Set(clients.map(({ thread }) => thread)).size, 3)
          assert.isTrue(clients.every(({ pid, thread }) => pid === process.pid && thread > 0))
          yield* clients[0]!.connection.write("bye\n")
          assert.strictEqual(yield* clients[0]!.rest, "bye\n")
          yield* clients[1]!.connection.abort
          const { bytesReceived } = yield* waitForStats(server, ({ active }) => active === 1)
          assert.strictEqual(bytesReceived, "who\n".length * 3 + "bye\n".length)
          assert.strictEqual(yield* clients[2]!.ask("add 2"), "total 2\n")
        })
      )
      yield* waitUntil(() => threadsAndPorts() <= before)
    })
  )

  test(
    "reads the bytes that arrived before its thread was ready, and counts all bytes",
    Effect.gen(function* () {
      const server = yield* serve(FailingSession.makeProgram(), { port: 0 })
      const texts = Array.from({ length: 6 }, (_, id) => `first ${id}\nsecond\nbye\n`)
      const answers = yield* Effect.forEach(texts, (text) => send(server, text), { concurrency: "unbounded" })
      assert.deepStrictEqual(
        answers,
        texts.map((text) => `hello\n${text}`)
      )
      const { accepted, bytesReceived, bytesSent } = yield* waitForStats(server, ({ active }) => active === 0)
      assert.deepStrictEqual([accepted, bytesReceived, bytesSent], [6, texts.join("").length, answers.join("").length])
    })
  )

  test(
    "applies faults and taps of the caller's network to its clients",
    Effect.gen(function* () {
      const { network, plain, seen, summary } = yield* impaired("chunk=2")
      const server = yield* Effect.provideService(
        serve(FailingSession.makeProgram(), { port: 0 }),
        Network.Network,
        network
      )
      const connection = yield* plain.connect(server.address)
      yield* connection.write("one\nbye\n")
      assert.strictEqual(yield* Sessions.reader(connection).rest, "hello\none\nbye\n")
      assert.match(summary(), /^chunk=2 \d+ times$/)
      const textFrom = (address: NetAddress.SocketAddress) =>
        seen
          .flatMap(({ bytes, from }) =>
            "port" in address && from.port === address.port ? [Buffer.from(bytes).toString()] : []
          )
          .join("")
      assert.strictEqual(textFrom(connection.local), "one\nbye\n")
      assert.strictEqual(textFrom(connection.remote), "hello\none\nbye\n")
    })
  )

  test(
    "serves a unix socket",
    Effect.gen(function* () {
      const { path: folder } = yield* directory()
      const server = yield* serve(FailingSession.makeProgram(), { path: Path.join(folder, "socket") })
      const connection = yield* (yield* Network.Network).connect(server.address)
      yield* connection.write("one\nbye\n")
      assert.strictEqual(yield* Sessions.reader(connection).rest, "hello\none\nbye\n")
    })
  )

  test(
    "loses only the client of a thread that ends",
    Effect.gen(function* () {
      const { shared, stats } = FailingSession.makeShared()
      const server = yield* serve(FailingSession.makeProgram(shared), { port: 0 })
      const [victim, other] = yield* Effect.forEach([1, 2], () => connectGreeted(server))
      for (const client of [victim!, other!]) yield* client.ask("watch")
      yield* victim!.connection.write("exit 3\n")
      assert.strictEqual(yield* victim!.rest, "")
      yield* waitUntil(() => stats.attached === 1)
      yield* (yield* connectGreeted(server)).ask("add 2")
      assert.strictEqual(yield* other!.to("\n"), "total 2\n")
    })
  )

  test(
    "enforces maxConnections and the write timeout in the server, and idleTimeout in the thread",
    Effect.gen(function* () {
      const limits = { maxConnections: 2, busyMessage: "busy\n" } as const
      const rate = 1_000_000
      const server = yield* serve(FailingSession.makeProgram(), { port: 0, rate, ...limits })
      const [one, two] = yield* Effect.forEach([1, 2], () => connectGreeted(server))
      assert.strictEqual(yield* send(server, ""), "busy\n")
      yield* server.reconfigure({ idleTimeout: "300 millis" })
      assert.strictEqual(yield* Effect.andThen(one!.rest, two!.rest), "")
      yield* server.reconfigure({ idleTimeout: "1 minute", writeTimeout: "200 millis" })
      const greedy = yield* connectGreeted(server)
      yield* Effect.forkChild(
        Effect.forever(Effect.andThen(greedy.connection.write(`${"x".repeat(1_000)}\n`), Effect.yieldNow))
      )
      const { accepted, refused, timedOut } = yield* waitForStats(server, ({ active }) => active === 0)
      assert.deepStrictEqual([accepted, refused, timedOut], [3, 1, 3])
    })
  )

  test(
    "reads the PROXY header, and refuses the clients that it names",
    Effect.gen(function* () {
      const deny = [IpNetwork.fromStringUnsafe("192.0.2.64/26")]
      const server = yield* serve(FailingSession.makeProgram(), { port: 0, proxyProtocol: true, deny })
      const sendFrom = (client: string) => send(server, `PROXY TCP4 ${client} 192.0.2.1 40000 1066\r\none\nbye\n`)
      assert.strictEqual(yield* sendFrom("192.0.2.2"), "hello\none\nbye\n")
      assert.strictEqual(yield* sendFrom("192.0.2.65"), "")
      assert.strictEqual(yield* send(server, "one\nbye\n"), "")
    })
  )

  test(
    "drains the sessions, and terminates a thread that blocks beyond the deadline",
    Effect.gen(function* () {
      const server = yield* serve(FailingSession.makeProgram(), { port: 0, drain: "300 millis" })
      const [idle, blocked] = yield* Effect.forEach([1, 2], () => connectGreeted(server))
      yield* blocked!.connection.write("spin\n")
      yield* Effect.all([server.drain, idle!.rest, blocked!.rest], { concurrency: "unbounded" })
      const { active, timedOut } = yield* server.stats
      assert.deepStrictEqual([active, timedOut], [0, 0])
    })
  )

  testInVirtualTime(
    "disconnects only the client whose session loops, at the timeout",
    Effect.gen(function* () {
      const server = yield* NodeThreads.model({ perClient: true, workerTimeout: "9 seconds" }).serve(
        FailingSession.makeProgram(),
        { port: 0 }
      )
      const [hung, other] = yield* Effect.forEach([1, 2], () => connectGreeted(server))
      yield* hung!.connection.write("spin\n")
      assert.strictEqual(yield* whileTimeFlies(hung!.rest), "")
      assert.strictEqual(yield* whileTimePasses(other!.ask("still")), "still\n")
      yield* whileTimePasses(connectGreeted(server))
    })
  )

  test(
    "fails at its start with the reason",
    Effect.gen(function* () {
      const messageOf = (model: ReturnType<typeof NodeThreads.model>, module?: string) =>
        Effect.map(
          failure(model.serve(FailingSession.makeProgram(undefined, {}, module), { port: 0 })),
          ({ message }) => message
        )
      const nowhere = new URL("./nowhere.ts", import.meta.url).href
      assert.match(
        yield* messageOf(NodeThreads.model({ perClient: true }), nowhere),
        /nowhere\.ts: cannot load the module/
      )
      assert.match(
        yield* messageOf(NodeThreads.model({ perClient: true, threads: 2 })),
        /invalid thread count 2: each client has a thread of its own/
      )
      assert.match(
        yield* messageOf(NodeThreads.model({ perClient: true, workerTimeout: 0 })),
        /invalid worker timeout 0 ms: must be more than 0/
      )
    })
  )
})
