import { assert } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import type * as Network from "../../../src/network/Network.ts"
import { Hosts, outcome, pair, pseudoRandomBytes, read, readAll, turns, until } from "../../support/Hosts.ts"
import type { Test } from "./Subject.ts"

const mebibyteBytes = 2 ** 20

const same = (actual: Uint8Array, expected: Uint8Array, message: string) => {
  assert.strictEqual(actual.length, expected.length, message)
  assert.strictEqual(Buffer.compare(actual, expected), 0, message)
}

const writeIn = Effect.fnUntraced(function* (connection: Network.Connection, bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield* connection.write(bytes.slice(at, at + size))
})

/** Waits until a writer is blocked by a peer that does not read. */
const stalled = Effect.fnUntraced(function* (connection: Network.Connection) {
  let last = -1
  while (true) {
    const { sent, unsent } = connection.traffic()
    if (unsent > 0 && sent === last) return
    last = sent
    yield* turns(20)
  }
}, Effect.timeout("5 seconds"))

const pieces = Arbitrary.array(
  Arbitrary.schema(Schema.Union([Schema.String, Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 200_000 }))])),
  { maxLength: 12 }
)

export const suite = (test: Test) => {
  test("bytes arrive in order, from writes of texts, blocks and nothing", () =>
    Effect.gen(function* () {
      const result = yield* Arbitrary.checkEffect(
        pieces,
        Effect.fnUntraced(function* (all) {
          const { far, near } = yield* pair
          const written = all.map((piece, index) =>
            typeof piece === "string" ? piece : pseudoRandomBytes(piece, index)
          )
          const reading = yield* Effect.forkChild(readAll(far))
          for (const piece of written) yield* near.write(typeof piece === "string" ? piece : piece.slice())
          yield* near.end
          const expected = Buffer.concat(written.map((piece) => Buffer.from(piece as Uint8Array)))
          return Buffer.compare(yield* Fiber.join(reading), expected) === 0
        }, Effect.scoped),
        { runs: 25 }
      )
      assert.isUndefined(Arbitrary.formatCheckFailure(result))
    }))

  test("half-close of either end leaves the other direction open", () =>
    Effect.gen(function* () {
      for (const swap of [false, true]) {
        const { far, near } = yield* pair
        const [first, second] = swap ? [far, near] : [near, far]
        yield* first.write("question")
        yield* first.end
        assert.strictEqual(`${yield* readAll(second)}`, "question")
        yield* second.write("a long ")
        yield* turns(2)
        yield* second.write("answer")
        assert.strictEqual(`${yield* read(first, 13)}`, "a long answer")
        yield* second.end
        assert.strictEqual(yield* outcome(first.pull), "Done")
      }
    }))

  test("pull returns Done after the last byte, and at every further pull", () =>
    Effect.gen(function* () {
      const { far, near } = yield* pair
      yield* near.write("all")
      yield* near.end
      yield* near.end
      assert.strictEqual(`${yield* read(far, 3)}`, "all")
      for (let i = 0; i < 3; i++) assert.strictEqual(yield* outcome(far.pull), "Done")
    }))

  test("endRead lets pull return arrived bytes, then Done; writes still work", () =>
    Effect.gen(function* () {
      const { far, near } = yield* pair
      const waiting = yield* Effect.forkChild(outcome(far.pull), { startImmediately: true })
      yield* turns(1)
      yield* far.endRead
      assert.strictEqual(yield* Fiber.join(waiting), "Done")
      assert.strictEqual(yield* outcome(far.pull), "Done")
      yield* far.write("bye")
      yield* far.end
      assert.strictEqual(`${yield* readAll(near)}`, "bye")

      const parted = yield* pair
      yield* parted.near.write(pseudoRandomBytes(10_000))
      const head = yield* parted.far.pull
      // Nothing pulls: these bytes arrive before the input is ended.
      yield* parted.near.write(pseudoRandomBytes(10_000, 2))
      yield* turns(5)
      const arrived = parted.far.traffic().received
      yield* parted.far.endRead
      const tail = yield* readAll(parted.far)
      assert.isAtLeast(head.length + tail.length, arrived)
      const whole = Buffer.concat([pseudoRandomBytes(10_000), pseudoRandomBytes(10_000, 2)])
      same(Buffer.concat([head, tail]), whole.subarray(0, head.length + tail.length), "arrived bytes")
    }))

  test("write waits for a peer that does not read, and loses nothing", () =>
    Effect.gen(function* () {
      const { far, near } = yield* pair
      const all = pseudoRandomBytes(24 * mebibyteBytes)
      const writing = yield* Effect.forkChild(Effect.andThen(writeIn(near, all, 65_536), near.end))
      yield* stalled(near)
      const { sent, unsent } = near.traffic()
      assert.isAbove(unsent, 0)
      assert.isBelow(sent + unsent, all.length, "the writer did not wait")
      assert.isUndefined(writing.pollUnsafe())
      same(yield* readAll(far), all, "after the wait")
      yield* Fiber.join(writing)
      assert.deepStrictEqual(near.traffic(), { received: 0, sent: all.length, unsent: 0 })
    }))

  test("8 MiB pass in both directions at once", () =>
    Effect.gen(function* () {
      const { far, near } = yield* pair
      const there = pseudoRandomBytes(8 * mebibyteBytes, 3)
      const back = pseudoRandomBytes(8 * mebibyteBytes, 4)
      const [, , atFar, atNear] = yield* Effect.all(
        [
          Effect.andThen(writeIn(near, there, 100_003), near.end),
          Effect.andThen(writeIn(far, back, 1_000_003), far.end),
          readAll(far),
          readAll(near)
        ],
        { concurrency: "unbounded" }
      )
      same(atFar, there, "there")
      same(atNear, back, "back")
      assert.deepStrictEqual(near.traffic(), { received: back.length, sent: there.length, unsent: 0 })
      assert.deepStrictEqual(far.traffic(), { received: there.length, sent: back.length, unsent: 0 })
    }))

  test("traffic counts bytes, not characters", () =>
    Effect.gen(function* () {
      const { far, near } = yield* pair
      assert.deepStrictEqual(near.traffic(), { received: 0, sent: 0, unsent: 0 })
      yield* near.write("naïve ☃")
      assert.strictEqual(`${yield* read(far, 10)}`, "naïve ☃")
      yield* far.write(Uint8Array.of(1, 2, 3))
      yield* read(near, 3)
      yield* until(() => near.traffic().unsent === 0)
      assert.deepStrictEqual(near.traffic(), { received: 3, sent: 10, unsent: 0 })
      assert.deepStrictEqual(far.traffic(), { received: 10, sent: 3, unsent: 0 })
    }))

  test("writes of several fibers are not interleaved, even when they wait", () =>
    Effect.gen(function* () {
      const { far, near } = yield* pair
      const size = 100_000
      const writer = (label: number) =>
        Effect.forEach(Array(40), () => near.write(new Uint8Array(size).fill(label)), { discard: true })
      const writing = yield* Effect.forkChild(
        Effect.andThen(Effect.forEach([1, 2, 3, 4], writer, { concurrency: "unbounded" }), near.end)
      )
      yield* stalled(near)
      const all = yield* readAll(far)
      yield* Fiber.join(writing)
      assert.strictEqual(all.length, 160 * size)
      for (let at = 0; at < all.length; at += size) {
        const block = all.subarray(at, at + size)
        assert.isTrue(
          block.every((byte) => byte === block[0]),
          `the write at ${at}`
        )
      }
    }))

  test("200 concurrent connections each receive their own bytes", () =>
    Effect.gen(function* () {
      const { client, server } = yield* Hosts
      const listener = yield* server.network.listen({ host: server.address, port: 0 })
      const echo = Effect.flatMap(listener.accept, (far) =>
        Effect.flatMap(readAll(far), (bytes) => Effect.andThen(far.write(bytes), far.end))
      )
      const ask = Effect.fnUntraced(function* (index: number) {
        const near = yield* client.network.connect(listener.address)
        const bytes = pseudoRandomBytes(1_000 + index, index)
        yield* near.write(bytes.slice())
        yield* near.end
        same(yield* readAll(near), bytes, `connection ${index}`)
      }, Effect.scoped)
      const all = { concurrency: "unbounded", discard: true } as const
      yield* Effect.all(
        [Effect.forEach(Array(200), () => Effect.scoped(echo), all), Effect.forEach(Array(200).keys(), ask, all)],
        all
      )
    }))

  test("an interrupted pull loses no bytes", () =>
    Effect.gen(function* () {
      const { far, near } = yield* pair
      const all = pseudoRandomBytes(200_000, 5)
      const writing = yield* Effect.forkChild(
        Effect.andThen(
          Effect.forEach(Array(100).keys(), (i) =>
            Effect.andThen(near.write(all.slice(i * 2_000, (i + 1) * 2_000)), turns(i % 3))
          ),
          near.end
        )
      )
      const chunks: Array<Uint8Array> = []
      for (let i = 0, ended = false; !ended; i++) {
        const pulling = yield* Effect.forkChild(far.pull, { startImmediately: true })
        yield* turns(i % 3)
        yield* Fiber.interrupt(pulling)
        const exit = yield* Fiber.await(pulling)
        if (Exit.isSuccess(exit)) chunks.push(exit.value)
        else ended = !Exit.hasInterrupts(exit)
      }
      same(Buffer.concat(chunks), all, "after the interruptions")
      yield* Fiber.join(writing)
    }).pipe(Effect.timeout("10 seconds")))

  test("an interrupted write is still sent, whole and in order", () =>
    Effect.gen(function* () {
      const { far, near } = yield* pair
      const first = pseudoRandomBytes(16 * mebibyteBytes, 6)
      const writing = yield* Effect.forkChild(near.write(first.slice()), { startImmediately: true })
      yield* stalled(near)
      yield* Fiber.interrupt(writing)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(writing)))
      const second = yield* Effect.forkChild(Effect.andThen(near.write("second"), near.end))
      same(yield* readAll(far), Buffer.concat([first, Buffer.from("second")]), "both writes")
      yield* Fiber.join(second)
      assert.deepStrictEqual(near.traffic(), { received: 0, sent: first.length + 6, unsent: 0 })
    }))
}
