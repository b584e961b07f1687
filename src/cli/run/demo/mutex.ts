/** Updates that are lost where two do the same at the same time, in threads and in fibers, and what helps. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Ref from "effect/Ref"
import * as Semaphore from "effect/Semaphore"
import * as TxRef from "effect/TxRef"
import * as SimScheduler from "../../../simulation/runtime/SimScheduler.ts"
import * as Table from "../../../terminal/Table.ts"
import * as NodeDemoThreads from "./NodeDemoThreads.ts"
import { cellCount, cellIndex, type MutexJob, threadCount, type UpdateMethod } from "./NodeMutex.ts"

const names: Readonly<Record<UpdateMethod, string>> = {
  none: "no mutex",
  mutex: "mutex (Atomics.wait)",
  add: "Atomics.add"
}

/** What two threads made of one number. */
const race = Effect.fnUntraced(function* (way: UpdateMethod, count: number) {
  const memory = new Int32Array(new SharedArrayBuffer(cellCount * Int32Array.BYTES_PER_ELEMENT))
  const start = NodeDemoThreads.startThread<number>("NodeMutexThread", { memory, way, count } satisfies MutexJob)
  const running = yield* Effect.all(Array.from({ length: threadCount }, () => start))
  const times = yield* Effect.forEach(running, ({ nextMessage }) => nextMessage)
  const expected = threadCount * count
  const observed = memory[cellIndex.global]!
  return { way, count, expected, observed, lost: expected - observed, millis: Math.max(...times) }
}, Effect.scoped)

/** Threads that happened to run one after the other lose nothing, and are given more to do. */
const maxAttempts = 4
const maxCount = 100_000_000

/** What each of two fibers does so many times. */
const updatesPerFiber = 2

const inTwoFibers = <E, R>(increment: Effect.Effect<unknown, E, R>) =>
  Effect.gen(function* () {
    const start = (name: string) =>
      Effect.forkChild(SimScheduler.label(Effect.repeat(increment, { times: updatesPerFiber - 1 }), name))
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

const unsynchronized = Effect.suspend(() => {
  const { increment, read } = racy()
  return Effect.andThen(inTwoFibers(increment), read)
})

const synchronized: Readonly<Record<string, Effect.Effect<number>>> = {
  "Ref.update": Effect.gen(function* () {
    const global = yield* Ref.make(0)
    yield* inTwoFibers(Ref.update(global, (local) => local + 1))
    return yield* Ref.get(global)
  }),
  Semaphore: Effect.gen(function* () {
    const { increment, read } = racy()
    const semaphore = yield* Semaphore.make(1)
    yield* inTwoFibers(semaphore.withPermit(increment))
    return yield* read
  }),
  "Effect.tx": Effect.gen(function* () {
    const global = yield* TxRef.make(0)
    yield* inTwoFibers(Effect.tx(Effect.flatMap(TxRef.get(global), (local) => TxRef.set(global, local + 1))))
    return yield* TxRef.get(global)
  })
}

const expected = 2 * updatesPerFiber

const check = (observed: number) => (observed === expected ? undefined : `${observed} of ${expected}`)

const runs = 200
const command = "npm run -s inet -- demo mutex"

const withDefaultScheduler = Effect.map(Effect.all(Array.from({ length: runs }, () => unsynchronized)), (all) => ({
  runs,
  lost: all.filter((observed) => observed !== expected).length
}))

/** The interleaving that loses an update, made as small as it gets; nothing if none of the runs did. */
const findLostUpdate = SimScheduler.explore(unsynchronized, { runs, check, command }).pipe(
  Effect.as(undefined),
  Effect.catch((error) =>
    error.failure === undefined
      ? Effect.fail(error)
      : Effect.succeed({ seed: error.failure.seed, observed: error.reason.message, message: error.message })
  )
)

/** An update that is lost in spite of the cure ends this with the interleaving. */
const verify = ([name, program]: readonly [string, Effect.Effect<number>]) =>
  Effect.map(SimScheduler.explore(program, { runs, check, command }), ({ interleavings, runs }) => ({
    cure: name,
    runs,
    interleavings,
    lost: 0
  }))

const row = (what: string, ...figures: ReadonlyArray<string | number>) =>
  Table.formatRow([Table.left(20), ...figures.map(() => Table.right(12))], [what, ...figures])

/** Shows the figures of an effect when they are there. */
const shown = <A, E, R>(effect: Effect.Effect<A, E, R>, json: boolean, format: (figures: A) => string) =>
  json ? effect : Effect.tap(effect, (figures) => Console.log(format(figures)))

const racing = Effect.fnUntraced(function* (json: boolean, first: number) {
  const run = (way: UpdateMethod, count: number) =>
    shown(race(way, count), json, ({ count, expected, lost, millis, observed, way }) =>
      row(names[way], count, expected, observed, lost, millis.toFixed(1))
    )
  const rounds = [yield* run("none", first)]
  while (rounds.at(-1)!.lost === 0 && rounds.length < maxAttempts && rounds.at(-1)!.count * 10 <= maxCount) {
    if (!json) yield* Console.log("They lost nothing: chance, as they happened to run. Again, with more to do:")
    rounds.push(yield* run("none", rounds.at(-1)!.count * 10))
  }
  rounds.push(yield* run("mutex", first), yield* run("add", first))
  return rounds
})

const exploring = Effect.fnUntraced(function* (json: boolean) {
  const usual = yield* shown(withDefaultScheduler, json, ({ lost, runs }) => row("default scheduler", runs, "-", lost))
  const cures = yield* Effect.forEach(Object.entries(synchronized), (entry) =>
    shown(verify(entry), json, ({ cure, interleavings, lost, runs }) => row(cure, runs, interleavings, lost))
  )
  const found = yield* shown(findLostUpdate, json, (found) =>
    found === undefined
      ? `\nNo update was lost in ${runs} runs without a cure.`
      : `\nWithout a cure an update is lost. The smallest interleaving, and what repeats it:\n\n${found.message}`
  )
  return { updates: updatesPerFiber, expected, usual, found, cures }
})

export const mutex = Effect.fnUntraced(function* (input: {
  readonly json: boolean
  readonly count: number | undefined
}) {
  const { count = 1_000_000, json } = input
  const say = (text: string) => (json ? Effect.void : Console.log(text))
  yield* say(`${threadCount} worker threads share a number: local = global; local++; global = local\n`)
  yield* say(row("", "times each", "expected", "observed", "lost", "ms"))
  const rounds = yield* racing(json, count)
  yield* say(`
The same in 2 fibers, ${updatesPerFiber} times each. The default scheduler has one order for them; with a cure, and then
without, SimScheduler tries orders that it draws from seeds:
`)
  yield* say(row("", "runs", "orders", "lost"))
  const fibers = yield* exploring(json)
  yield* say(`
Threads run at the same time: between reading and writing, another may write. Fibers share one thread, and switch only
between two operations: what is one operation (Ref.update, a transaction) or needs a permit cannot be cut in two.`)
  if (json) yield* Console.log(JSON.stringify({ threads: rounds, fibers }))
})
