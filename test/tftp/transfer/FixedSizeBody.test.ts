import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Changed, FileStoreError } from "../../../src/tftp/store/FileStoreError.ts"
import * as MemoryStore from "../../../src/tftp/store/MemoryStore.ts"
import type * as Store from "../../../src/tftp/store/Store.ts"
import * as FixedSizeBody from "../../../src/tftp/transfer/FixedSizeBody.ts"
import { bytesOf } from "../../support/Files.ts"

type Random = Extract<Store.Body, { readonly _tag: "Random" }>

/** Returns the content of a file that was opened with `size` bytes, and now is `now`. */
const randomOf = (now: string, size: number, unchanged?: Effect.Effect<void, FileStoreError>) =>
  FixedSizeBody.make({ body: MemoryStore.fromBytes(bytesOf(now)).body, size, unchanged }, "f") as Random

const read = (body: Random, position: number, length: number) =>
  Effect.suspend(() => {
    const into = new Uint8Array(length)
    return body.readAt(position, into).pipe(
      Effect.map((count) => Buffer.from(into.subarray(0, count)).toString()),
      Effect.catch(({ reason }) => Effect.succeed(reason._tag))
    )
  })

const readVectored = (body: Random, position: number, lengths: ReadonlyArray<number>) =>
  Effect.suspend(() => {
    const into = lengths.map((length) => new Uint8Array(length))
    return body.readVectoredAt!(position, into).pipe(
      Effect.map((count) => Buffer.concat(into).subarray(0, count).toString()),
      Effect.catch(({ reason }) => Effect.succeed(reason._tag))
    )
  })

const streamOf = (pieces: ReadonlyArray<string>, size: number, unchanged?: Effect.Effect<void, FileStoreError>) => {
  const stream = Stream.fromIterable(pieces.map(bytesOf))
  const body = FixedSizeBody.make({ body: { _tag: "Stream", stream }, size, unchanged }, "f")
  return body._tag === "Stream"
    ? Stream.mkString(Stream.decodeText(body.stream)).pipe(Effect.catch(({ reason }) => Effect.succeed(reason._tag)))
    : Effect.die("not a stream")
}

const changed = Effect.fail(new FileStoreError({ reason: new Changed(), filename: "f" }))

describe("FixedSizeBody", () => {
  it.effect("does not read bytes that were appended", () =>
    Effect.gen(function* () {
      const body = randomOf("0123456789", 7)
      assert.strictEqual(yield* read(body, 4, 5), "456")
      assert.strictEqual(yield* read(body, 7, 5), "")
      assert.strictEqual(yield* readVectored(body, 0, [4, 4, 4]), "0123456")
    })
  )

  it.effect("fails for a file that has lost bytes, wherever they are missing", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* read(randomOf("012345", 7), 4, 5), "Changed")
      assert.strictEqual(yield* read(randomOf("0", 7), 2, 2), "Changed")
      assert.strictEqual(yield* readVectored(randomOf("012345", 7), 0, [4, 4]), "Changed")
    })
  )

  it.effect("looks for a change at the end, and at each read after it", () =>
    Effect.gen(function* () {
      let isChanged = true
      const body = randomOf(
        "01234567",
        8,
        Effect.suspend(() => (isChanged ? changed : Effect.void))
      )
      assert.strictEqual(yield* read(body, 0, 4), "0123")
      assert.strictEqual(yield* read(body, 4, 4), "Changed")
      isChanged = false
      assert.strictEqual(yield* read(body, 4, 4), "4567")
      isChanged = true
      assert.strictEqual(yield* read(body, 0, 4), "Changed")
      assert.strictEqual(yield* readVectored(body, 0, [2, 2]), "Changed")
    })
  )

  it.effect("fails for a stream of another length than it has announced", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* streamOf(["012", "345"], 6), "012345")
      assert.strictEqual(yield* streamOf(["012", "34"], 6), "Changed")
      assert.strictEqual(yield* streamOf(["012", "3456"], 6), "Changed")
      assert.strictEqual(yield* streamOf(["012", "345"], 6, changed), "Changed")
    })
  )

  it("leaves a file of unknown size as it is", () => {
    const { body } = MemoryStore.fromBytes(bytesOf("0"))
    assert.strictEqual(FixedSizeBody.make({ body, size: undefined, unchanged: changed }, "f"), body)
  })
})
