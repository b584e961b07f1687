/**
 * A job with all kinds of work: a packet says what it does. The module URL has parameters: `log`, the path of a log of
 * what happens in the threads, and `layer=fails`.
 */
import * as Fs from "node:fs"
import { threadId } from "node:worker_threads"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Job from "../../../src/farm/Job.ts"

const parameters = new URL(import.meta.url).searchParams

const log = (line: string) => {
  const path = parameters.get("log")
  if (path !== null) Fs.appendFileSync(path, `${line}\n`)
}

class Refused extends Schema.TaggedError<Refused>()("Refused", { code: Schema.String }) {
  override get message() {
    return `refused with ${this.code}`
  }
}

/** A counter of the packets of its thread. */
class Counter extends Context.Service<Counter, { readonly next: () => number }>()("test/Counter") {
  static readonly layer = Layer.effect(
    Counter,
    Effect.gen(function* () {
      if (parameters.get("layer") === "fails") return yield* new Refused({ code: "NO_DISK" })
      log(`acquired ${threadId}`)
      yield* Effect.addFinalizer(() => Effect.sync(() => log(`released ${threadId}`)))
      let count = 0
      return { next: () => ++count }
    })
  )
}

/** Waits for the next turn of the event loop. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

const untilAborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))

const nested = () => {
  const ring: Error & { cause?: unknown } = new Error("ring")
  ring.cause = ring
  const cause = Object.assign(new Error("no such file", { cause: ring }), { code: "ENOENT" })
  return Object.assign(new TypeError("cannot read\nthe file", { cause }), { code: 42 })
}

const hostile = () =>
  Object.defineProperties(new Error("hidden"), {
    message: { get: () => assertNever() },
    cause: { get: () => assertNever() }
  })

const assertNever = (): never => {
  throw new Error("a getter that throws")
}

const heap: Array<unknown> = []

const endless = (depth: number): number => endless(depth + 1) + 1

/** A chain of promises that never lets the event loop turn. */
const again = (): Promise<never> => Promise.resolve().then(again)

const works = {
  effect: () => Effect.map(Counter, (counter) => counter.next()),
  promise: async (at) => {
    await turn()
    return at
  },
  throw: () => {
    throw nested()
  },
  hostile: () => {
    throw hostile()
  },
  reject: () => Promise.reject("a text"),
  fail: () => Effect.fail(new Refused({ code: "E_REFUSED" })),
  abortable: async (_, { signal }) => {
    log("begun")
    await untilAborted(signal).finally(() => log("aborted"))
  },
  interruptible: () =>
    Effect.onInterrupt(
      Effect.andThen(
        Effect.sync(() => log("begun")),
        Effect.never
      ),
      () => Effect.sync(() => log("interrupted"))
    ),
  deaf: () => {
    log(`begun ${threadId}`)
    return new Promise(() => {})
  },
  loop: () => {
    log(`begun ${threadId}`)
    for (;;) Math.random()
  },
  stray: async () => {
    void Promise.reject(new Error("stray"))
  },
  lateStray: () => {
    setImmediate(() => void Promise.reject(new Error("late stray")))
    return new Promise(() => {})
  },
  callback: () => {
    setTimeout(() => {
      throw new Error("in a callback")
    })
    return new Promise(() => {})
  },
  recursion: () => endless(0),
  microtasks: () => again(),
  buffer: () => new ArrayBuffer(2 ** 53 - 1),
  strayAfter: () => {
    void Promise.reject(new Error("stray after"))
    return -1
  },
  exit: async () => {
    await turn()
    process.exit(9)
  },
  memory: () => {
    for (;;) heap.push(Array.from({ length: 10_000 }, (_, index) => ({ index })))
  },
  unsendable: () => turn,
  thread: () => threadId
} satisfies Record<string, (at: number, signal: Job.StopSignal) => Job.Computation<unknown, Counter>>

export type Does = keyof typeof works

const Packet = Schema.Struct({
  at: Schema.Number,
  does: Schema.Literals(Object.keys(works) as ReadonlyArray<Does>)
})

export const job = Job.make({
  name: "kinds",
  version: 1,
  packet: Packet,
  result: Schema.Any,
  split: (does: ReadonlyArray<Does>) => {
    let at = 0
    return {
      total: does.length,
      next: () => (at === does.length ? undefined : { packet: { at, does: does[at++]! }, units: 1 })
    }
  },
  work: ({ at, does }, signal): Job.Computation<unknown, Counter> => works[does](at, signal),
  layer: Counter.layer,
  empty: [] as ReadonlyArray<unknown>,
  merge: (results, result) => [...results, result]
})
