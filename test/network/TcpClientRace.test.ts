import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { type AttemptScript, portOf, run } from "./FateNetwork.ts"

/** When each attempt would begin and end, by RFC 8305 alone. */
const timetable = (fates: ReadonlyArray<AttemptScript>, delay: number) => {
  let begin = 0
  return fates.map(({ after, kind }) => {
    const end = kind === "hangs" ? Infinity : begin + after
    const row = { begin, end, kind }
    begin = kind === "fails" ? Math.min(begin + delay, end) : begin + delay
    return row
  })
}

const fate = Arbitrary.all({
  kind: Arbitrary.schema(Schema.Literals(["answers", "fails", "hangs", "stubborn"])),
  after: Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 900 }))),
  closing: Arbitrary.schema(Schema.Literals([0, 7]))
})
const fatesArbitrary = Arbitrary.array(fate, { minLength: 1, maxLength: 6 })

describe("TcpClient.connectAny", () => {
  it.effect.prop(
    "begins and ends each attempt when the RFC says, and leaves one connection or none",
    [fatesArbitrary, Schema.Literals([10, 100, 250])],
    ([fates, delay]) =>
      Effect.gen(function* () {
        const race = yield* run(fates, { attemptDelay: delay })
        yield* TestClock.adjust("1 minute")
        const exit = yield* Fiber.await(race.fiber)
        const rows = timetable(fates, delay)
        const best = Math.min(
          ...rows.map(({ end, kind }) => (kind === "answers" || kind === "stubborn" ? end : Infinity))
        )
        const expected = rows.flatMap(({ begin }, port) => (begin < best && begin < 30_000 ? [[port, begin]] : []))
        // An attempt due at the very moment of success may or may not have begun.
        assert.deepStrictEqual(
          race.begun().filter(([, at]) => at! < best),
          expected
        )
        assert.isTrue(race.begun().every(([, at]) => at! <= best))
        assert.strictEqual(race.pending(), 0)
        if (best === Infinity) {
          assert.isTrue(Exit.isFailure(exit))
          assert.deepStrictEqual([...race.open], [])
        } else {
          const winner = portOf(yield* Fiber.join(race.fiber))
          assert.strictEqual(rows[winner]!.end, best)
          assert.deepStrictEqual([...race.open], [winner])
          yield* Effect.forkChild(Scope.close(race.scope, Exit.void))
          yield* TestClock.adjust(10)
          assert.deepStrictEqual([...race.open], [])
        }
      })
  )

  it.effect.prop(
    "an interruption at any moment closes everything but a winner, which the scope closes",
    [fatesArbitrary, Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_500 }))],
    ([fates, moment]) =>
      Effect.gen(function* () {
        const race = yield* run(fates)
        yield* TestClock.adjust(moment)
        const over = yield* Effect.forkChild(Fiber.interrupt(race.fiber))
        yield* TestClock.adjust(1_000)
        yield* Fiber.join(over)
        if (Exit.isSuccess(yield* Fiber.await(race.fiber))) return
        const before = race.begun().length
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(race.pending(), 0)
        assert.strictEqual(race.begun().length, before)
        // While losers were being closed there was a winner already: it stays, and is the scope's.
        const rows = timetable(fates, 250)
        const isWinner = (port: number) => rows[port]!.end <= moment && rows[port]!.kind !== "fails"
        assert.isTrue(race.open.size <= 1 && [...race.open].every(isWinner))
        yield* Effect.forkChild(Scope.close(race.scope, Exit.void))
        yield* TestClock.adjust(10)
        assert.deepStrictEqual([...race.open], [])
      })
  )

  it.effect("waits 250 ms before the next address, and no longer than a failure takes", () =>
    Effect.gen(function* () {
      const race = yield* run([
        { kind: "hangs", after: 0 },
        { kind: "fails", after: 40 },
        { kind: "hangs", after: 0 },
        { kind: "answers", after: 20 }
      ])
      yield* TestClock.adjust(5_000)
      assert.strictEqual(portOf(yield* Fiber.join(race.fiber)), 3)
      assert.deepStrictEqual(race.begun(), [
        [0, 0],
        [1, 250],
        [2, 290],
        [3, 540]
      ])
      assert.strictEqual(race.returned(), 560)
    })
  )

  it.effect("losers are closed before the winner is returned, one that answers at the same time too", () =>
    Effect.gen(function* () {
      const race = yield* run([
        { kind: "answers", after: 500, closing: 30 },
        { kind: "answers", after: 250, closing: 30 },
        { kind: "hangs", after: 0, closing: 30 }
      ])
      yield* TestClock.adjust(500)
      assert.isUndefined(race.returned())
      yield* TestClock.adjust(100)
      yield* Fiber.join(race.fiber)
      assert.strictEqual(race.open.size, 1)
      assert.strictEqual(race.pending(), 0)
    })
  )

  it.effect("a loser that cannot be interrupted is closed too, when it answers and when nobody wants it", () =>
    Effect.gen(function* () {
      const fates = [{ kind: "stubborn", after: 900 } as const, { kind: "answers", after: 10 } as const]
      const race = yield* run(fates)
      yield* TestClock.adjust(899)
      assert.isUndefined(race.returned())
      yield* TestClock.adjust(1)
      assert.strictEqual(portOf(yield* Fiber.join(race.fiber)), 1)
      assert.deepStrictEqual([...race.open], [1])
    })
  )

  it.effect("a bug in the network is a bug here, and leaves nothing open", () =>
    Effect.gen(function* () {
      const race = yield* run([
        { kind: "hangs", after: 0 },
        { kind: "dies", after: 5 },
        { kind: "hangs", after: 0 }
      ])
      yield* TestClock.adjust(300)
      assert.isTrue(Exit.hasDies(yield* Fiber.await(race.fiber)))
      assert.strictEqual(race.pending(), 0)
    })
  )

  for (const [asked, held] of [
    [0, 10],
    ["1 minute", 2_000]
  ] as const) {
    it.effect(`an attempt delay of ${asked} is held at ${held} ms`, () =>
      Effect.gen(function* () {
        const race = yield* run(
          [
            { kind: "hangs", after: 0 },
            { kind: "answers", after: 1 }
          ],
          { attemptDelay: asked }
        )
        yield* TestClock.adjust(held + 1)
        yield* Fiber.join(race.fiber)
        assert.deepStrictEqual(race.begun(), [
          [0, 0],
          [1, held]
        ])
      })
    )
  }

  it.effect("when all fail, tells each address and why, in one line", () =>
    Effect.gen(function* () {
      const race = yield* run([
        { kind: "fails", after: 5 },
        { kind: "fails", after: 0 }
      ])
      yield* TestClock.adjust(5)
      const error = yield* Effect.flip(Fiber.join(race.fiber))
      assert.strictEqual(error.reason._tag, "AllFailed")
      assert.deepStrictEqual(
        error.reason.attempts.map(({ address, error }) => [address.port, error.reason]),
        [
          [0, "Refused"],
          [1, "Refused"]
        ]
      )
      assert.strictEqual(
        error.message,
        "192.0.2.1:0: connection refused: nobody listens there; 192.0.2.1:1: connection refused: nobody listens there"
      )
    })
  )

  it.effect("gives up after the timeout and closes what is open", () =>
    Effect.gen(function* () {
      const race = yield* run(
        [
          { kind: "hangs", after: 0 },
          { kind: "fails", after: 1 },
          { kind: "hangs", after: 0 },
          { kind: "hangs", after: 0 }
        ],
        { timeout: 400 }
      )
      yield* TestClock.adjust(400)
      const error = yield* Effect.flip(Fiber.join(race.fiber))
      assert.strictEqual(error.reason._tag, "TimedOut")
      assert.deepStrictEqual(
        error.reason.attempts.map(({ error }) => error.reason),
        ["TimedOut", "Refused", "TimedOut", "TimedOut"]
      )
      assert.match(error.message, /^no connection within 400ms: 192\.0\.2\.1:0: no answer in time; /)
      assert.strictEqual(race.pending(), 0)
      assert.strictEqual(race.begun().length, 3)
    })
  )

  it.effect("takes thousands of addresses that fail at once, as a hostile name server might send", () =>
    Effect.gen(function* () {
      const race = yield* run(Array.from({ length: 5_000 }, () => ({ kind: "fails", after: 0 }) as const))
      yield* TestClock.adjust(1)
      const error = yield* Effect.flip(Fiber.join(race.fiber))
      assert.strictEqual(error.reason.attempts.length, 5_000)
      assert.isBelow(error.message.length, 500)
      assert.match(error.message, /; and 4996 more addresses$/)
    })
  )
})
