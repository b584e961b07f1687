/** The demonstration `threads`: create, exit, return, cancel, join and detach, for fibers and worker threads. */
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Amount from "../../../terminal/Amount.ts"
import * as Table from "../../../terminal/Table.ts"
import { finishedIndex, type Job, residentBytes, startThread } from "./NodeDemoThreads.ts"

/** Time that a child works. */
const workMillis = 100

/** End of a parent that has a running child. */
interface ParentEnd {
  /** Milliseconds from the child's start to the parent's end. */
  readonly parent: number
  /** True if the child finished its work. */
  readonly finished: boolean
}

export interface Observed {
  readonly said: ReadonlyArray<string>
  readonly exit: number
  readonly returned: number
  /** Milliseconds of a cancellation, and `true` if the finalizer of the child ran. */
  readonly cancel: { readonly millis: number; readonly cleaned: boolean }
  /** Milliseconds that the parent waited for a child that works `work` of them. */
  readonly join: number
  readonly attached: ParentEnd
  readonly detached: ParentEnd
  /** Time and memory for one, with `count` at the same time. */
  readonly cost: { readonly count: number; readonly micros: number; readonly bytes: number }
}

const millis = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.timed(effect), ([time]) => Duration.toMillis(time))

/** Measures the time and memory for one of `count`. */
const costOf = Effect.fnUntraced(function* <E, R>(count: number, create: Effect.Effect<unknown, E, R>) {
  const before = yield* residentBytes
  const time = yield* millis(create)
  return { count, micros: (time / count) * 1e3, bytes: ((yield* residentBytes) - before) / count }
})

const hello = "primary thread says hello"
const exitCode = (code: number) => `exit code ${code}`

const exitFiber = Effect.gen(function* () {
  const said: Array<string> = []
  const record = (text: string) => Effect.sync(() => void said.push(text))
  const child = yield* Effect.forkChild(Effect.andThen(record("child thread says hi!"), Effect.fail(99)))
  yield* record(hello)
  const exit = yield* Effect.flip(Fiber.join(child))
  yield* record(exitCode(exit))
  return { said, exit }
})

const cancelFiber = Effect.gen(function* () {
  let cleaned = false
  const running = yield* Latch.make()
  const loop = Effect.forever(running.open).pipe(Effect.ensuring(Effect.sync(() => (cleaned = true))))
  const child = yield* Effect.forkChild(loop)
  yield* running.await
  return { millis: yield* millis(Fiber.interrupt(child)), cleaned }
})

/** Runs a parent that ends while its child works. */
const endOfParentFiber = Effect.fnUntraced(function* (detached: boolean) {
  const child = Effect.sleep(workMillis)
  const fork = detached ? Effect.forkDetach(child) : Effect.forkChild(child)
  const parent = yield* Effect.forkChild(fork)
  const [time, grandchild] = yield* Effect.timed(Fiber.join(parent))
  return { parent: Duration.toMillis(time), finished: Exit.isSuccess(yield* Fiber.await(grandchild)) }
})

const manyFibers = Effect.gen(function* () {
  const count = 50_000
  const fibers: Array<Fiber.Fiber<never>> = []
  const create = Effect.gen(function* () {
    for (let i = 0; i < count; i++) fibers.push(yield* Effect.forkChild(Effect.never, { startImmediately: true }))
  })
  const cost = yield* costOf(count, create)
  yield* Fiber.interruptAll(fibers)
  return cost
})

const asFibers = Effect.gen(function* () {
  const observed: Observed = {
    ...(yield* exitFiber),
    returned: yield* Effect.flatMap(Effect.forkChild(Effect.sync(() => 6 * 7)), Fiber.join),
    cancel: yield* cancelFiber,
    join: yield* millis(Effect.flatMap(Effect.forkChild(Effect.sleep(workMillis)), Fiber.join)),
    attached: yield* endOfParentFiber(false),
    detached: yield* endOfParentFiber(true),
    cost: yield* manyFibers
  }
  return observed
})

const thread = <Message>(job: Job) => startThread<Message>("NodeDemoThread", job)

const memory = () => new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))

const isFinished = (memory: Int32Array) => Atomics.load(memory, finishedIndex) === 1

const exitThread = Effect.gen(function* () {
  const said: Array<string> = []
  const record = (text: string) => Effect.sync(() => void said.push(text))
  const child = yield* thread<string>({ task: "exit" })
  const greeting = yield* Effect.forkChild(Effect.flatMap(child.nextMessage, record))
  yield* record(hello)
  const exit = yield* child.exitCode
  yield* Fiber.join(greeting)
  yield* record(exitCode(exit))
  return { said, exit }
})

const returnThread = Effect.gen(function* () {
  const child = yield* thread<number>({ task: "return" })
  yield* child.exitCode
  return yield* child.nextMessage
})

const cancelThread = Effect.gen(function* () {
  const mark = memory()
  const child = yield* thread({ task: "loop", memory: mark })
  yield* child.nextMessage
  return { millis: yield* millis(Effect.promise(() => child.worker.terminate())), cleaned: isFinished(mark) }
})

const joinThread = Effect.gen(function* () {
  const child = yield* thread({ task: "toil", memory: memory(), millis: workMillis })
  yield* child.nextMessage
  return yield* millis(child.exitCode)
})

/** Time that a detached child works: much longer than its parent takes to end. */
const detachedWorkMillis = 10_000

const endOfParentThread = Effect.fnUntraced(function* (detached: boolean) {
  const mark = memory()
  const parent = yield* thread({
    task: "parent",
    memory: mark,
    millis: detached ? detachedWorkMillis : workMillis,
    detached
  })
  yield* parent.nextMessage
  const time = yield* millis(parent.exitCode)
  // A child that still runs finishes when it is notified.
  Atomics.notify(mark, finishedIndex)
  yield* Effect.sleep(workMillis)
  return { parent: time, finished: isFinished(mark) }
})

const manyThreads = Effect.gen(function* () {
  const count = 4
  const create = Effect.gen(function* () {
    for (let i = 0; i < count; i++) yield* Effect.flatMap(thread({ task: "wait" }), ({ nextMessage }) => nextMessage)
  })
  return yield* costOf(count, create)
}).pipe(Effect.scoped)

const asThreads = Effect.gen(function* () {
  const observed: Observed = {
    ...(yield* exitThread),
    returned: yield* returnThread,
    cancel: yield* cancelThread,
    join: yield* joinThread,
    attached: yield* endOfParentThread(false),
    detached: yield* endOfParentThread(true),
    cost: yield* manyThreads
  }
  return observed
}).pipe(Effect.scoped)

const ms = (time: number) => (time < 1 ? `${(time * 1e3).toPrecision(3)} us` : `${time.toPrecision(3)} ms`)

/** Rows of the table: a title, and the text for one column. */
const lines: Readonly<Record<string, (observed: Observed) => string>> = {
  exit: ({ exit }) => `the parent received ${exit}`,
  return: ({ returned }) => `the parent received ${returned}`,
  cancel: ({ cancel }) => `${ms(cancel.millis)}, ${cancel.cleaned ? "after" : "without"} its finalizer`,
  join: ({ join }) => `waited ${ms(join)} for ${workMillis} ms of work`,
  "end of parent": ({ attached }) => ends(attached),
  "when detached": ({ detached }) => ends(detached),
  "time for one": ({ cost }) => `${ms(cost.micros / 1e3)} (${cost.count} created)`,
  "memory for one": ({ cost }) => `${Amount.formatBytes(cost.bytes)} (growth of the process)`
}

const ends = ({ finished, parent }: ParentEnd) => `after ${ms(parent)}, child ${finished ? "finished" : "ended early"}`

const columnChars = 44

const columns = (title: string, fiber: string, worker: string) =>
  Table.formatRow([Table.left(16), Table.left(columnChars)], [title, fiber, worker])

/** Formats both in two columns. */
export const show = (fibers: Observed, threads: Observed) =>
  [
    columns("", "fiber", "worker thread"),
    ...fibers.said.map((line, at) => columns("", line, threads.said[at] ?? "")),
    "",
    ...Object.entries(lines).map(([title, line]) => columns(title, line(fibers), line(threads)))
  ].join("\n")

export const threads = Effect.fnUntraced(function* ({ json }: { readonly json: boolean }) {
  const fibers = yield* asFibers
  const workers = yield* asThreads
  if (json) return yield* Console.log(JSON.stringify({ work: workMillis, fibers, threads: workers }))
  yield* Console.log(`Create, exit, return, cancel, join, detach: fibers and worker threads\n`)
  yield* Console.log(show(fibers, workers))
  yield* Console.log(`
Worker threads run at the same time, each with its own heap and event loop; fibers take turns on one thread. A fiber is
cancelled where it yields, and runs its finalizers; a worker thread is ended at any instruction. A fiber that ends
interrupts the children that it has not detached; a worker thread waits for them, and ends those that it has detached.`)
})
