import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as MemoryStore from "../../../src/tftp/store/MemoryStore.ts"
import type * as Store from "../../../src/tftp/store/Store.ts"
import * as FileSource from "../../../src/tftp/transfer/FileSource.ts"

const blksize = 8
/** Blocks of one read: 8 KiB. */
const blocksPerChunk = 1_024
/** Bytes of the file: two chunks, and a part of the third. */
const fileBytes = 20_000
const last = Math.floor(fileBytes / blksize) + 1

/** Returns the content of a file whose bytes can be replaced by others while it is read. */
const changeable = (first: Uint8Array) => {
  let current = first
  const body: Store.Body = {
    _tag: "Random",
    readAt: (position, into) => {
      const { body } = MemoryStore.fromBytes(current)
      return body._tag === "Random" ? body.readAt(position, into) : Effect.die("a file in memory is not a stream")
    }
  }
  return {
    body,
    replace: (bytes: Uint8Array) => {
      current = bytes
    }
  }
}

/** Sends a file of unknown size, then changes its size, and sends the last three chunks again. */
const resend = Effect.fnUntraced(function* (bytes: number) {
  const { body, replace } = changeable(new Uint8Array(fileBytes))
  const options = { blksize, windowsize: 1, mode: "octet", filename: "f", memory: "least" } as const
  const source = FileSource.make(body, undefined, options)
  const reader = yield* Effect.forkChild(Effect.flip(source.run(() => {})))
  const packet = new Uint8Array(4 + blksize)
  /** Takes a block; undefined if the source has failed. */
  const take = Effect.fnUntraced(function* (block: number) {
    for (;;) {
      const taken = source.take(block, packet)
      if (taken !== undefined) return taken.length - 4
      if (reader.pollUnsafe() !== undefined) return undefined
      yield* Effect.yieldNow
    }
  })
  const chunks = [1, 1 + blocksPerChunk, 1 + 2 * blocksPerChunk]
  for (const block of [...chunks, last]) assert.isDefined(yield* take(block))
  assert.strictEqual(source.last(), last)
  replace(new Uint8Array(bytes))
  for (const block of [...chunks, last]) {
    if ((yield* take(block)) === undefined) return (yield* Fiber.join(reader)).reason._tag
  }
  yield* Fiber.interrupt(reader)
  return source.last()
})

describe("FileSource", () => {
  it.effect("fails when blocks of a file of unknown size are read again, and its size is another", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* resend(fileBytes), last)
      // Within the last block, at the end of a read, and before the last read.
      for (const bytes of [fileBytes + 1, fileBytes - 1, 3 * blocksPerChunk * blksize, 30_000, 10_000, 0]) {
        assert.strictEqual(yield* resend(bytes), "Changed", `${bytes} bytes`)
      }
    })
  )

  it.effect("with the least memory reads ahead only after the first reply", () =>
    Effect.gen(function* () {
      const { body } = changeable(new Uint8Array(fileBytes))
      const reads: Array<number> = []
      const counted: typeof body = {
        ...body,
        readAt: (position, into) => {
          reads.push(position)
          return body.readAt(position, into)
        }
      }
      const options = { blksize, windowsize: 1, mode: "octet", filename: "f", memory: "least" } as const
      const source = FileSource.make(counted, fileBytes, options)
      const reader = yield* Effect.forkChild(source.run(() => {}))
      yield* Effect.yieldNow
      assert.isDefined(source.take(1, new Uint8Array(4 + blksize)))
      for (let turns = 0; turns < 10; turns++) yield* Effect.yieldNow
      assert.deepStrictEqual(reads, [0])
      source.release(1)
      for (let turns = 0; turns < 10; turns++) yield* Effect.yieldNow
      assert.deepStrictEqual(reads, [0, blocksPerChunk * blksize])
      yield* Fiber.interrupt(reader)
    })
  )
})
