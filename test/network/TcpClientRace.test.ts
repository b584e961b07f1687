import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { type AttemptScript, portOf, run } from "./ScriptedNetwork.ts"

/** Expected start and end of each attempt, by RFC 8305 alone. */
const timetable = (scripts: ReadonlyArray<AttemptScript>, delay: number) => {
  let begin = 0
  return scripts.map(({ after, kind }) => {
    const end = kind === "hangs" ? Infinity : begin + after
    const row = { begin, end, kind }
    begin = kind === "fails" ? Math.min(begin + delay, end) : begin + delay
    return row
  })
}

const script = Arbitrary.all({
  kind: Arbitrary.schema(Schema.Literals(["answers", "fails", "hangs", "uninterruptible"])),
  after: Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 900 }))),
  closing: Arbitrary.schema(Schema.Literals([0, 7]))
})
const scriptsArbitrary = Arbitrary.array(script, { minLength: 1, maxLength: 6 })

describe("TcpClient.connectAny", () => {
  it.effect.prop(
    "starts and ends each attempt as RFC 8305 requires, and leaves at most one connection open",
    [scriptsArbitrary, Schema.Literals([10, 100, 250])],
    ([scripts, delay]) =>
      Effect.gen(function* () {
        const race = yield* run(scripts, { attemptDelay: delay })
        yield* TestClock.adjust("1 minute")
        const exit = yield* Fiber.await(race.fiber)
        const rows = timetable(scripts, delay)
        const best = Math.min(
          ...rows.map(({ end, kind }) => (kind === "answers" || kind === "uninterruptible" ? end : Infinity))
        )
        const expected = rows.flatMap(({ begin }, port) => (begin < best && begin < 30_000 ? [[port, begin]] : []))
        // An attempt due at the exact time of success may or may not have started.
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
    "closes all connections except a winner when interrupted; the scope closes the winner",
    [scriptsArbitrary, Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_500 }))],
    ([scripts, moment]) =>
      Effect.gen(function* () {
        const race = yield* run(scripts)
        yield* TestClock.adjust(moment)
        const over = yield* Effect.forkChild(Fiber.interrupt(race.fiber))
        yield* TestClock.adjust(1_000)
        yield* Fiber.join(over)
        if (Exit.isSuccess(yield* Fiber.await(race.fiber))) return
        const before = race.begun().length
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(race.pending(), 0)
        assert.strictEqual(race.begun().length, before)
        // During the closing of losers there is a winner already: it stays open until the scope closes.
        const rows = timetable(scripts, 250)
        const isWinner = (port: number) => rows[port]!.end <= moment && rows[port]!.kind !== "fails"
        assert.isTrue(race.open.size <= 1 && [...race.open].every(isWinner))
        yield* Effect.forkChild(Scope.close(race.scope, Exit.void))
        yield* TestClock.adjust(10)
        assert.deepStrictEqual([...race.open], [])
      })
  )

  it.effect("waits 250 ms before the next attempt, or until the failure of the previous one", () =>
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

  it.effect("closes losers before it returns the winner, even one that connects at the same time", () =>
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

  it.effect("waits for an uninterruptible loser and closes its connection", () =>
    Effect.gen(function* () {
      const scripts = [{ kind: "uninterruptible", after: 900 } as const, { kind: "answers", after: 10 } as const]
      const race = yield* run(scripts)
      yield* TestClock.adjust(899)
      assert.isUndefined(race.returned())
      yield* TestClock.adjust(1)
      assert.strictEqual(portOf(yield* Fiber.join(race.fiber)), 1)
      assert.deepStrictEqual([...race.open], [1])
    })
  )

  it.effect("propagates a defect of the network and leaves nothing open", () =>
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
    it.effect(`clamps an attempt delay of ${asked} to ${held} ms`, () =>
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

  it.effect("reports every address with its error in one line when all fail", () =>
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
        "192.0.2.1:0: connection refused: nothing is listening on that port; 192.0.2.1:1: connection refused: nothing is listening on that port"
      )
    })
  )

  it.effect("fails after the timeout and closes all connections", () =>
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
      assert.match(error.message, /^no connection within 400ms: 192\.0\.2\.1:0: timed out: no answer; /)
      assert.strictEqual(race.pending(), 0)
      assert.strictEqual(race.begun().length, 3)
    })
  )

  it.effect("handles thousands of failing addresses, as from a hostile name server", () =>
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
