import { spawn } from "node:child_process"
import * as Net from "node:net"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Network from "../../src/network/Network.ts"
import * as NodeProcesses from "../../src/session/NodeProcesses.ts"
import { directory } from "../support/Directory.ts"
import * as Sessions from "../support/Sessions.ts"
import * as Lab from "./node/Lab.ts"
import { childrenOf, connectGreeted, failure, waitForStats, procSkipReason, isRunning, send, test, waitUntil } from "./node/Talk.ts"

const each = NodeProcesses.model()
const pool = NodeProcesses.model({ pool: 2 })

/** Starts a server in a process of its own, with so many clients; ends when it and all that it started are gone. */
const killed = (clients: number) =>
  Effect.callback<{ readonly children: ReadonlyArray<number>; readonly millis: number }>((resume) => {
    const program = fileURLToPath(new URL("./node/Serve.ts", import.meta.url))
    const server = spawn(process.execPath, [program], { stdio: ["ignore", "pipe", "pipe"] })
    const sockets: Array<Net.Socket> = []
    let greeted = 0
    let children: ReadonlyArray<number> = []
    let at = 0
    const kill = () => {
      children = childrenOf(server.pid!).map(({ pid }) => pid)
      at = performance.now()
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
    // Its children have its stderr: this comes when the last of them has gone.
    server.once("close", () => resume(Effect.succeed({ children, millis: performance.now() - at })))
    return Effect.sync(() => {
      server.kill("SIGKILL")
      for (const socket of sockets) socket.destroy()
    })
  })

describe("NodeProcesses", () => {
  test(
    "five seconds after kill -9 of a server with 20 players no child of it is left",
    Effect.gen(function* () {
      const { children, millis } = yield* killed(20)
      assert.isAtLeast(children.length, 20)
      assert.isBelow(millis, 5_000)
      // The last thing that a process gives up is not its stderr.
      yield* waitUntil(() => !children.some(isRunning))
    }),
    procSkipReason
  )

  test(
    "a client has a process of its own, which ends with it and leaves no zombie",
    Effect.gen(function* () {
      const server = yield* each.serve(Lab.makeProgram(), { port: 0 })
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
      // The spare one is missed by nobody.
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
    "nothing is lost on the way: what came with the connection is read, and all bytes are counted",
    Effect.gen(function* () {
      const server = yield* pool.serve(Lab.makeProgram(), { port: 0 })
      const texts = Array.from({ length: 100 }, (_, id) => `first ${id}\nsecond\nbye\n`)
      const heard = yield* Effect.forEach(texts, (text) => send(server, text), { concurrency: "unbounded" })
      assert.deepStrictEqual(
        heard,
        texts.map((text) => `hello\n${text}`)
      )
      const { accepted, bytesReceived, bytesSent } = yield* waitForStats(server, ({ active }) => active === 0)
      assert.deepStrictEqual([accepted, bytesReceived, bytesSent], [100, texts.join("").length, heard.join("").length])
    })
  )

  test(
    "a client whose child dies before it has taken the connection is served by the next, with all it sent",
    Effect.gen(function* () {
      const server = yield* NodeProcesses.model({ pool: 1 }).serve(Lab.makeProgram(), { port: 0 })
      const [child] = childrenOf(process.pid)
      process.kill(child!.pid, "SIGSTOP")
      const heard = yield* Effect.forkChild(send(server, "one\ntwo\nbye\n"))
      yield* waitForStats(server, ({ active }) => active === 1)
      process.kill(child!.pid, "SIGKILL")
      assert.strictEqual(yield* Fiber.join(heard), "hello\none\ntwo\nbye\n")
    }),
    procSkipReason
  )

  test(
    "a connection over a path of the file system is handed over, too",
    Effect.gen(function* () {
      const { path: folder } = yield* directory()
      const path = Path.join(folder, "socket")
      const server = yield* pool.serve(Lab.makeProgram(), { path })
      const connection = yield* (yield* Network.Network).connect(server.address)
      yield* connection.write("one\nbye\n")
      assert.strictEqual(yield* Sessions.reader(connection).rest, "hello\none\nbye\n")
    })
  )

  test(
    "a pool spreads its clients; kill -9 of one child ends its clients only, and it is replaced",
    Effect.gen(function* () {
      const { stats, shared } = Lab.makeShared()
      const server = yield* pool.serve(Lab.makeProgram(shared), { port: 0 })
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
    "what was asked is done, although the child that asked is dead",
    Effect.gen(function* () {
      const { stats, shared } = Lab.makeShared((pid) => {
        process.kill(pid, "SIGKILL")
        return Effect.orDie(waitUntil(() => !isRunning(pid)))
      })
      const server = yield* each.serve(Lab.makeProgram(shared), { port: 0 })
      const client = yield* connectGreeted(server)
      yield* client.connection.write("last\n")
      assert.strictEqual(yield* client.rest, "")
      yield* waitUntil(() => stats.total === 1 && stats.attached === 0)
      assert.strictEqual(yield* (yield* connectGreeted(server)).ask("add 1"), "total 2\n")
    }),
    procSkipReason
  )

  test(
    "a question or an answer that does not fit its schema ends one client",
    Effect.gen(function* () {
      const { stats, shared } = Lab.makeShared()
      const server = yield* pool.serve(Lab.makeProgram(shared), { port: 0 })
      const [asks, told, watches, bystander] = yield* Effect.forEach([1, 2, 3, 4], () => connectGreeted(server))
      yield* watches!.ask("watch")
      yield* asks!.connection.write("add many\n")
      assert.strictEqual(yield* asks!.rest, "")
      stats.total = 0.5
      yield* told!.connection.write("add 1\n")
      assert.strictEqual(yield* told!.rest, "")
      assert.strictEqual(yield* watches!.rest, "")
      stats.total = 0
      assert.strictEqual(yield* bystander!.ask("add 1"), "total 1\n")
    })
  )

  test(
    "the limits of the door and of the children hold",
    Effect.gen(function* () {
      const limits = { maxConnections: 2, busyMessage: "busy\n", idleTimeout: "300 millis" } as const
      const server = yield* pool.serve(Lab.makeProgram(), { port: 0, ...limits })
      const one = yield* connectGreeted(server)
      const two = yield* connectGreeted(server)
      assert.strictEqual(yield* send(server, ""), "busy\n")
      assert.strictEqual(yield* Effect.andThen(one.rest, two.rest), "")
      const { accepted, refused, timedOut } = yield* waitForStats(server, ({ active }) => active === 0)
      assert.deepStrictEqual([accepted, refused, timedOut], [2, 1, 2])
    })
  )

  test(
    "a drain tells the sessions, and kills what does not listen by its deadline",
    Effect.gen(function* () {
      const server = yield* each.serve(Lab.makeProgram(), { port: 0, drain: "300 millis" })
      const polite = yield* connectGreeted(server)
      const deaf = yield* connectGreeted(server)
      yield* deaf.connection.write("spin\n")
      yield* Effect.all([server.drain, polite.rest, deaf.rest], { concurrency: "unbounded" })
      assert.deepStrictEqual(childrenOf(process.pid), [])
      const { active, timedOut } = yield* server.stats
      assert.deepStrictEqual([active, timedOut], [0, 0])
    }),
    procSkipReason
  )

  test(
    "a server that cannot be says so at its start, and leaves no child",
    Effect.gen(function* () {
      const messageOf = (loadable: ReturnType<typeof Lab.makeProgram>, model = each, port = 0) =>
        Effect.map(failure(model.serve(loadable, { port })), ({ message }) => message)
      const { shared } = Lab.makeShared()
      const here = import.meta.url
      assert.match(
        yield* messageOf(Lab.makeProgram(shared, {}, new URL("./nowhere.ts", here).href)),
        /nowhere\.ts: the module cannot be loaded: .*nowhere/
      )
      const path = new URL("../../src/session/Fibers.ts", here).href
      assert.match(yield* messageOf(Lab.makeProgram(shared, {}, path)), /Fibers\.ts: .* no `definition`.*model/)
      assert.match(
        yield* messageOf(Lab.makeProgram(shared, { greeting: 1 })),
        /Lab\.ts: .*do not fit lab:.*string.*greeting/
      )
      assert.match(yield* messageOf(Lab.makeProgram(), NodeProcesses.model({ pool: 0 })), /pool of 0 .*1 or more/)
      const server = yield* pool.serve(Lab.makeProgram(), { port: 0 })
      const port = "port" in server.address ? server.address.port : 0
      assert.match(yield* messageOf(Lab.makeProgram(), each, port), /already in use/)
      assert.strictEqual(childrenOf(process.pid).length, 2)
    }),
    procSkipReason
  )
})
