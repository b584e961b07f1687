import * as Fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { constVoid } from "effect/Function"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as Negotiation from "../../../src/tftp/protocol/Negotiation.ts"
import * as NodeTransferThreads from "../../../src/tftp/server/NodeTransferThreads.ts"
import type * as RequestHandler from "../../../src/tftp/server/RequestHandler.ts"
import * as MemoryStore from "../../../src/tftp/store/MemoryStore.ts"
import * as NodeFileStore from "../../../src/tftp/store/NodeFileStore.ts"
import type * as Store from "../../../src/tftp/store/Store.ts"
import type { TransferSpec } from "../../../src/tftp/transfer/TransferSpec.ts"
import { directory } from "../../support/Directory.ts"
import { until } from "../../support/Hosts.ts"
import * as TftpHosts from "../../support/tftp/TftpHosts.ts"
import * as TftpTranscript from "../../support/tftp/TftpTranscript.ts"

const fileBytes = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 2_654_435_761) >>> 13)

/** Starts a server of a directory whose transfers run in two threads. */
const serve = Effect.gen(function* () {
  const { inRoot, root } = yield* directory()
  const store = yield* NodeFileStore.make({ root, write: "overwrite", quota: { file: 1_000_000 } })
  const threads = yield* NodeTransferThreads.make(2)
  return { ...(yield* TftpHosts.serve({ store, threads })), inRoot }
})

describe("NodeTransferThreads", () => {
  TftpHosts.real("send and receive eight files at a time", () =>
    Effect.gen(function* () {
      const { endpoint, inRoot, server } = yield* serve
      const sizes = [0, 1, 512, 100_000, 400_001, 5, 70_000, 262_144]
      const files = sizes.map((size, i) => [`f${i}`, fileBytes(size)] as const)
      for (const [name, bytes] of files) Fs.writeFileSync(inRoot(name), bytes)
      yield* Effect.forEach(
        files,
        ([name, bytes]) =>
          Effect.gen(function* () {
            assert.deepStrictEqual(yield* TftpHosts.get(endpoint, name), bytes)
            yield* TftpHosts.put(endpoint, `${name}.up`, bytes, { windowsize: 8 })
            assert.deepStrictEqual(new Uint8Array(Fs.readFileSync(inRoot(`${name}.up`))), bytes)
          }),
        { concurrency: "unbounded" }
      )
      yield* until(() => Effect.runSync(server.stats).active === 0)
      const { active, bytesReceived, bytesSent, failed, finished } = yield* server.stats
      const total = sizes.reduce((sum, size) => sum + size, 0)
      assert.deepStrictEqual(
        { active, bytesReceived, bytesSent, failed, finished },
        { active: 0, bytesReceived: total, bytesSent: total, failed: 0, finished: 2 * sizes.length }
      )
    })
  )

  TftpHosts.real("transfer netascii, and return the refusal of a store unchanged", () =>
    Effect.gen(function* () {
      const { endpoint, inRoot, server } = yield* serve
      Fs.writeFileSync(inRoot("text"), "one\ntwo\r\n")
      const text = yield* TftpHosts.get(endpoint, "text", { mode: "netascii" })
      assert.strictEqual(new TextDecoder().decode(text), "one\ntwo\r\n")
      Fs.writeFileSync(inRoot("old"), "old")
      // Without options the size is not announced: the quota is exceeded during the transfer.
      const large = TftpHosts.put(endpoint, "old", fileBytes(1_200_000), { plain: true })
      assert.strictEqual(yield* TftpHosts.outcome(large), "Refused 3")
      yield* until(() => Effect.runSync(server.stats).failed === 1)
      assert.strictEqual(Fs.readFileSync(inRoot("old"), "utf8"), "old")
      assert.deepStrictEqual(Fs.readdirSync(inRoot(".")).toSorted(), ["old", "text"])
    })
  )

  TftpHosts.real("reject an unknown peer, count a size probe, and stop a transfer at a second request", () =>
    Effect.gen(function* () {
      const { endpoint, inRoot, server } = yield* serve
      Fs.writeFileSync(inRoot("f"), fileBytes(1_200))
      const talk = yield* TftpTranscript.open({ endpoint, content: fileBytes(1_200) })
      yield* talk.play("a> RRQ f octet", "a< DATA 1 512", "b> ACK 1", "b< ERROR 5", "a> ACK 1", "a< DATA 2 512")
      yield* talk.play("a> ERROR 0 enough", "c> RRQ f octet tsize=0", "c< OACK tsize=1200", "c> ERROR 8 bye")
      yield* talk.play("d> RRQ f octet", "d< DATA 1 512", "d> RRQ none octet", "d< ERROR 1")
      yield* until(() => {
        const { failed, probed, refused } = Effect.runSync(server.stats)
        return failed === 2 && probed === 1 && refused === 1
      })
    })
  )
})

describe("NodeTransferThreads, limits of the server", () => {
  TftpHosts.real("let silent clients give way, and no client that has replied", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory()
      Fs.writeFileSync(inRoot("f"), fileBytes(1_200))
      const store = yield* NodeFileStore.make({ root })
      const threads = yield* NodeTransferThreads.make(2)
      const { endpoint, server } = yield* TftpHosts.serve({ store, threads, maxTransfers: 2, timeout: "1 minute" })
      const talk = yield* TftpTranscript.open({ endpoint, content: fileBytes(1_200) })
      yield* talk.play(
        "a> RRQ f octet",
        "a< DATA 1 512",
        "a> ACK 1",
        "a< DATA 2 512",
        "b> RRQ f octet",
        "b< DATA 1 512"
      )
      yield* talk.play(
        "c> RRQ f octet",
        "c< DATA 1 512",
        "b< ERROR 0",
        "c> ACK 1",
        "c< DATA 2 512",
        "d> RRQ f octet",
        "d< ERROR 0"
      )
      yield* talk.play("a> ACK 2", "a< DATA 3 176")
      const { failed, gaveWay, refused } = yield* server.stats
      assert.deepStrictEqual({ failed, gaveWay, refused }, { failed: 0, gaveWay: 1, refused: 1 })
    })
  )

  TftpHosts.real("set the timeout", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory()
      Fs.writeFileSync(inRoot("f"), fileBytes(5))
      const store = yield* NodeFileStore.make({ root })
      const threads = yield* NodeTransferThreads.make(1)
      const { endpoint, server } = yield* TftpHosts.serve({ store, threads, timeout: "10 millis", retries: 1 })
      const talk = yield* TftpTranscript.open({ endpoint, content: fileBytes(5) })
      yield* talk.play("a> RRQ f octet", "a< DATA 1 5", "a< DATA 1 5")
      yield* until(() => Effect.runSync(server.stats).failed === 1)
      yield* talk.play("a-")
    })
  )
})

/** A thread's module, as a URL that contains the program. */
const moduleOf = (program: string) =>
  new URL(`data:text/javascript,${encodeURIComponent(`import { parentPort } from "node:worker_threads"\n${program}`)}`)

const spec: TransferSpec = {
  kind: "RRQ",
  filename: "f",
  mode: "octet",
  peer: { address: "127.0.0.1", port: 9 },
  host: "127.0.0.1",
  ports: undefined,
  agreed: Negotiation.defaults,
  initialPacket: undefined,
  timeoutMillis: undefined,
  retries: undefined,
  maxUnvalidatedPackets: 3
}

const file: Store.Readable = { ...MemoryStore.fromBytes(fileBytes(5)), descriptor: 0 }

/** Starts two threads of a program, and one transfer in one of them. */
const startTransfer = Effect.fnUntraced(function* (program: string) {
  const threads = yield* NodeTransferThreads.make(2, moduleOf(program))
  const { transfer } = yield* threads.make(spec, file, constVoid)!
  return { threads, transfer, message: Effect.map(Effect.flip(transfer.run), ({ message }) => message) }
})

const isReady = `parentPort.on("message", (message) => onMessage(message)); parentPort.postMessage({ _tag: "Ready" })`

/** A module of threads that run transfers, until the block or the ACK with a number arrives. */
const endingAt = (block: number, end: string) =>
  moduleOf(`
    import * as Dgram from "node:dgram"
    const { emit } = Dgram.Socket.prototype
    Dgram.Socket.prototype.emit = function (name, bytes, ...rest) {
      if (name !== "message" || bytes[3] !== ${block}) return emit.call(this, name, bytes, ...rest)
      ${end}
    }
    await import(${JSON.stringify(new URL("../../../src/tftp/server/NodeTransferThread.ts", import.meta.url).href)})
  `)

/** Starts a download and an upload with a server whose transfers run in threads of a module. */
const startTwo = Effect.fnUntraced(function* (threads: RequestHandler.TransferThreads) {
  const { inRoot, root } = yield* directory()
  Fs.writeFileSync(inRoot("f"), fileBytes(1_200))
  const store = yield* NodeFileStore.make({ root, write: "overwrite" })
  const { endpoint, server } = yield* TftpHosts.serve({ store, threads, timeout: "1 minute" })
  const talk = yield* TftpTranscript.open({ endpoint, content: fileBytes(1_200) })
  yield* talk.play("a> RRQ f octet", "a< DATA 1 512", "b> WRQ up octet", "b< ACK 0", "b> DATA 1 512", "b< ACK 1")
  yield* talk.play("a> ACK 1")
  const last = yield* talk.receive("a")
  assert.strictEqual(TftpTranscript.textOf(last.bytes), "DATA 2 512")
  /** Asserts that both transfers end with an ERROR from their ports and leave nothing, and that the server goes on. */
  const assertEnded = Effect.gen(function* () {
    const error = yield* talk.receive("a")
    assert.strictEqual(TftpTranscript.textOf(error.bytes), "ERROR 0")
    assert.strictEqual(error.from.port, last.from.port)
    yield* talk.play("b< ERROR 0")
    yield* until(() => Effect.runSync(server.stats).failed === 2 && Fs.readdirSync(root).length === 1)
    assert.strictEqual((yield* server.stats).active, 0)
    yield* talk.play("c> RRQ f octet", "c< DATA 1 512")
  })
  return { talk, assertEnded }
})

describe("NodeTransferThreads, with a thread that ends during its transfers", () => {
  for (const [title, end] of [
    ["exits", "process.exit(7)"],
    ["throws", 'setImmediate(() => { throw new Error("broken") })']
  ] as const) {
    TftpHosts.real(`sends the ERROR of each, and replaces the thread if it ${title}`, () =>
      Effect.gen(function* () {
        const threads = yield* NodeTransferThreads.make(1, endingAt(2, end))
        const { assertEnded, talk } = yield* startTwo(threads)
        yield* talk.play("b> DATA 2 512")
        yield* assertEnded
        yield* until(() => threads.make(spec, file, constVoid) !== undefined)
      })
    )
  }

  TftpHosts.real("sends the ERROR of each if the threads are terminated", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const threads = yield* Scope.provide(NodeTransferThreads.make(2), scope)
      const { assertEnded } = yield* startTwo(threads)
      yield* Scope.close(scope, Exit.void)
      yield* assertEnded
    })
  )

  TftpHosts.real("sends ERROR from the port of the server if the thread ends before it has a port", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory()
      Fs.writeFileSync(inRoot("f"), fileBytes(512))
      const store = yield* NodeFileStore.make({ root })
      const program = `const onMessage = ({ _tag }) => _tag === "Start" && process.exit(5); ${isReady}`
      const threads = yield* NodeTransferThreads.make(1, moduleOf(program))
      const { endpoint } = yield* TftpHosts.serve({ store, threads })
      const talk = yield* TftpTranscript.open({ endpoint })
      yield* talk.play("a> RRQ f octet", "a< ERROR 0")
    })
  )

  TftpHosts.real("stops the transfer in the thread if the store has a defect", () =>
    Effect.gen(function* () {
      const store: Store.Store = {
        ...MemoryStore.make(),
        write: () => Effect.succeed({ write: () => Effect.die(new Error("broken")), commit: Effect.void })
      }
      const threads = yield* NodeTransferThreads.make(1)
      const { endpoint, server } = yield* TftpHosts.serve({ store, threads, timeout: "1 minute" })
      const talk = yield* TftpTranscript.open({ endpoint })
      yield* talk.play("a> WRQ f octet", "a< ACK 0", "a> DATA 1 100", "a< ERROR 0")
      yield* until(() => Effect.runSync(server.stats).active === 0)
    })
  )
})

describe("NodeTransferThreads, with a broken thread", () => {
  const start = (url: URL) =>
    Effect.map(Effect.flip(Effect.scoped(NodeTransferThreads.make(2, url))), ({ message }) => message)

  for (const [title, url, expected] of [
    ["does not exist", new URL("./Nowhere.ts", import.meta.url), /^crashed: Cannot find module '.*Nowhere\.ts'/],
    ["throws", moduleOf(`throw new Error("broken build")`), /^crashed: broken build$/],
    ["exits at once", moduleOf("process.exit(3)"), /^exited with code 3$/]
  ] as const) {
    it.live(`fails to start if the module ${title}`, () =>
      Effect.gen(function* () {
        const [, reason] = /^transfer threads failed to start: one (.*)$/.exec(yield* start(url)) ?? []
        assert.match(reason ?? "", expected)
      })
    )
  }

  it.effect("fails to start if a thread is not ready before the deadline", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(start(moduleOf("setInterval(() => {}, 1_000)")), { startImmediately: true })
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(yield* Fiber.join(fiber), "transfer threads failed to start: one was not ready after 30 s")
    })
  )

  TftpHosts.real("fails the transfers of a thread that exits, and replaces the thread", () =>
    Effect.gen(function* () {
      const program = `const onMessage = ({ _tag }) => _tag === "Start" && process.exit(5); ${isReady}`
      const { message, threads } = yield* startTransfer(program)
      assert.strictEqual(yield* message, "the thread of the transfer exited with code 5")
      const other = yield* threads.make(spec, file, constVoid)!
      assert.strictEqual((yield* Effect.flip(other.transfer.run)).reason._tag, "ThreadEnded")
      assert.isUndefined(threads.make(spec, file, constVoid), "no thread is ready")
      yield* until(() => threads.make(spec, file, constVoid) !== undefined)
    })
  )

  TftpHosts.real("fails a transfer that begins after the end of its thread", () =>
    Effect.gen(function* () {
      const program = `const onMessage = () => process.exit(5); ${isReady}`
      const { message, threads, transfer } = yield* startTransfer(program)
      transfer.receive(new Uint8Array())
      const other = yield* threads.make(spec, file, constVoid)!
      other.transfer.receive(new Uint8Array())
      yield* until(() => threads.make(spec, file, constVoid) === undefined)
      assert.strictEqual(yield* message, "the thread of the transfer exited with code 5")
    })
  )

  it.effect("kills a thread that does not respond to pings, and fails its transfers", () =>
    Effect.gen(function* () {
      const { message, threads } = yield* startTransfer(`const onMessage = () => {}; ${isReady}`)
      const fiber = yield* Effect.forkChild(message, { startImmediately: true })
      yield* TestClock.adjust("29 seconds")
      assert.isDefined(threads.make(spec, file, constVoid))
      yield* TestClock.adjust("1 second")
      assert.isUndefined(threads.make(spec, file, constVoid), "both are unresponsive")
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* Fiber.join(fiber), "the thread of the transfer did not respond for 30 s")
    }).pipe(Effect.scoped, TftpHosts.quietly)
  )

  TftpHosts.real("counts a failed transfer, and the server runs the next one", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory()
      Fs.writeFileSync(inRoot("f"), fileBytes(512))
      const store = yield* NodeFileStore.make({ root })
      const program = `const onMessage = ({ _tag }) => _tag === "Start" && process.exit(5); ${isReady}`
      const threads = yield* NodeTransferThreads.make(1, moduleOf(program))
      const { endpoint, server } = yield* TftpHosts.serve({ store, threads })
      const talk = yield* TftpTranscript.open({ endpoint, content: fileBytes(512) })
      yield* talk.play("a> RRQ f octet")
      yield* until(() => Effect.runSync(server.stats).failed === 1)
      assert.strictEqual((yield* server.stats).active, 0)
      yield* talk.play("b> RRQ f octet", "b< DATA 1 512", "b> ACK 1", "b< DATA 2 0", "b> ACK 2")
    })
  )
})
