/** The demonstration `mutex`: lost updates of a shared number, in threads and in fibers, and three remedies each. */
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

/** Updates one number in two threads, and counts the lost updates. */
const race = Effect.fnUntraced(function* (way: UpdateMethod, count: number) {
  const memory = new Int32Array(new SharedArrayBuffer(cellCount * Int32Array.BYTES_PER_ELEMENT))
  const start = NodeDemoThreads.startThread<number>("NodeMutexThread", { memory, way, count } satisfies MutexJob)
  const running = yield* Effect.all(Array.from({ length: threadCount }, () => start))
  const times = yield* Effect.forEach(running, ({ nextMessage }) => nextMessage)
  const expected = threadCount * count
  const observed = memory[cellIndex.global]!
  return { way, count, expected, observed, lost: expected - observed, millis: Math.max(...times) }
}, Effect.scoped)

/** Maximum number of rounds without a lost update: threads that by chance ran one after the other lose none. */
const maxAttempts = 4
const maxCount = 100_000_000

/** Number of updates by each of two fibers. */
const updatesPerFiber = 2

const inTwoFibers = <E, R>(increment: Effect.Effect<unknown, E, R>) =>
  Effect.gen(function* () {
    const start = (name: string) =>
      Effect.forkChild(SimScheduler.label(Effect.repeat(increment, { times: updatesPerFiber - 1 }), name))
    yield* Fiber.joinAll([yield* start("one"), yield* start("other")])
  })

/** Returns a number, and an increment of it in two operations: a read into a local variable and a write. */
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

const check = (observed: number) => (observed === expected ? undefined : `${observed} of ${expected} updates counted`)

const runs = 200
const command = "npm run -s inet -- demo mutex"

const withDefaultScheduler = Effect.map(Effect.all(Array.from({ length: runs }, () => unsynchronized)), (all) => ({
  runs,
  lost: all.filter((observed) => observed !== expected).length
}))

/** Finds an interleaving that loses an update, and shrinks it; undefined if no run lost one. */
const findLostUpdate = SimScheduler.explore(unsynchronized, { runs, check, command }).pipe(
  Effect.as(undefined),
  Effect.catch((error) =>
    error.failure === undefined
      ? Effect.fail(error)
      : Effect.succeed({ seed: error.failure.seed, observed: error.reason.message, message: error.message })
  )
)

/** Explores a remedy. Fails with the interleaving if it loses an update. */
const verify = ([name, program]: readonly [string, Effect.Effect<number>]) =>
  Effect.map(SimScheduler.explore(program, { runs, check, command }), ({ interleavings, runs }) => ({
    cure: name,
    runs,
    interleavings,
    lost: 0
  }))

const row = (what: string, ...figures: ReadonlyArray<string | number>) =>
  Table.formatRow([Table.left(20), ...figures.map(() => Table.right(12))], [what, ...figures])

/** Prints the result of an effect, unless the output is JSON. */
const printed = <A, E, R>(effect: Effect.Effect<A, E, R>, json: boolean, format: (figures: A) => string) =>
  json ? effect : Effect.tap(effect, (figures) => Console.log(format(figures)))

const runThreads = Effect.fnUntraced(function* (json: boolean, first: number) {
  const run = (way: UpdateMethod, count: number) =>
    printed(race(way, count), json, ({ count, expected, lost, millis, observed, way }) =>
      row(names[way], count, expected, observed, lost, millis.toFixed(1))
    )
  const rounds = [yield* run("none", first)]
  while (rounds.at(-1)!.lost === 0 && rounds.length < maxAttempts && rounds.at(-1)!.count * 10 <= maxCount) {
    if (!json) yield* Console.log("No update was lost, by chance. Repeating with ten times as many updates:")
    rounds.push(yield* run("none", rounds.at(-1)!.count * 10))
  }
  rounds.push(yield* run("mutex", first), yield* run("add", first))
  return rounds
})

const runFibers = Effect.fnUntraced(function* (json: boolean) {
  const usual = yield* printed(withDefaultScheduler, json, ({ lost, runs }) =>
    row("default scheduler", runs, "-", lost)
  )
  const cures = yield* Effect.forEach(Object.entries(synchronized), (entry) =>
    printed(verify(entry), json, ({ cure, interleavings, lost, runs }) => row(cure, runs, interleavings, lost))
  )
  const found = yield* printed(findLostUpdate, json, (found) =>
    found === undefined
      ? `\nNo update was lost in ${runs} runs without a remedy.`
      : `\nWithout a remedy an update is lost. The smallest interleaving, and the command that repeats it:\n\n${found.message}`
  )
  return { updates: updatesPerFiber, expected, usual, found, cures }
})

export const mutex = Effect.fnUntraced(function* (input: {
  readonly json: boolean
  readonly count: number | undefined
}) {
  const { count = 1_000_000, json } = input
  const print = (text: string) => (json ? Effect.void : Console.log(text))
  yield* print(`${threadCount} worker threads share a number: local = global; local++; global = local\n`)
  yield* print(row("", "times each", "expected", "observed", "lost", "ms"))
  const rounds = yield* runThreads(json, count)
  yield* print(`
The same in 2 fibers, ${updatesPerFiber} updates each. The default scheduler runs them in one order. SimScheduler tries
orders from seeds: with each remedy, then without:
`)
  yield* print(row("", "runs", "orders", "lost"))
  const fibers = yield* runFibers(json)
  yield* print(`
Threads run at the same time: between the read and the write of one, another may write. Fibers share one thread and
switch only between operations: a single operation (Ref.update, a transaction) is not interrupted, and a permit excludes
other fibers.`)
  if (json) yield* Console.log(JSON.stringify({ threads: rounds, fibers }))
})
