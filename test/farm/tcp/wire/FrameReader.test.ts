import { assert, describe, it } from "@effect/vitest"
import * as Bytes from "effect/Bytes"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as FrameReader from "../../../../src/farm/tcp/wire/FrameReader.ts"

const Size = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 }))

const maxBytes = 1 << 20

const frameOf = (content: Uint8Array) => {
  const header = new Uint8Array(FrameReader.headerBytes)
  new DataView(header.buffer).setUint32(0, content.length)
  return Bytes.concat([header, content])
}

/** Takes all complete frames. */
const framesIn = (reader: FrameReader.FrameReader) => {
  const frames: Array<Uint8Array> = []
  while (true) {
    const frame = Result.getOrThrow(reader.next(maxBytes))
    if (frame === undefined) return frames
    frames.push(frame.slice())
  }
}

describe("FrameReader", () => {
  it.prop(
    "cuts a stream into its frames, wherever it arrives in pieces",
    [Schema.Array(Schema.Uint8Array), Schema.Array(Size)],
    ([contents, sizes]) => {
      const bytes = Bytes.concat(contents.map(frameOf))
      const reader = FrameReader.make()
      const frames: Array<Uint8Array> = []
      for (let at = 0, turn = 0; at < bytes.length; turn++) {
        const size = sizes[turn % sizes.length] ?? bytes.length
        reader.append(bytes.slice(at, at + size))
        frames.push(...framesIn(reader))
        at += size
      }
      assert.deepStrictEqual(frames, [...contents])
    }
  )

  it("returns the bytes after a frame that it has not looked at", () => {
    const reader = FrameReader.make()
    reader.append(Uint8Array.of(0, 0, 0, 1, 7, 0, 0, 0, 2, 8))
    assert.deepStrictEqual(Result.getOrThrow(reader.next(maxBytes)), Uint8Array.of(7))
    assert.deepStrictEqual(reader.takeUnread(), Uint8Array.of(0, 0, 0, 2, 8))
    assert.isUndefined(Result.getOrThrow(reader.next(maxBytes)))
  })

  it("refuses a frame as soon as its length is over the limit", () => {
    const reader = FrameReader.make()
    reader.append(Uint8Array.of(0xff, 0xff, 0xff, 0xff))
    assert.strictEqual(
      Result.getOrThrow(Result.flip(reader.next(maxBytes))).message,
      "frame too long: 4294967295 bytes (limit 1048576)"
    )
  })

  it("takes memory for the bytes that arrive, not for the length that a peer claims", () => {
    const readers = Array.from({ length: 1_000 }, FrameReader.make)
    const before = process.memoryUsage().arrayBuffers
    for (const reader of readers) {
      reader.append(Uint8Array.of(0, 16, 0, 0, 1, 2, 3))
      assert.isUndefined(Result.getOrThrow(reader.next(maxBytes)))
    }
    // A gigabyte is claimed: 1 MiB by each.
    assert.isBelow(process.memoryUsage().arrayBuffers - before, 1_000 * 8_192)
  })

  it("reads a long frame that arrives byte by byte", () => {
    const reader = FrameReader.make()
    const content = Uint8Array.from({ length: 100_000 }, (_, at) => at % 251)
    const frames = [...frameOf(content)].flatMap((byte) => {
      reader.append(Uint8Array.of(byte))
      return framesIn(reader)
    })
    assert.deepStrictEqual(frames, [content])
  })
})
