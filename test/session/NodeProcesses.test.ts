import { spawn } from "node:child_process"
import * as Net from "node:net"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as IpNetwork from "effect/net/IpNetwork"
import * as Network from "../../src/network/Network.ts"
import * as NodeInheritedSockets from "../../src/network/node/NodeInheritedSockets.ts"
import * as NodeProcesses from "../../src/session/NodeProcesses.ts"
import { directory } from "../support/Directory.ts"
import { waitUntil } from "../support/Pause.ts"
import * as Sessions from "../support/Sessions.ts"
import * as FailingSession from "./node/FailingSession.ts"
import {
  assertReplacesHanging,
  childrenOf,
  connectGreeted,
  failure,
  isRunning,
  procSkipReason,
  send,
  test,
  testInVirtualTime,
  waitForStats
} from "./node/WorkerServers.ts"

const perClient = NodeProcesses.model()
const pool = NodeProcesses.model({ pool: 2 })

/** Starts a server in a separate process and kills it when all clients are greeted. Returns its children then. */
const killServer = (clients: number) =>
  Effect.callback<ReadonlyArray<number>>((resume) => {
    const program = fileURLToPath(new URL("./node/ServerProcess.ts", import.meta.url))
    const server = spawn(process.execPath, [program], { stdio: ["ignore", "pipe", "pipe"] })
    const sockets: Array<Net.Socket> = []
    let greeted = 0
    let children: ReadonlyArray<number> = []
    const kill = () => {
      children = childrenOf(server.pid!).map(({ pid }) => pid)
      server.kill("SIGKILL")
    }
    server.stdout.once("data", (port) => {
      for (let client = 0; client < clients; client++) {
        const socket = Net.connect(Number(port), "127.0.0.1")
        sockets.push(socket)
        socket.on("error", () => {})
        socket.once("data", () => {
          if (++greeted === clients) kill()
        })
      }
    })
    server.stderr.resume()
    // The children inherit stderr: `close` is emitted after the last of them has closed it.
    server.once("close", () => resume(Effect.succeed(children)))
    return Effect.sync(() => {
      server.kill("SIGKILL")
      for (const socket of sockets) socket.destroy()
    })
  })

describe("NodeProcesses", () => {
  test(
    "leaves no worker process after the server is killed with SIGKILL",
    Effect.gen(function* () {
      const children = yield* killServer(4)
      assert.isAtLeast(children.length, 4)
      // A process closes its stderr before it ends.
      yield* waitUntil(() => !children.some(isRunning))
    }),
    procSkipReason
  )

  test(
    "serves each client in its own process, which ends with the client and leaves no zombie",
    Effect.gen(function* () {
      const server = yield* perClient.serve(FailingSession.makeProgram(), { port: 0 })
      const one = yield* connectGreeted(server)
      const two = yield* connectGreeted(server)
      assert.deepStrictEqual([one.id, two.id], [1, 2])
      const pids = childrenOf(process.pid).map(({ pid }) => pid)
      assert.isTrue(one.pid !== two.pid && pids.includes(one.pid) && pids.includes(two.pid))
      yield* one.connection.write("bye\n")
      assert.strictEqual(yield* one.rest, "bye\n")
      yield* waitUntil(() => !isRunning(one.pid))
      assert.strictEqual(yield* two.ask("add 2"), "total 2\n")
      yield* waitUntil(() => childrenOf(process.pid).every(({ state }) => state !== "Z"))
      const { accepted, active } = yield* server.stats
      assert.deepStrictEqual([accepted, active], [2, 1])
      // Without the spare process a client is still served.
      const spare = yield* Effect.map(
        waitUntil(() => childrenOf(process.pid).length === 2),
        () => childrenOf(process.pid).find(({ pid }) => pid !== two.pid)
      )
      process.kill(spare!.pid, "SIGKILL")
      const three = yield* connectGreeted(server)
      assert.deepStrictEqual([three.id, three.pid === spare!.pid], [3, false])
    }),
    procSkipReason
  )

  test(
    "reads the bytes that arrived before the connection was handed over, and counts all bytes",
    Effect.gen(function* () {
      const server = yield* pool.serve(FailingSession.makeProgram(), { port: 0 })
      const texts = Array.from({ length: 100 }, (_, id) => `first ${id}\nsecond\nbye\n`)
      const answers = yield* Effect.forEach(texts, (text) => send(server, text), { concurrency: "unbounded" })
      assert.deepStrictEqual(
        answers,
        texts.map((text) => `hello\n${text}`)
      )
      const { accepted, bytesReceived, bytesSent } = yield* waitForStats(server, ({ active }) => active === 0)
      assert.deepStrictEqual(
        [accepted, bytesReceived, bytesSent],
        [100, texts.join("").length, answers.join("").length]
      )
    })
  )

  test(
    "hands a connection to the next worker if the first dies before it accepts",
    Effect.gen(function* () {
      const server = yield* NodeProcesses.model({ pool: 1 }).serve(FailingSession.makeProgram(), { port: 0 })
      const [child] = childrenOf(process.pid)
      process.kill(child!.pid, "SIGSTOP")
      const answer = yield* Effect.forkChild(send(server, "one\ntwo\nbye\n"))
      yield* waitForStats(server, ({ active }) => active === 1)
      process.kill(child!.pid, "SIGKILL")
      assert.strictEqual(yield* Fiber.join(answer), "hello\none\ntwo\nbye\n")
    }),
    procSkipReason
  )

  test(
    "hands over connections of a Unix domain socket",
    Effect.gen(function* () {
      const { path: folder } = yield* directory()
      const path = Path.join(folder, "socket")
      const server = yield* pool.serve(FailingSession.makeProgram(), { path })
      const connection = yield* (yield* Network.Network).connect(server.address)
      yield* connection.write("one\nbye\n")
      assert.strictEqual(yield* Sessions.reader(connection).rest, "hello\none\nbye\n")
    })
  )

  test(
    "distributes clients over a pool, loses only those of a killed worker, and replaces it",
    Effect.gen(function* () {
      const { stats, shared } = FailingSession.makeShared()
      const server = yield* pool.serve(FailingSession.makeProgram(shared), { port: 0 })
      const clients = yield* Effect.forEach([1, 2, 3, 4], () => connectGreeted(server))
      const [victim, ...others] = new Set(clients.map(({ pid }) => pid))
      assert.strictEqual(others.length, 1)
      assert.strictEqual(clients.filter(({ pid }) => pid === victim).length, 2)
      for (const client of clients) yield* client.ask("watch")
      assert.strictEqual(stats.attached, 4)
      process.kill(victim!, "SIGKILL")
      for (const client of clients) if (client.pid === victim) assert.strictEqual(yield* client.rest, "")
      yield* waitUntil(() => stats.attached === 2)
      const [left, right] = clients.filter(({ pid }) => pid !== victim)
      yield* left!.connection.write("add 7\n")
      assert.strictEqual(yield* right!.to("\n"), "total 7\n")
      const next = yield* Effect.forEach([1, 2, 3], () => connectGreeted(server))
      assert.isTrue(next.every(({ pid }) => pid !== victim))
      yield* waitUntil(() => childrenOf(process.pid).length === 2)
      assert.isFalse(isRunning(victim!))
      assert.deepStrictEqual(
        next.map(({ id }) => id),
        [5, 6, 7]
      )
    }),
    procSkipReason
  )

  test(
    "completes an ask of a worker that has died",
    Effect.gen(function* () {
      const { stats, shared } = FailingSession.makeShared((pid) => {
        process.kill(pid, "SIGKILL")
        return Effect.orDie(waitUntil(() => !isRunning(pid)))
      })
      const server = yield* perClient.serve(FailingSession.makeProgram(shared), { port: 0 })
      const client = yield* connectGreeted(server)
      yield* client.connection.write("last\n")
      assert.strictEqual(yield* client.rest, "")
      yield* waitUntil(() => stats.total === 1 && stats.attached === 0)
      assert.strictEqual(yield* (yield* connectGreeted(server)).ask("add 1"), "total 2\n")
    }),
    procSkipReason
  )

  test(
    "disconnects only the client whose ask, answer or push does not match its schema",
    Effect.gen(function* () {
      const { stats, shared } = FailingSession.makeShared()
      const server = yield* pool.serve(FailingSession.makeProgram(shared), { port: 0 })
      const [asking, answered, watching, bystander] = yield* Effect.forEach([1, 2, 3, 4], () => connectGreeted(server))
      yield* watching!.ask("watch")
      yield* asking!.connection.write("add many\n")
      assert.strictEqual(yield* asking!.rest, "")
      stats.total = 0.5
      yield* answered!.connection.write("add 1\n")
      assert.strictEqual(yield* answered!.rest, "")
      assert.strictEqual(yield* watching!.rest, "")
      stats.total = 0
      assert.strictEqual(yield* bystander!.ask("add 1"), "total 1\n")
    })
  )

  test(
    "enforces maxConnections in the server and idleTimeout in the workers",
    Effect.gen(function* () {
      const limits = { maxConnections: 2, busyMessage: "busy\n", idleTimeout: "300 millis" } as const
      const server = yield* pool.serve(FailingSession.makeProgram(), { port: 0, ...limits })
      const one = yield* connectGreeted(server)
      const two = yield* connectGreeted(server)
      assert.strictEqual(yield* send(server, ""), "busy\n")
      assert.strictEqual(yield* Effect.andThen(one.rest, two.rest), "")
      const { accepted, refused, timedOut } = yield* waitForStats(server, ({ active }) => active === 0)
      assert.deepStrictEqual([accepted, refused, timedOut], [2, 1, 2])
    })
  )

  test(
    "gives new limits to its workers, also to those that start later",
    Effect.gen(function* () {
      const server = yield* pool.serve(FailingSession.makeProgram(), {
        port: 0,
        maxConnections: 1,
        busyMessage: "busy\n"
      })
      const first = yield* connectGreeted(server)
      assert.strictEqual(yield* send(server, ""), "busy\n")
      yield* server.reconfigure({ maxConnections: 3, idleTimeout: "300 millis" })
      const second = yield* connectGreeted(server)
      assert.strictEqual(yield* Effect.andThen(first.rest, second.rest), "")
      // A connection waits for the end of its peer before it is counted.
      yield* waitForStats(server, ({ timedOut }) => timedOut === 2)
      for (const { pid } of childrenOf(process.pid)) process.kill(pid, "SIGKILL")
      const third = yield* connectGreeted(server)
      assert.strictEqual(yield* third.rest, "")
      assert.strictEqual((yield* waitForStats(server, ({ active }) => active === 0)).timedOut, 3)
    }),
    procSkipReason
  )

  test(
    "reads the PROXY header, and refuses the clients that it names",
    Effect.gen(function* () {
      const deny = [IpNetwork.fromStringUnsafe("192.0.2.64/26")]
      const server = yield* pool.serve(FailingSession.makeProgram(), { port: 0, proxyProtocol: true, deny })
      const sendFrom = (client: string) => send(server, `PROXY TCP4 ${client} 192.0.2.1 40000 1066\r\none\nbye\n`)
      assert.strictEqual(yield* sendFrom("192.0.2.2"), "hello\none\nbye\n")
      assert.strictEqual(yield* sendFrom("192.0.2.65"), "")
      assert.strictEqual(yield* send(server, "one\nbye\n"), "")
      const options = { port: 0, proxyProtocol: true, maxConnectionsPerPeer: 2 }
      const { message } = yield* failure(pool.serve(FailingSession.makeProgram(), options))
      assert.match(message, /cannot be combined with the PROXY protocol/)
    })
  )

  test(
    "drains the sessions, and kills a worker that blocks beyond the deadline",
    Effect.gen(function* () {
      const server = yield* perClient.serve(FailingSession.makeProgram(), { port: 0, drain: "300 millis" })
      const idle = yield* connectGreeted(server)
      const blocked = yield* connectGreeted(server)
      yield* blocked.connection.write("spin\n")
      yield* Effect.all([server.drain, idle.rest, blocked.rest], { concurrency: "unbounded" })
      assert.deepStrictEqual(childrenOf(process.pid), [])
      const { active, timedOut } = yield* server.stats
      assert.deepStrictEqual([active, timedOut], [0, 0])
    }),
    procSkipReason
  )

  testInVirtualTime(
    "replaces a stopped worker of a pool",
    Effect.gen(function* () {
      const server = yield* NodeProcesses.model({ pool: 1 }).serve(FailingSession.makeProgram(), { port: 0 })
      yield* assertReplacesHanging(server, ({ pid }) => Effect.sync(() => void process.kill(pid, "SIGSTOP")))
    }),
    procSkipReason
  )

  testInVirtualTime(
    "kills the process of a client whose session loops",
    Effect.gen(function* () {
      const server = yield* perClient.serve(FailingSession.makeProgram(), { port: 0 })
      yield* assertReplacesHanging(server, ({ connection }) => connection.write("spin\n"))
    }),
    procSkipReason
  )

  test(
    "fails at its start with the reason, and leaves no worker process",
    Effect.gen(function* () {
      const messageOf = (loadable: ReturnType<typeof FailingSession.makeProgram>, model = perClient, port = 0) =>
        Effect.map(failure(model.serve(loadable, { port })), ({ message }) => message)
      const { shared } = FailingSession.makeShared()
      const here = import.meta.url
      assert.match(
        yield* messageOf(FailingSession.makeProgram(shared, {}, new URL("./nowhere.ts", here).href)),
        /nowhere\.ts: cannot load the module: .*nowhere/
      )
      const path = new URL("../../src/session/Fibers.ts", here).href
      assert.match(yield* messageOf(FailingSession.makeProgram(shared, {}, path)), /Fibers\.ts: no `definition`.*model/)
      assert.match(
        yield* messageOf(FailingSession.makeProgram(shared, { greeting: 1 })),
        /FailingSession\.ts: invalid options .* for lab:.*string.*greeting/
      )
      assert.match(
        yield* messageOf(FailingSession.makeProgram(), NodeProcesses.model({ pool: 0 })),
        /invalid pool size 0: must be at least 1/
      )
      const server = yield* pool.serve(FailingSession.makeProgram(), { port: 0 })
      const port = "port" in server.address ? server.address.port : 0
      assert.match(yield* messageOf(FailingSession.makeProgram(), perClient, port), /already in use/)
      assert.strictEqual(childrenOf(process.pid).length, 2)
    }),
    procSkipReason
  )

  test(
    "refuses standard input and output that are not one socket, before it starts a process",
    Effect.gen(function* () {
      const stream: NodeInheritedSockets.ConnectedStream = {
        _tag: "Connected",
        fd: 0,
        name: undefined,
        isBidirectional: false
      }
      for (const model of [perClient, pool]) {
        const { message } = yield* failure(model.serve(FailingSession.makeProgram(), { port: 0 })).pipe(
          Effect.provideService(NodeInheritedSockets.InheritedSockets, NodeInheritedSockets.make([stream]))
        )
        assert.match(message, /^worker processes cannot serve a pipe or a terminal: .*; use another model$/)
      }
    })
  )
})
