import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Queue from "effect/Queue"
import type * as Line from "../../src/network/Line.ts"
import type * as Network from "../../src/network/Network.ts"
import * as Framer from "../../src/session/Framer.ts"

const address = NetAddress.inetAddressFromIpStringUnsafe("192.0.2.1", 1)

const latin1 = (text: string) => Uint8Array.from(Buffer.from(text, "latin1"))

/** Framer of reads whose peer and clock are the test's. */
const makeReads = Effect.fnUntraced(function* (maxLength = 80) {
  const queue = yield* Queue.unbounded<Uint8Array, Network.NetworkError | Cause.Done>()
  const written: Array<string> = []
  const clock = { now: 0 }
  const data = { count: undefined as number | undefined }
  const connection: Network.Connection = {
    local: address,
    remote: address,
    pull: Effect.map(Queue.take(queue), (chunk) => {
      clock.now += 1_000
      return chunk
    }),
    write: (bytes) => Effect.sync(() => void written.push(Buffer.from(bytes).toString("latin1"))),
    end: Effect.void,
    endRead: Effect.asVoid(Queue.end(queue)),
    abort: Effect.void,
    traffic: () => ({ received: 0, sent: 0, unsent: 0 }),
    context: Context.empty()
  }
  const sweeper = { now: () => clock.now, add: () => () => {} }
  const { next } = yield* Framer.make(connection, { _tag: "Reads", maxLength }, sweeper, data)
  return {
    clock,
    data,
    written,
    /** Sends chunks, one second apart, and FIN. Returns the reads, and how they ended. */
    readAll: Effect.fnUntraced(function* (chunks: ReadonlyArray<string>) {
      for (const chunk of chunks) yield* Queue.offer(queue, latin1(chunk))
      yield* Queue.end(queue)
      const reads: Array<string> = []
      const loop = Effect.forever(Effect.map(next, (read) => reads.push(read)))
      const end = yield* Effect.flip(loop as Effect.Effect<never, Line.LineError | Network.NetworkError | Cause.Done>)
      return [...reads, Cause.isDone(end) ? "Done" : end.message]
    })
  }
})

const nop = "\xff\xf1"
const tooSlow = "line too slow: no end within 30s of its first byte"

describe("Framer of reads", () => {
  it.effect.each<readonly [name: string, chunks: ReadonlyArray<string>, reads: ReadonlyArray<string>]>([
    ["no read of commands only", [nop, `${nop}${nop}`], []],
    ["no read of a command in two reads", ["\xff", "\xf1"], []],
    ["one read of bytes around a command", [`5${nop}0${nop}`], ["50"]],
    ["the byte 255 of two", ["a\xff", "\xffb"], ["a", "\xffb"]],
    ["reads without an option and its parameters", ["1\xff\xfa\x18\x00x", "yz\xff\xf0", "2"], ["1", "2"]],
    ["reads of at most the length, counted without commands", [`12${nop}3456${nop}78`], ["123456", "78"]]
  ])("has %s", ([, chunks, reads]) =>
    Effect.gen(function* () {
      const { data, readAll } = yield* makeReads(6)
      assert.deepStrictEqual(yield* readAll(chunks), [...reads, "Done"])
      assert.strictEqual(data.count, reads.length)
    }).pipe(Effect.scoped)
  )

  it.effect("refuses an option once, before the read with it", () =>
    Effect.gen(function* () {
      const { readAll, written } = yield* makeReads()
      assert.deepStrictEqual(yield* readAll(["\xff\xfd\x01", "\xff\xfd\x017", "\xff\xfb\x03"]), ["7", "Done"])
      assert.deepStrictEqual(written, ["\xff\xfc\x01", "\xff\xfe\x03"])
    }).pipe(Effect.scoped)
  )

  it.effect("ends a client that sends commands for 30 seconds, and not one that sends data between", () =>
    Effect.gen(function* () {
      const nops = (count: number) => Array.from({ length: count }, () => nop)
      const one = yield* makeReads()
      assert.deepStrictEqual(yield* one.readAll(nops(100)), [tooSlow])
      assert.strictEqual(one.clock.now, 31_000)
      const other = yield* makeReads()
      assert.deepStrictEqual(yield* other.readAll([...nops(30), "a", ...nops(30)]), ["a", "Done"])
    }).pipe(Effect.scoped)
  )
})
