import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as RemoteBody from "../../../src/tftp/fallback/RemoteBody.ts"

const limits = { connectTimeout: Duration.seconds(1), idleTimeout: Duration.seconds(5), maxFileBytes: 20 }

/** Returns the number of bytes of pieces of 5 bytes each, or the reason of a failure. */
const outcome = (pieces: number, size: number | undefined) => {
  const body = Stream.fromIterable(Array.from({ length: pieces }, () => new Uint8Array(5)))
  return Effect.match(Stream.runCollect(RemoteBody.limit(body, "URL", size, limits)), {
    onSuccess: (collected) => `${collected.length * 5}`,
    onFailure: ({ detail }) => detail
  })
}

describe("RemoteBody", () => {
  it.effect("fails for more or fewer bytes than announced, or than allowed", () =>
    Effect.gen(function* () {
      const announced = "fetching URL failed: the server announced 10 bytes, but sent"
      assert.strictEqual(yield* outcome(2, 10), "10")
      assert.strictEqual(yield* outcome(0, 0), "0")
      assert.strictEqual(yield* outcome(3, 10), `${announced} more`)
      assert.strictEqual(yield* outcome(1, 10), `${announced} 5`)
      assert.strictEqual(yield* outcome(4, undefined), "20")
      const tooLarge = "fetching URL failed: larger than the limit of 20 bytes; raise the limit"
      assert.strictEqual(yield* outcome(5, undefined), tooLarge)
    })
  )

  it.effect("fails for a server that is silent, but waits for a slow reader", () =>
    Effect.gen(function* () {
      const piece = Stream.make(new Uint8Array(5))
      const read = (body: Stream.Stream<Uint8Array>) =>
        Stream.runDrain(Stream.mapEffect(RemoteBody.limit(body, "URL", 10, limits), () => Effect.sleep("1 minute")))
      const slow = yield* Effect.forkChild(read(Stream.concat(piece, piece)))
      const silent = yield* Effect.forkChild(Effect.flip(read(Stream.concat(piece, Stream.never))))
      yield* TestClock.adjust("3 minutes")
      yield* Fiber.join(slow)
      const { detail } = yield* Fiber.join(silent)
      const why = "the server sent nothing for 5 s; check the server, or allow more time"
      assert.strictEqual(detail, `fetching URL failed: ${why}`)
    })
  )
})
