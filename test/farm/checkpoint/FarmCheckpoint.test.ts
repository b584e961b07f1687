import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import * as Farm from "../../../src/farm/Farm.ts"
import type { Checkpoint } from "../../../src/farm/FarmCheckpoint.ts"
import * as FarmCheckpoint from "../../../src/farm/FarmCheckpoint.ts"
import { CheckpointFailed, FarmError, PoisonPacket } from "../../../src/farm/FarmError.ts"
import * as Job from "../../../src/farm/Job.ts"
import { crc32c } from "../../../src/network/server/Crc32c.ts"
import { type Input, job, sum } from "../jobs/odd.ts"
import * as types from "../jobs/types.ts"
import * as SimWorkers from "../SimWorkers.ts"
import * as MemoryCheckpoint from "./MemoryCheckpoint.ts"

const { make } = MemoryCheckpoint

const pool = () => SimWorkers.make(job, [1, 2, 7], ({ from, to }) => to - from)

/** Splits as the job does. */
const splitRange = ({ to = 0 }: Input) => Job.range(0, to)

/** Writes a state as a checkpoint that is not damaged. */
const sealed = (state: string) => {
  const sum = crc32c(new TextEncoder().encode(state)).toString(16).padStart(8, "0")
  return `{"farm":2,"sum":"${sum}","state":${state}}\n`
}

const within = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

describe("FarmCheckpoint", () => {
  it.effect.prop(
    "continues an interrupted run to the same output, after any number of interruptions",
    [Schema.Array(within(0, 8_000)).check(Schema.isMaxLength(4)), Schema.Boolean],
    ([cuts, ordered]) =>
      Effect.gen(function* () {
        const { checkpoint, saved } = make()
        const start = () => {
          const { workers } = pool()
          return Effect.forkChild(
            Farm.run(job, { to: 20_000 }, { workers, checkpoint, ordered, checkpointInterval: "1 second" }),
            {
              startImmediately: true
            }
          )
        }
        for (const millis of cuts) {
          const fiber = yield* start()
          yield* TestClock.adjust(millis)
          yield* Fiber.interrupt(fiber)
          // An interrupted run has saved its state at its end; the next test covers the texts of the interval.
          if (fiber.pollUnsafe()?._tag === "Failure") assert.isDefined(saved.text)
        }
        const last = yield* start()
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(yield* Fiber.join(last), sum(20_000))
        assert.isUndefined(saved.text)
      }),
    { arbitrary: { runs: 25 } }
  )

  it.effect("continues to the same output from every saved state of a run", () =>
    Effect.gen(function* () {
      const { checkpoint } = make()
      const texts: Array<string> = []
      const recording = { ...checkpoint, write: (text: string) => Effect.sync(() => void texts.push(text)) }
      const go = Effect.fnUntraced(function* (from: Checkpoint) {
        const { sent, workers } = pool()
        const options = { workers, checkpoint: from, checkpointInterval: "500 millis" } as const
        const fiber = yield* Effect.forkChild(Farm.run(job, { to: 20_000 }, options), { startImmediately: true })
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(yield* Fiber.join(fiber), sum(20_000))
        return sent
      })
      const all = (yield* go(recording)).length
      assert.isAbove(texts.length, 10)
      const last = texts.at(-1)!
      for (const text of [...texts]) {
        const sent = yield* go({ ...make().checkpoint, read: Effect.succeed(text) })
        if (text === last) assert.isBelow(sent.length, all / 2)
      }
    })
  )

  it.effect("logs once that the state cannot be saved, and once that it is saved again", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const logger = Logger.make(({ logLevel, message }) => void lines.push(`${logLevel}: ${message}`))
      const { checkpoint } = make()
      const full = new FarmError({ reason: new CheckpointFailed({ path: "memory", detail: "no space left" }) })
      let attempts = 0
      const sometimesFull: Checkpoint = {
        ...checkpoint,
        write: (text) =>
          Effect.suspend(() => (++attempts > 1 && attempts <= 4 ? Effect.fail(full) : checkpoint.write(text)))
      }
      const options = { workers: pool().workers, checkpoint: sometimesFull, checkpointInterval: "500 millis" } as const
      const run = Effect.provide(Farm.run(job, { to: 20_000 }, options), Logger.layer([logger]))
      const fiber = yield* Effect.forkChild(run, { startImmediately: true })
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* Fiber.join(fiber), sum(20_000))
      assert.isAbove(attempts, 5)
      assert.deepStrictEqual(lines, [`Warn: ${full.message}`, "Info: memory: the checkpoint is saved again"])
    })
  )

  it.effect("refuses codecs that throw, and an interval of 0, with a typed error", () =>
    Effect.gen(function* () {
      const { checkpoint } = make()
      const never = Schema.Number.check(Schema.makeFilter(() => "no number will do"))
      const messageOf = (
        codecs: Partial<NonNullable<typeof job.checkpoint>>,
        options: Partial<Farm.RunOptions> = {}
      ) => {
        const broken = { ...job, checkpoint: { input: job.checkpoint!.input, output: never, ...codecs } }
        const run = Farm.run(broken, { to: 10 }, { workers: pool().workers, checkpoint, ...options })
        return Effect.map(Effect.flip(run), ({ message }) => message)
      }
      const input = job.checkpoint!.input.check(Schema.makeFilter(() => "no input will do"))
      assert.match(yield* messageOf({ input }), /^memory: cannot write the input: .*no input will do/)
      assert.match(yield* messageOf({}), /^memory: cannot write the state: .*no number will do/)
      assert.strictEqual(
        yield* messageOf({}, { checkpointInterval: 0 }),
        "invalid checkpointInterval 0 ms: must be more than 0"
      )
    })
  )

  it.effect("continues to the same output after a run that failed in a function of the job", () =>
    Effect.gen(function* () {
      const oops = () => {
        throw new Error("oops")
      }
      const split = (input: Input) => {
        const { next, total } = splitRange(input)
        let cuts = 0
        return { total, next: (size: number) => (++cuts > 70 ? oops() : next(size)) }
      }
      const merge = (all: number, part: number) => (all > 1e7 ? oops() : all + part)
      const encoding = Schema.Struct({ from: Schema.Number.check(Schema.isLessThan(9_000)), to: Schema.Number })
      const ways: ReadonlyArray<Partial<typeof job>> = [{ merge }, { split }, { packet: encoding }]
      for (const part of ways) {
        const { checkpoint, saved } = make()
        const go = (how: typeof job) =>
          Effect.gen(function* () {
            const options = { workers: pool().workers, checkpoint, checkpointInterval: "1 minute" } as const
            const fiber = yield* Effect.forkChild(Farm.run(how, { to: 20_000 }, options), { startImmediately: true })
            yield* TestClock.adjust("1 hour")
            return yield* Fiber.join(fiber)
          })
        assert.strictEqual(
          (yield* Effect.flip(go({ ...job, ...part }))).reason._tag,
          part.merge ? "MergeFailed" : "SplitFailed"
        )
        assert.isDefined(saved.text)
        assert.strictEqual(yield* go(job), sum(20_000))
      }
    })
  )

  it.effect("continues with bigints, dates, NaN and bytes in input, packets and output", () =>
    Effect.gen(function* () {
      const { checkpoint, saved } = make()
      const input = { packets: 12n, millis: 0 }
      const start = Effect.fnUntraced(function* () {
        const { sent, workers } = SimWorkers.make(types.job, [1], () => 100)
        const options = { workers, checkpoint, checkpointInterval: "250 millis", ordered: true } as const
        const fiber = yield* Effect.forkChild(Farm.run(types.job, input, options), { startImmediately: true })
        return { fiber, sent }
      })
      const first = yield* start()
      yield* TestClock.adjust("650 millis")
      yield* Fiber.interrupt(first.fiber)
      const { open, output } = JSON.parse(saved.text!).state
      assert.isNotEmpty(open)
      assert.deepInclude(output[1], { at: "18446744073709551617", when: "1970-01-01T00:00:01.000Z", ratio: "NaN" })
      const second = yield* start()
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(yield* Fiber.join(second.fiber), types.outputOf(12n))
      assert.isBelow(second.sent.length, 12)
    })
  )

  it.effect(
    "writes the state of its begin, though output and skipped packets change while the packets are written",
    () =>
      Effect.gen(function* () {
        const list = Job.make({
          ...{ name: "list", version: 1, packet: Schema.String, result: Schema.Number },
          split: (texts: ReadonlyArray<string>) => texts,
          work: (text: string) => text.length,
          empty: [] as ReadonlyArray<number>,
          merge: (all, one) => [...all, one],
          checkpoint: { input: Schema.Array(Schema.String), output: Schema.Array(Schema.Number) }
        })
        const texts = ["a", "b", "c"].map((letter) => letter.repeat(1_100_000))
        const { read, write } = FarmCheckpoint.make(list, list.checkpoint!, { input: [], kind: "run", path: "memory" })
        const output = [1]
        const skipped = [new PoisonPacket({ id: 0, packet: "d", attempts: [] })]
        const unfinished = texts.map((text) => ({ units: 1, packet: { packet: text, encoded: text } }))
        const writing = write({ splitUnits: 5, unfinished, skipped, output })
        output.push(2)
        skipped.pop()
        const text = (yield* writing).join("")
        assert.isTrue(text === sealed(JSON.stringify(JSON.parse(text).state)))
        const state = yield* read(text)
        assert.deepStrictEqual([state.output, state.skipped.map(({ packet }) => packet)], [[1], ["d"]])
        assert.isTrue(state.unfinished.every(({ packet }, at) => packet.packet === texts[at]))
      })
  )

  it.effect("refuses another job, version or input, and a text that is not a checkpoint, with a one-line error", () =>
    Effect.gen(function* () {
      const { checkpoint, saved } = make()
      const go = (changed: Partial<typeof job>, to: number) => {
        const { workers } = pool()
        return Effect.map(
          Effect.flip(Farm.run({ ...job, ...changed }, { to }, { workers, checkpoint })),
          ({ message }) => message
        )
      }
      const { workers } = pool()
      yield* Effect.timeoutOption(Farm.run(job, { to: 9_000 }, { workers, checkpoint }), "1 second").pipe(
        Effect.forkChild({ startImmediately: true })
      )
      yield* TestClock.adjust("1 second")
      const good = saved.text!
      assert.strictEqual(
        yield* go({ name: "other" }, 9_000),
        "memory: belongs to job odd 1, not other 1; name another file"
      )
      assert.strictEqual(yield* go({ version: 2 }, 9_000), "memory: belongs to job odd 1, not odd 2; name another file")
      assert.strictEqual(
        yield* go({}, 8_000),
        'memory: belongs to input {"to":9000}, not {"to":8000}; name another file'
      )
      const state = JSON.stringify(JSON.parse(good).state)
      assert.strictEqual(sealed(state), good)
      const damaged = / the checkpoint is damaged \(checksum [0-9a-f]{8}, not [0-9a-f]{8}\); remove it to begin anew$/
      const refused: ReadonlyArray<readonly [text: string, why: RegExp]> = [
        ["", /: not a farm checkpoint; name another file$/],
        ["{}", /: not a farm checkpoint; name another file$/],
        ["null", /: not a farm checkpoint; name another file$/],
        [
          '{"farm":1,"job":"odd"}',
          /: format 1 of another version, not 2; continue it with that version, or remove it$/
        ],
        [good.slice(0, -9), /: the checkpoint is truncated; remove it to begin anew$/],
        [good.slice(0, 20), /: the checkpoint is truncated; remove it to begin anew$/],
        [good.replace(/(?<="cut":\d*)\d/, (digit) => `${(Number(digit) + 1) % 10}`), damaged],
        [good.replace(/(?<="output":\d*)\d/, (digit) => `${(Number(digit) + 1) % 10}`), damaged],
        [sealed(state.replace(/"cut":\d+/, '"cut":-1.5')), /: not a farm checkpoint, or a damaged one; name another/],
        [sealed(state.replace('"run"', '"stream"')), /: belongs to a stream, not a run; name another file$/],
        [
          sealed(state.replace(/"cut":\d+/, '"cut":9001')),
          /: cannot resume: the source stopped at unit 9000, the checkpoint at unit 9001; remove the checkpoint$/
        ]
      ]
      for (const [text, why] of refused) {
        saved.text = text
        assert.match(yield* go({}, 9_000), why)
      }
      assert.strictEqual(
        yield* go({ checkpoint: undefined }, 9_000),
        "memory: the job odd has no checkpoint codecs; define `checkpoint` in the job"
      )
    })
  )
})
