/** Captures to files whose file system fails, is full, or counts: every file is whole at every moment. */
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Logger from "effect/Logger"
import * as PlatformError from "effect/PlatformError"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as Capture from "../../../src/capture/Capture.ts"
import * as PcapngDecoder from "../../../src/capture/PcapngDecoder.ts"
import * as Pipes from "../../../src/capture/write/Pipes.ts"
import type * as Packet from "../../../src/network/Packet.ts"
import { pseudoRandomBytes } from "../../support/Hosts.ts"

const between = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

const full = (method: string) =>
  PlatformError.systemError({
    _tag: "Unknown",
    module: "FileSystem",
    method,
    cause: new Error("ENOSPC: no space left on device, write")
  })

/** A disk in memory with space for a number of bytes. A write that does not fit writes what does. */
const memoryDisk = (space: number, kind: FileSystem.File.Type = "File") => {
  const files = new Map<string, Buffer>()
  const open = new Set<string>()
  const counts = { writesToClosed: 0 }
  const used = () => Array.from(files.values()).reduce((sum, { length }) => sum + length, 0)
  const fileAt = (path: string) => {
    const get = () => files.get(path) ?? Buffer.alloc(0)
    return {
      stat: Effect.sync(() => ({ type: kind, size: ByteSize.bytes(get().length) })),
      sync: Effect.void,
      truncate: (length = 0) => Effect.sync(() => void files.set(path, get().subarray(0, length))),
      writeAll: (bytes: Uint8Array) =>
        Effect.suspend(() => {
          if (!open.has(path)) counts.writesToClosed++
          const fitting = Math.min(bytes.length, space - used())
          files.set(path, Buffer.concat([get(), bytes.subarray(0, fitting)]))
          return fitting < bytes.length ? Effect.fail(full("write")) : Effect.void
        })
    } as unknown as FileSystem.File
  }
  const layer = FileSystem.layerNoop({
    stat: () => Effect.succeed({ type: kind } as FileSystem.File.Info),
    open: (path) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          if (!files.has(path)) files.set(path, Buffer.alloc(0))
          open.add(path)
          return fileAt(path)
        }),
        () => Effect.sync(() => void open.delete(path))
      ),
    remove: (path) => Effect.sync(() => void files.delete(path))
  })
  return { files, layer, counts }
}

const datagram = (length: number, at = 0n): Packet.ObservedPacket => ({
  ...{ transport: "udp", kind: "datagram", host: "a", at },
  ...{ from: { address: "10.0.0.1", port: 1 }, to: { address: "10.0.0.2", port: 2 } },
  bytes: pseudoRandomBytes(length)
})

/** Decodes a file, which must be whole, and returns the lengths of its payloads. */
const payloads = (file: Buffer) =>
  Result.getOrThrow(PcapngDecoder.decode(file)).flatMap((block) =>
    block._tag === "Packet" ? [block.originalLength - 28] : []
  )

const collectLog = () => {
  const lines: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => void lines.push(`${logLevel}: ${message}`))
  return { lines, layer: Logger.layer([logger]) }
}

describe("Capture.start on a disk that fills", () => {
  it.effect.prop(
    "leaves a whole file with all packets that fit, for any space, and reports it once",
    [Arbitrary.array(between(0, 300), { maxLength: 12 }), between(0, 3_000)],
    ([lengths, space]) =>
      Effect.gen(function* () {
        const disk = memoryDisk(space)
        const messages: Array<string> = []
        const onFailure = (error: Capture.CaptureError) => Effect.sync(() => void messages.push(error.message))
        const exit = yield* Effect.gen(function* () {
          const tap = yield* Capture.start("x", { onFailure })
          for (const length of lengths) tap(datagram(length))
        }).pipe(Effect.scoped, Effect.provide(disk.layer), Effect.exit)
        const file = disk.files.get("x")!
        assert.isAtMost(file.length, space)
        if (Exit.isFailure(exit)) return assert.strictEqual(file.length, 0)
        const written = payloads(file)
        assert.deepStrictEqual(written, lengths.slice(0, written.length))
        assert.isAtMost(messages.length, 1)
        if (messages.length === 0) return assert.strictEqual(written.length, lengths.length)
        // The next packet, or the statistics at the end, would not have fit.
        const next = 32 + (((lengths[written.length] ?? 0) + 28 + 3) & ~3)
        assert.isAbove(file.length + next + 52, space)
      })
  )

  it.effect.prop(
    "is whole at every write of a ring, and the newest files are kept",
    [Arbitrary.array(between(0, 300), { minLength: 1, maxLength: 30 }), between(1, 4), between(300, 1_500)],
    ([lengths, kept, size]) =>
      Effect.gen(function* () {
        const disk = memoryDisk(1e9)
        yield* Effect.gen(function* () {
          const tap = yield* Capture.start("d/x.pcapng", { ring: { files: kept, size } })
          for (const length of lengths) {
            tap(datagram(length))
            yield* Effect.yieldNow
            for (const file of disk.files.values()) payloads(file)
          }
        }).pipe(Effect.scoped, Effect.provide(disk.layer))
        assert.strictEqual(disk.counts.writesToClosed, 0)
        const paths = Array.from(disk.files.keys())
        assert.isAtMost(paths.length, kept)
        for (const path of paths) assert.match(path, /^d\/x_\d{5}_19700101000000\.pcapng$/)
        const written = paths.flatMap((path) => payloads(disk.files.get(path)!))
        assert.deepStrictEqual(written, lengths.slice(lengths.length - written.length))
        for (const file of disk.files.values()) if (payloads(file).length > 1) assert.isAtMost(file.length, size)
      })
  )

  it.effect.prop(
    "leaves whole files of a ring on a disk that fills, and no empty one",
    [Arbitrary.array(between(0, 300), { minLength: 5, maxLength: 30 }), between(500, 3_000)],
    ([lengths, space]) =>
      Effect.gen(function* () {
        const disk = memoryDisk(space)
        yield* Effect.gen(function* () {
          const tap = yield* Capture.start("x.pcapng", { ring: { size: 400 }, onFailure: () => Effect.void })
          for (const length of lengths) tap(datagram(length))
        }).pipe(Effect.scoped, Effect.provide(disk.layer))
        for (const file of disk.files.values()) {
          assert.isAbove(file.length, 0)
          payloads(file)
        }
      })
  )
})

describe("Capture.start with limits", () => {
  it.effect("ends with the last packet of its limit, with a line in the log, and ignores the others", () =>
    Effect.gen(function* () {
      const disk = memoryDisk(1e9)
      const log = collectLog()
      yield* Effect.gen(function* () {
        const tap = yield* Capture.start("x", { stop: { packets: 2 } })
        for (const length of [1, 2, 3]) tap(datagram(length))
        for (let turn = 0; turn < 10; turn++) yield* Effect.yieldNow
        // The file is complete while the program goes on.
        assert.deepStrictEqual(payloads(disk.files.get("x")!), [1, 2])
        tap(datagram(4))
      }).pipe(Effect.scoped, Effect.provide([disk.layer, log.layer]))
      assert.deepStrictEqual(payloads(disk.files.get("x")!), [1, 2])
      assert.deepStrictEqual(log.lines, ["Info: capture to x ended: it has reached its limit of packets"])
    })
  )

  it.effect("ends after its time without a packet", () =>
    Effect.gen(function* () {
      const disk = memoryDisk(1e9)
      const log = collectLog()
      yield* Effect.gen(function* () {
        const tap = yield* Capture.start("x", { stop: { time: "1 minute" } })
        tap(datagram(1))
        yield* TestClock.adjust("1 minute")
        tap(datagram(2))
      }).pipe(Effect.scoped, Effect.provide([disk.layer, log.layer]))
      assert.deepStrictEqual(payloads(disk.files.get("x")!), [1])
      assert.deepStrictEqual(log.lines, ["Info: capture to x ended: it has reached its limit of time"])
    })
  )
})

/** A pipe whose reader opens it when a test sets `hasReader`, and reads a number of writes. */
const pipe = () => {
  const written: Array<Uint8Array> = []
  const state = { hasReader: false, takes: Number.POSITIVE_INFINITY, isGone: false, tries: 0 }
  const pipes: Pipes.Pipes = {
    open: () =>
      Effect.sync(() => {
        state.tries++
        if (!state.hasReader) return undefined
        return {
          write: (bytes) =>
            Effect.suspend(() => {
              if (state.isGone) return Effect.fail(new Pipes.PipeError({ message: "the reader has closed the pipe" }))
              if (state.takes-- <= 0) return Effect.never
              written.push(bytes)
              return Effect.void
            })
        }
      }),
    stdout: { write: () => Effect.die("not used") }
  }
  return { state, pipes, payloads: () => payloads(Buffer.concat(written)) }
}

/** Runs a program with a tap that writes to a pipe. */
const toPipe = Effect.fnUntraced(function* (
  { pipes }: ReturnType<typeof pipe>,
  options: Capture.FileOptions,
  body: (tap: Packet.Tap, close: Effect.Effect<void>) => Effect.Effect<void>
) {
  const log = collectLog()
  const scope = yield* Scope.make()
  yield* Effect.gen(function* () {
    const tap = yield* Scope.provide(Capture.start("p", options), scope)
    yield* body(tap, Scope.close(scope, Exit.void))
  }).pipe(Effect.provideService(Pipes.Pipes, pipes), Effect.provide([memoryDisk(0, "FIFO").layer, log.layer]))
  return log.lines
})

describe("Capture.start on a pipe", () => {
  it.effect("writes the packets before its reader has come, and says once that they wait", () =>
    Effect.gen(function* () {
      const one = pipe()
      const lines = yield* toPipe(one, {}, (tap, close) =>
        Effect.gen(function* () {
          tap(datagram(1))
          yield* TestClock.adjust("1 minute")
          assert.isAbove(one.state.tries, 100)
          tap(datagram(2))
          one.state.hasReader = true
          yield* TestClock.adjust("1 second")
          assert.deepStrictEqual(one.payloads(), [1, 2])
          tap(datagram(3))
          yield* close
        })
      )
      assert.deepStrictEqual(one.payloads(), [1, 2, 3])
      assert.deepStrictEqual(lines, ["Info: capture to p: packets wait in memory until a reader opens the pipe"])
    })
  )

  it.effect("ends after closeTimeout without a reader, and reports the packets", () =>
    Effect.gen(function* () {
      const one = pipe()
      const messages: Array<string> = []
      const onFailure = (error: Capture.CaptureError) => Effect.sync(() => void messages.push(error.message))
      const lines = yield* toPipe(one, { onFailure, closeTimeout: "3 seconds" }, (tap, close) =>
        Effect.gen(function* () {
          tap(datagram(1))
          tap(datagram(2))
          const closing = yield* Effect.forkChild(close, { startImmediately: true })
          yield* TestClock.adjust("2999 millis")
          assert.isUndefined(closing.pollUnsafe())
          yield* TestClock.adjust("1 millis")
          assert.isDefined(closing.pollUnsafe())
        })
      )
      assert.deepStrictEqual(messages, ["capture to p stopped: no reader has opened the pipe; 2 packets lost"])
      assert.strictEqual(lines.length, 1)
    })
  )

  it.effect("drops and counts packets of a reader that has stopped, and ends after closeTimeout", () =>
    Effect.gen(function* () {
      const one = pipe()
      Object.assign(one.state, { hasReader: true, takes: 1 })
      const lines = yield* toPipe(one, { maxPendingBytes: 2_000 }, (tap, close) =>
        Effect.gen(function* () {
          for (let turn = 0; turn < 10; turn++) yield* Effect.yieldNow
          // The first is in the write that does not end.
          for (let i = 0; i < 10; i++) {
            tap(datagram(400))
            yield* Effect.yieldNow
          }
          const closing = yield* Effect.forkChild(close, { startImmediately: true })
          yield* TestClock.adjust("5 seconds")
          assert.isDefined(closing.pollUnsafe())
        })
      )
      assert.strictEqual(lines.length, 1)
      assert.match(lines[0]!, /^Warn: p lacks \d+ packets: its reader did not read them in time$/)
    })
  )

  it.effect("ends after its time and closeTimeout if its reader has stopped", () =>
    Effect.gen(function* () {
      const one = pipe()
      Object.assign(one.state, { hasReader: true, takes: 1 })
      const lines = yield* toPipe(one, { stop: { time: "1 minute" } }, (tap, close) =>
        Effect.gen(function* () {
          for (let i = 0; i < 3; i++) {
            tap(datagram(1))
            for (let turn = 0; turn < 10; turn++) yield* Effect.yieldNow
          }
          yield* TestClock.adjust("64999 millis")
          yield* TestClock.adjust("1 millis")
          tap(datagram(1))
          yield* close
        })
      )
      assert.deepStrictEqual(lines, ["Warn: p lacks 3 packets: its reader did not read them in time"])
    })
  )

  it.effect("ends with one warning when its reader has closed it", () =>
    Effect.gen(function* () {
      const one = pipe()
      one.state.hasReader = true
      const lines = yield* toPipe(one, {}, (tap, close) =>
        Effect.gen(function* () {
          tap(datagram(1))
          for (let turn = 0; turn < 10; turn++) yield* Effect.yieldNow
          one.state.isGone = true
          tap(datagram(2))
          for (let turn = 0; turn < 10; turn++) yield* Effect.yieldNow
          tap(datagram(3))
          yield* close
        })
      )
      assert.deepStrictEqual(lines, [
        "Warn: capture to p stopped: the reader has closed the pipe; the program continues without it"
      ])
    })
  )

  it.effect("does not start without the layer of pipes, or as a ring", () =>
    Effect.gen(function* () {
      const { layer } = memoryDisk(0, "FIFO")
      const start = (options: Capture.FileOptions) =>
        Capture.start("p", options).pipe(Effect.scoped, Effect.flip, Effect.provide(layer))
      assert.strictEqual((yield* start({})).message, "capture to p not started: it is a pipe; provide NodePipes.layer")
      const ring = Effect.provideService(start({ ring: { packets: 1 } }), Pipes.Pipes, pipe().pipes)
      assert.match((yield* ring).message, /^capture to p not started: a pipe cannot be a ring of files/)
    })
  )
})
