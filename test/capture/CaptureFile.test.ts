import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as PlatformError from "effect/PlatformError"
import * as Result from "effect/Result"
import * as Capture from "../../src/capture/Capture.ts"
import * as CaptureWriter from "../../src/capture/CaptureWriter.ts"
import type * as Pcapng from "../../src/capture/Pcapng.ts"
import * as PcapngDecoder from "../../src/capture/PcapngDecoder.ts"
import * as Network from "../../src/network/Network.ts"
import * as NodeNetwork from "../../src/network/node/NodeNetwork.ts"
import type * as Packet from "../../src/network/Packet.ts"
import * as Rot13Client from "../../src/rot13/Rot13Client.ts"
import * as Rot13Server from "../../src/rot13/Rot13Server.ts"
import { pseudoRandomBytes } from "../support/Hosts.ts"

const encode = (text: string) => new TextEncoder().encode(text)

/** Runs rot13 on a network that is captured to a file; returns the log and the reply. */
const rot13 = Effect.fnUntraced(function* (file: string, repeat = 1) {
  const lines: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => void lines.push(`${logLevel}: ${message}`))
  const layer = Capture.layer(file).pipe(Layer.provideMerge(NodeNetwork.layer), Layer.provide(NodeFileSystem.layer))
  const answer = yield* Effect.gen(function* () {
    const server = yield* Rot13Server.make({ port: 0 })
    const connection = yield* (yield* Network.Network).connect(server.address)
    let answer = new Uint8Array(0)
    for (let i = 0; i < repeat; i++) answer = (yield* Rot13Client.request(connection, encode("Hello"))) as typeof answer
    return Buffer.from(answer).toString()
  }).pipe(Effect.scoped, Effect.provide(layer, { local: true }), Effect.provide(Logger.layer([logger])))
  return { lines, answer }
})

const temporary = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "inet-"))),
  (directory) => Effect.sync(() => Fs.rmSync(directory, { recursive: true }))
)

describe("Capture.layer", () => {
  it.live("logs what is not captured, and completes the file when the scope closes", () =>
    Effect.gen(function* () {
      const file = Path.join(yield* temporary, "out.pcapng")
      const { answer, lines } = yield* rot13(file)
      assert.strictEqual(answer, "Uryyb")
      assert.deepStrictEqual(lines, [`Info: capturing to ${file}; child processes and worker threads are not captured`])
      const blocks = Result.getOrThrow(PcapngDecoder.decode(Fs.readFileSync(file)))
      const tags = blocks.map(({ _tag }) => _tag)
      assert.deepStrictEqual(tags.slice(0, 3), ["Section", "Interface", "Packet"])
      // Handshake, 2 data segments and 2 FINs with an acknowledgement each.
      assert.strictEqual(tags.filter((tag) => tag === "Packet").length, 3 + 4 + 4)
    }).pipe(Effect.scoped)
  )

  it.live("logs one warning and runs the program if the folder does not exist", () =>
    Effect.gen(function* () {
      const file = Path.join(yield* temporary, "nosuch", "out.pcapng")
      const { answer, lines } = yield* rot13(file)
      assert.strictEqual(answer, "Uryyb")
      assert.deepStrictEqual(lines, [
        `Warn: capture to ${file} not started: no such file or directory; the program continues without it`
      ])
    }).pipe(Effect.scoped)
  )

  it.live("writes the last packets and their acknowledgements before the scope closes", () =>
    Effect.gen(function* () {
      const file = Path.join(yield* temporary, "out.pcapng")
      yield* Effect.gen(function* () {
        const tap = yield* Capture.toFile(file)
        const [from, to] = [
          { address: "10.0.0.1", port: 1 },
          { address: "10.0.0.2", port: 2 }
        ]
        for (let i = 0; i < 500; i++) {
          const at = BigInt(i)
          tap({
            transport: "tcp",
            kind: "data",
            from,
            to,
            bytes: pseudoRandomBytes(20_000),
            host: "a",
            at,
            arrives: at + 10n
          })
        }
      }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer))
      const blocks = Result.getOrThrow(PcapngDecoder.decode(Fs.readFileSync(file)))
      assert.strictEqual(blocks.filter(({ _tag }) => _tag === "Packet").length, 1_000)
    }).pipe(Effect.scoped)
  )

  it.live("writes packets while the program runs", () =>
    Effect.gen(function* () {
      const file = Path.join(yield* temporary, "out.pcapng")
      const tap = yield* Capture.toFile(file)
      const size = () => Fs.statSync(file).size
      for (let i = 0; i < 3; i++) {
        // The writer is idle after these yields.
        for (let turn = 0; turn < 100; turn++) yield* Effect.yieldNow
        const before = size()
        const [from, to] = [
          { address: "10.0.0.1", port: 1 },
          { address: "10.0.0.2", port: 2 }
        ]
        tap({ transport: "udp", kind: "datagram", from, to, bytes: pseudoRandomBytes(9), host: "a", at: 0n })
        while (size() <= before + 40) yield* Effect.yieldNow
      }
    }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer), Effect.timeout("5 seconds"))
  )

  const noFull = !Fs.existsSync("/dev/full")
  it.live.skipIf(noFull)("logs one warning and runs the program if the disk is full (skipped without /dev/full)", () =>
    Effect.gen(function* () {
      const { answer, lines } = yield* rot13("/dev/full", 100)
      assert.strictEqual(answer, "Uryyb")
      assert.deepStrictEqual(lines, [
        "Warn: capture to /dev/full not started: no space left on device; the program continues without it"
      ])
    })
  )
})

/** A file system with a file that has space for a number of writes. */
const diskFor = (writes: number) => {
  let left = writes
  const full = PlatformError.systemError({
    _tag: "Unknown",
    module: "FileSystem",
    method: "write",
    cause: new Error("ENOSPC: no space left on device, write")
  })
  const calls: Array<string> = []
  const call = (name: string) => Effect.sync(() => void calls.push(name))
  const file = {
    writeAll: () =>
      Effect.andThen(
        call("write"),
        Effect.suspend(() => (left-- > 0 ? Effect.void : Effect.fail(full)))
      ),
    truncate: () => call("truncate"),
    sync: call("sync"),
    stat: Effect.succeed({ type: "File", size: ByteSize.zero })
  }
  const layer = FileSystem.layerNoop({ open: () => Effect.succeed(file as unknown as FileSystem.File) })
  return { calls, layer }
}

const datagram = (): Packet.ObservedPacket => ({
  ...{ transport: "udp", kind: "datagram", host: "a", at: 0n },
  ...{ from: { address: "10.0.0.1", port: 1 }, to: { address: "10.0.0.2", port: 2 }, bytes: pseudoRandomBytes(9) }
})

describe("Capture.start", () => {
  it.effect("writes the header to the disk before it returns, and fails without space for it", () =>
    Effect.gen(function* () {
      const roomy = diskFor(9)
      yield* Effect.scoped(
        Effect.andThen(
          Capture.start("x"),
          Effect.sync(() => roomy.calls.push("started"))
        )
      ).pipe(Effect.provide(roomy.layer))
      assert.deepStrictEqual(roomy.calls, ["truncate", "write", "sync", "started"])
      const error = yield* Effect.flip(Effect.scoped(Capture.start("x"))).pipe(Effect.provide(diskFor(0).layer))
      assert.strictEqual(error.message, "capture to x not started: no space left on device")
    })
  )

  it.effect("reports a disk that fills later once, also by the last write", () =>
    Effect.gen(function* () {
      const messages: Array<string> = []
      const onFailure = (error: Capture.CaptureError) => Effect.sync(() => void messages.push(error.message))
      yield* Effect.gen(function* () {
        const tap = yield* Capture.start("x", { onFailure })
        for (let i = 0; i < 3; i++) tap(datagram())
      }).pipe(Effect.scoped, Effect.provide(diskFor(1).layer))
      assert.deepStrictEqual(messages, ["capture to x stopped: no space left on device"])
    })
  )
})

describe("CaptureWriter", () => {
  it("drops and counts packets beyond maxPendingBytes", () => {
    const writer = CaptureWriter.make({ maxPendingBytes: 5_000 })
    const [from, to] = [
      { address: "10.0.0.1", port: 1 },
      { address: "10.0.0.2", port: 2 }
    ]
    const see = () =>
      writer.tap({
        transport: "udp",
        kind: "datagram",
        from,
        to,
        bytes: pseudoRandomBytes(1_000),
        at: 0n,
        host: "a"
      })
    for (let i = 0; i < 20; i++) see()
    const first = writer.take()
    for (let i = 0; i < 2; i++) see()
    const whole = Buffer.concat([...first, ...writer.finish()])
    const packets = Result.getOrThrow(PcapngDecoder.decode(whole)).filter(({ _tag }) => _tag === "Packet")
    assert.strictEqual(packets.length + writer.droppedPackets(), 22)
    assert.isBelow(Buffer.concat(first).length, 7_000)
    assert.isAbove(packets.length, 5)
  })

  it("returns the same bytes for the same packets", () => {
    const run = () => {
      const writer = CaptureWriter.make({ names: { "10.0.0.1": "a" } })
      const ends = { from: { address: "10.0.0.1", port: 1 }, to: { address: "10.0.0.2", port: 2 } }
      for (const kind of ["syn", "synack", "ack", "data", "fin"] as const) {
        const { from, to } = kind === "synack" ? { from: ends.to, to: ends.from } : ends
        writer.tap({
          transport: "tcp",
          kind,
          from,
          to,
          bytes: pseudoRandomBytes(kind === "data" ? 9 : 0),
          at: 0n,
          host: kind
        })
      }
      return Buffer.concat(writer.finish())
    }
    assert.isTrue(run().equals(run()))
    assert.deepInclude(Result.getOrThrow(PcapngDecoder.decode(run())), {
      _tag: "Names",
      names: [{ address: "10.0.0.1", names: ["a"] }]
    } satisfies Pcapng.Block)
  })
})
