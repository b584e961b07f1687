/** The worker threads of a server: each listens on the port that all share, and one that breaks is replaced. */
import { Worker } from "node:worker_threads"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Network from "../../network/Network.ts"
import type * as TcpServer from "../../network/TcpServer.ts"
import * as NodeModuleUrl from "../../process/NodeModuleUrl.ts"
import { SessionError } from "../Session.ts"
import type * as SharedStateServer from "./SharedStateServer.ts"
import * as Message from "./WorkerMessage.ts"

interface Slot {
  readonly start: Message.Start
  worker: Worker
  counter: SharedStateServer.Counter
  born: number
  alive: boolean
  stats: TcpServer.Stats
  /** Those who wait for a report, and for the end of a drain. */
  readonly counting: Set<() => void>
  readonly drained: Set<() => void>
}

type Failure = Network.NetworkError | SessionError

const program = NodeModuleUrl.beside(import.meta.url, "NodeSessionThread")

/** Milliseconds: a thread has to start, stats wait for one that is busy, a drained one has beyond its deadline. */
const startTime = 30_000
const countTime = 250
const grace = 1_500

const nothing: TcpServer.Stats = {
  active: 0,
  accepted: 0,
  refused: 0,
  timedOut: 0,
  bytesReceived: 0,
  bytesSent: 0
}

const add = (one: TcpServer.Stats, other: TcpServer.Stats): TcpServer.Stats => ({
  active: one.active + other.active,
  accepted: one.accepted + other.accepted,
  refused: one.refused + other.refused,
  timedOut: one.timedOut + other.timedOut,
  bytesReceived: one.bytesReceived + other.bytesReceived,
  bytesSent: one.bytesSent + other.bytesSent
})

const failureOf = ({ message, reason }: Extract<Message.FromChild, { readonly _tag: "Failed" }>): Failure =>
  reason === undefined
    ? new SessionError({ message })
    : new Network.NetworkError({ reason, cause: new Error(message.replace(/ \(.*/, "")) })

const wait = (set: Set<() => void>, begin: () => void) =>
  Effect.callback<void>((resume) => {
    const done = () => {
      set.delete(done)
      resume(Effect.void)
    }
    set.add(done)
    begin()
    return Effect.sync(() => set.delete(done))
  })

const wake = (set: Set<() => void>) => {
  for (const done of [...set]) done()
}

/** Threads, which have ended once the scope has closed. `deadline` is for their drain. */
export const make = Effect.fnUntraced(function* (desk: SharedStateServer.Desk, deadline: Duration.Input) {
  const slots: Array<Slot> = []
  const ids = new BigInt64Array(new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT))
  const delayOf = Message.restarts()
  const run = yield* FiberSet.makeRuntime<never>()
  /** What threads did that are no more. */
  let past = nothing
  let closing = false

  const spawn = (slot: Slot, settle: (result: Effect.Effect<void, Failure>) => void) => {
    const worker = new Worker(program, { workerData: { start: slot.start, ids }, stdout: true })
    const counter = desk.counter(
      (message) => worker.postMessage(message),
      () => void worker.terminate()
    )
    Object.assign(slot, { worker, counter, born: performance.now(), alive: true })
    // What a thread logs goes where logs go: its stdout would be taken for results.
    worker.stdout.on("data", (bytes: Uint8Array) => process.stderr.write(bytes))
    worker.on("error", (cause) => run(Effect.logWarning("a thread broke", cause)))
    worker.on("message", (message: Message.FromChild) => {
      switch (message._tag) {
        case "Ready":
          return settle(Effect.void)
        case "Failed":
          settle(Effect.fail(failureOf(message)))
          return void worker.terminate()
        case "Report":
          slot.stats = message.stats
          counter.heard(message.heard)
          return wake(slot.counting)
        case "Drained":
          return wake(slot.drained)
        case "Taken":
        case "Gone":
          return
        default:
          return counter.receive(message)
      }
    })
    worker.once("exit", (code) => {
      counter.close()
      past = add(past, { ...slot.stats, active: 0 })
      slot.stats = nothing
      slot.alive = false
      wake(slot.counting)
      wake(slot.drained)
      const message = `${slot.start.module}: a thread ended with code ${code} before it was ready`
      settle(Effect.fail(new SessionError({ message })))
    })
  }

  /** A thread that was ready once is replaced when it ends, whatever becomes of the one that takes its place. */
  const keep = (slot: Slot) => {
    slot.worker.once("exit", (code) => {
      if (closing) return
      run(Effect.logWarning(`a thread ended with code ${code}: it is replaced`))
      const again = Effect.sync(() => {
        let settled = false
        spawn(slot, (result) => {
          if (!settled) run(Effect.catch(result, ({ message }) => Effect.logError(message)))
          settled = true
        })
        keep(slot)
      })
      run(Effect.delay(again, delayOf(performance.now() - slot.born)))
    })
  }

  const open = (start: Message.Start): Effect.Effect<void, Failure> =>
    Effect.callback<void, Failure>((resume) => {
      const slot = { start, stats: nothing, counting: new Set(), drained: new Set() } as unknown as Slot
      slots.push(slot)
      let settled = false
      spawn(slot, (result) => {
        if (!settled) resume(result)
        settled = true
      })
    }).pipe(
      Effect.timeoutOrElse({
        duration: startTime,
        orElse: () => {
          const message = `${start.module}: a thread was not ready after ${startTime / 1_000} s`
          return Effect.fail(new SessionError({ message }))
        }
      })
    )

  const alive = () => slots.filter((slot) => slot.alive)
  const count = Effect.suspend(() =>
    Effect.forEach(alive(), (slot) => wait(slot.counting, () => slot.worker.postMessage({ _tag: "Count" })), {
      concurrency: "unbounded",
      discard: true
    })
  ).pipe(Effect.timeoutOption(countTime))

  const drain = yield* Effect.cached(
    Effect.gen(function* () {
      closing = true
      yield* Effect.suspend(() =>
        Effect.forEach(alive(), (slot) => wait(slot.drained, () => slot.worker.postMessage({ _tag: "Drain" })), {
          concurrency: "unbounded",
          discard: true
        })
      ).pipe(
        Effect.interruptible,
        Effect.timeoutOption(Duration.sum(Duration.fromInputUnsafe(deadline), Duration.millis(grace)))
      )
      yield* Effect.promise(() => Promise.all(slots.map(({ worker }) => worker.terminate())))
    })
  )
  yield* Effect.addFinalizer(() => drain)

  return {
    /** Starts a thread; it listens then. */
    open,
    /** From now on threads that end are replaced. */
    watch: () => {
      for (const slot of slots) keep(slot)
    },
    count,
    stats: () => slots.reduce((sum, { stats }) => add(sum, stats), past),
    drain
  }
})
