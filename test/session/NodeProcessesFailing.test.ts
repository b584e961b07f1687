import { spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Path from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import * as NodeProcesses from "../../src/session/NodeProcesses.ts"
import { directory } from "../support/Directory.ts"
import { waitUntil } from "../support/Pause.ts"
import * as FailingSession from "./node/FailingSession.ts"
import {
  childrenOf,
  connectGreeted,
  isRunning,
  procSkipReason,
  send,
  test,
  testInVirtualTime,
  waitForStats,
  whileTimeFlies,
  whileTimePasses
} from "./node/WorkerServers.ts"

const perClient = NodeProcesses.model()

/**
 * Connects clients to a server with 90 descriptors, of which 50 are in use from its start. Returns the text that each
 * client has read before the end of its connection or of the test, and what the server has logged.
 */
const exhaustServer = (clients: number) =>
  Effect.callback<{ readonly texts: ReadonlyArray<string>; readonly log: string }>((resume) => {
    const program = fileURLToPath(new URL("./node/ServerProcess.ts", import.meta.url))
    const server = spawn("sh", ["-c", `ulimit -n 90 && exec "$0" "$1" 50`, process.execPath, program])
    const sockets: Array<Net.Socket> = []
    const texts: Array<string> = []
    let log = ""
    let settled = 0
    const stop = () => {
      server.kill("SIGKILL")
      for (const socket of sockets) socket.destroy()
    }
    const settle = () => {
      if (++settled === clients) stop()
    }
    server.once("close", () => resume(Effect.succeed({ texts, log })))
    for (const output of [server.stdout, server.stderr])
      output.on("data", (bytes) => {
        log += bytes
      })
    server.stdout.once("data", (port) => {
      for (let client = 0; client < clients; client++) {
        const socket = Net.connect(Number(port), "127.0.0.1")
        sockets.push(socket)
        texts.push("")
        socket.on("error", () => {})
        socket.on("data", (bytes) => {
          texts[client] = `${texts[client]}${bytes}`
          settle()
        })
        socket.once("close", () => {
          if (texts[client] === "") settle()
        })
      }
    })
    return Effect.sync(stop)
  })

describe("NodeProcesses with failing processes", () => {
  testInVirtualTime(
    "gives the clients of a stopped worker to the others at once, and disconnects its own at the timeout",
    Effect.gen(function* () {
      const model = NodeProcesses.model({ pool: 3, workerTimeout: "9 seconds" })
      const server = yield* model.serve(FailingSession.makeProgram(), { port: 0 })
      const [stopped, ...others] = yield* Effect.forEach([1, 2, 3], () => connectGreeted(server))
      process.kill(stopped!.pid, "SIGSTOP")
      // No worker has sent a message for a while.
      yield* TestClock.adjust("200 millis")
      const connect = Effect.forEach(Array.from({ length: 12 }), () => connectGreeted(server), { concurrency: 12 })
      const next = yield* whileTimePasses(connect)
      assert.isTrue(next.every(({ pid }) => pid !== stopped!.pid))
      assert.isTrue(isRunning(stopped!.pid))
      assert.strictEqual(yield* whileTimeFlies(stopped!.rest), "")
      for (const client of [...others, ...next])
        assert.strictEqual(yield* whileTimePasses(client.ask("still")), "still\n")
      yield* whileTimePasses(waitUntil(() => childrenOf(process.pid).length === 3))
    }),
    procSkipReason
  )

  test(
    "closes the client whose process cannot start, and serves others again later",
    Effect.gen(function* () {
      const { path: folder } = yield* directory()
      const module = Path.join(folder, "session.ts")
      const source = new URL("./node/FailingSession.ts", import.meta.url).href
      Fs.writeFileSync(module, `export { definition } from ${JSON.stringify(source)}\n`)
      const program = FailingSession.makeProgram(undefined, {}, pathToFileURL(module).href)
      const server = yield* perClient.serve(program, { port: 0 })
      const [spare] = childrenOf(process.pid)
      Fs.writeFileSync(module, "throw new Error('broken')\n")
      process.kill(spare!.pid, "SIGKILL")
      yield* waitUntil(() => !isRunning(spare!.pid))
      const closed = yield* Effect.forEach([1, 2, 3], () => send(server, "one\n"), { concurrency: 3 })
      assert.deepStrictEqual(closed, ["", "", ""])
      assert.strictEqual((yield* waitForStats(server, ({ active }) => active === 0)).accepted, 3)
      Fs.writeFileSync(module, `export { definition } from ${JSON.stringify(source)}\n`)
      const connectAgain = Effect.retry(Effect.catchDefect(connectGreeted(server), Effect.fail), { times: 100 })
      assert.strictEqual(yield* (yield* connectAgain).ask("one"), "one\n")
    }),
    procSkipReason
  )

  test(
    "closes the clients for whose processes no descriptor is left, and logs it once",
    Effect.gen(function* () {
      const { log, texts } = yield* exhaustServer(16)
      const served = texts.filter((text) => text === "hello\n").length
      assert.isAtLeast(served, 1)
      assert.strictEqual(texts.filter((text) => text === "").length, 16 - served)
      assert.isBelow(served, 16)
      // The network refuses a client before its process could fail to start.
      assert.strictEqual(log.match(/connection refused: too many open files \(limit 90, /g)?.length, 1, log)
    }),
    procSkipReason
  )
})
