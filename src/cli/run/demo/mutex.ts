/** Updates that are lost where two do the same at the same time, in threads and in fibers, and what helps. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Ref from "effect/Ref"
import * as Semaphore from "effect/Semaphore"
import * as TxRef from "effect/TxRef"
import * as SimScheduler from "../../../simulation/runtime/SimScheduler.ts"
import * as NodeDemoThreads from "./NodeDemoThreads.ts"
import { cell, cells, type Job, threads, type Way } from "./NodeMutex.ts"

const names: Readonly<Record<Way, string>> = { none: "no mutex", mutex: "mutex (Atomics.wait)", add: "Atomics.add" }

/** What two threads made of one number. */
const race = Effect.fnUntraced(function* (way: Way, count: number) {
  const memory = new Int32Array(new SharedArrayBuffer(cells * Int32Array.BYTES_PER_ELEMENT))
  const start = NodeDemoThreads.start<number>("NodeMutexThread", { memory, way, count } satisfies Job)
  const running = yield* Effect.all(Array.from({ length: threads }, () => start))
  const times = yield* Effect.forEach(running, ({ told }) => told)
  const expected = threads * count
  const observed = memory[cell.global]!
  return { way, count, expected, observed, lost: expected - observed, millis: Math.max(...times) }
}, Effect.scoped)

/** Threads that happened to run one after the other lose nothing, and are given more to do. */
const attempts = 4
const most = 100_000_000

/** What each of two fibers does so many times. */
const updates = 2

const twice = <E, R>(increment: Effect.Effect<unknown, E, R>) =>
  Effect.gen(function* () {
    const start = (name: string) =>
      Effect.forkChild(SimScheduler.label(Effect.repeat(increment, { times: updates - 1 }), name))
    yield* Fiber.joinAll([yield* start("one"), yield* start("other")])
  })

/** A number, what takes it into a variable of one's own, and what puts that back. */
const racy = () => {
  let global = 0
  const increment = Effect.flatMap(
    SimScheduler.step(
      Effect.sync(() => global),
      "local = global"
    ),
    (local) =>
      SimScheduler.step(
        Effect.sync(() => {
          global = local + 1
        }),
        "global = local + 1"
      )
  )
  return { increment, read: Effect.sync(() => global) }
}

const plain = Effect.suspend(() => {
  const { increment, read } = racy()
  return Effect.andThen(twice(increment), read)
})

const cured: Readonly<Record<string, Effect.Effect<number>>> = {
  "Ref.update": Effect.gen(function* () {
    const global = yield* Ref.make(0)
    yield* twice(Ref.update(global, (local) => local + 1))
    return yield* Ref.get(global)
  }),
  Semaphore: Effect.gen(function* () {
    const { increment, read } = racy()
    const semaphore = yield* Semaphore.make(1)
    yield* twice(semaphore.withPermit(increment))
    return yield* read
  }),
  "Effect.tx": Effect.gen(function* () {
    const global = yield* TxRef.make(0)
    yield* twice(Effect.tx(Effect.flatMap(TxRef.get(global), (local) => TxRef.set(global, local + 1))))
    return yield* TxRef.get(global)
  })
}

const expected = 2 * updates

const check = (observed: number) => (observed === expected ? undefined : `${observed} of ${expected}`)

const runs = 200
const command = "npm run -s inet -- demo mutex"

const usually = Effect.map(Effect.all(Array.from({ length: runs }, () => plain)), (all) => ({
  runs,
  lost: all.filter((observed) => observed !== expected).length
}))

/** The interleaving that loses an update, made as small as it gets; nothing if none of the runs did. */
const find = SimScheduler.explore(plain, { runs, check, command }).pipe(
  Effect.as(undefined),
  Effect.catch((error) =>
    error.failure === undefined
      ? Effect.fail(error)
      : Effect.succeed({ seed: error.failure.seed, observed: error.reason.message, message: error.message })
  )
)

/** An update that is lost in spite of the cure ends this with the interleaving. */
const cure = ([name, program]: readonly [string, Effect.Effect<number>]) =>
  Effect.map(SimScheduler.explore(program, { runs, check, command }), ({ interleavings, runs }) => ({
    cure: name,
    runs,
    interleavings,
    lost: 0
  }))

const row = (what: string, ...figures: ReadonlyArray<string | number>) =>
  [what.padEnd(20), ...figures.map((figure) => `${figure}`.padStart(12))].join("")

/** Shows the figures of an effect when they are there. */
const shown = <A, E, R>(effect: Effect.Effect<A, E, R>, json: boolean, format: (figures: A) => string) =>
  json ? effect : Effect.tap(effect, (figures) => Console.log(format(figures)))

const racing = Effect.fnUntraced(function* (json: boolean, first: number) {
  const run = (way: Way, count: number) =>
    shown(race(way, count), json, ({ count, expected, lost, millis, observed, way }) =>
      row(names[way], count, expected, observed, lost, millis.toFixed(1))
    )
  const rounds = [yield* run("none", first)]
  while (rounds.at(-1)!.lost === 0 && rounds.length < attempts && rounds.at(-1)!.count * 10 <= most) {
    if (!json) yield* Console.log("They lost nothing: chance, as they happened to run. Again, with more to do:")
    rounds.push(yield* run("none", rounds.at(-1)!.count * 10))
  }
  rounds.push(yield* run("mutex", first), yield* run("add", first))
  return rounds
})

const exploring = Effect.fnUntraced(function* (json: boolean) {
  const usual = yield* shown(usually, json, ({ lost, runs }) => row("default scheduler", runs, "-", lost))
  const cures = yield* Effect.forEach(Object.entries(cured), (entry) =>
    shown(cure(entry), json, ({ cure, interleavings, lost, runs }) => row(cure, runs, interleavings, lost))
  )
  const found = yield* shown(find, json, (found) =>
    found === undefined
      ? `\nNo update was lost in ${runs} runs without a cure.`
      : `\nWithout a cure an update is lost. The smallest interleaving, and what repeats it:\n\n${found.message}`
  )
  return { updates, expected, usual, found, cures }
})

export const mutex = Effect.fnUntraced(function* (input: {
  readonly json: boolean
  readonly count: number | undefined
}) {
  const { count = 1_000_000, json } = input
  const say = (text: string) => (json ? Effect.void : Console.log(text))
  yield* say(`${threads} worker threads share a number: local = global; local++; global = local\n`)
  yield* say(row("", "times each", "expected", "observed", "lost", "ms"))
  const rounds = yield* racing(json, count)
  yield* say(`
The same in 2 fibers, ${updates} times each. The default scheduler has one order for them; with a cure, and then
without, SimScheduler tries orders that it draws from seeds:
`)
  yield* say(row("", "runs", "orders", "lost"))
  const fibers = yield* exploring(json)
  yield* say(`
Threads run at the same time: between reading and writing, another may write. Fibers share one thread, and switch only
between two operations: what is one operation (Ref.update, a transaction) or needs a permit cannot be cut in two.`)
  if (json) yield* Console.log(JSON.stringify({ threads: rounds, fibers }))
})
