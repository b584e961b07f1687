/** One worker of a pool of threads: it outlives its threads, and starts another when one dies. */
import { Worker as Thread } from "node:worker_threads"
import * as Effect from "effect/Effect"
import * as NodeModuleUrl from "../../process/NodeModuleUrl.ts"
import { FarmError, Module, type Reason, Unreachable } from "../FarmError.ts"
import type { Report, Worker } from "../Worker.ts"
import { type Batch, Ending, type FromThread, type Start } from "./NodeFarmMessage.ts"

/** What a worker is made from; times in milliseconds. */
export interface Settings {
  readonly name: string
  readonly module: string
  readonly capacity: number
  readonly grace: number
}

const program = NodeModuleUrl.beside(import.meta.url, "NodeFarmThread")

/** Milliseconds before a thread that died is replaced: more each time, until one has done a packet. */
const firstDelay = 20
const lastDelay = 5_000

/** So many threads may die in a row before they have a packet. */
const stillbirths = 5

/** How long a thread may take to load the module, in milliseconds. */
const loading = 60_000

const ignored = () => {}

/** What a slot holds. */
interface Slot {
  id: number
  cancelled: number | undefined
}

/** Starts a worker and waits until it has loaded the job; it ends with the scope. */
export const make = Effect.fnUntraced(function* ({ capacity, grace, module, name }: Settings) {
  const slots = new Map<number, Slot>()
  const free: Array<number> = []
  let flags = new Int32Array(new SharedArrayBuffer(4 * (capacity + 1)))
  let thread: Thread | undefined
  let state: "starting" | "ready" | "dead" | "closed" = "starting"
  let job = { name: "", version: 0 }
  let report: ((reports: ReadonlyArray<Report>) => void) | undefined
  let started: ((failure: Reason | undefined) => void) | undefined
  let emptied: () => void = ignored
  let ended: () => void = ignored
  let deaths = 0
  let unborn = 0
  let message = ""
  let respawn: NodeJS.Timeout | undefined
  let watching: NodeJS.Timeout | undefined

  const settle = () => {
    if (slots.size === 0) emptied()
  }
  const receive = (from: FromThread) => {
    switch (from._tag) {
      case "Ready":
        // A thread may be ready when nobody wants it any more.
        if (state === "closed") return
        job = { name: from.name, version: from.version }
        state = "ready"
        started?.(undefined)
        return report?.([{ _tag: "Ready" }])
      case "Refused":
        message = from.detail
        return void thread?.terminate()
      case "Ended": {
        deaths = 0
        unborn = 0
        const reports: Array<Report> = []
        for (const [at, slot] of from.slots.entries()) {
          const { id } = slots.get(slot)!
          slots.delete(slot)
          free.push(slot)
          const ending = from.endings[at]
          const value = from.values[at]
          reports.push(
            ending === Ending.done
              ? { _tag: "Done", id, result: value, millis: from.millis[at]! }
              : ending === Ending.failed
                ? { _tag: "Failed", id, message: String(value) }
                : { _tag: "Stopped", id }
          )
        }
        report?.(reports)
        return settle()
      }
    }
  }

  const died = () => {
    const before = state
    const running = Atomics.load(flags, capacity) - 1
    const suspects = [slots.get(running)].flatMap((slot) => (slot === undefined ? [] : [slot.id]))
    slots.clear()
    thread = undefined
    if (state === "closed") {
      settle()
      return ended()
    }
    state = "starting"
    if (started !== undefined) return started(new Module({ module, detail: message }))
    deaths++
    unborn = suspects.length > 0 ? 0 : unborn + 1
    const gone = unborn > stillbirths
    if (gone) state = "dead"
    if (before === "ready" || gone) report?.([{ _tag: gone ? "Gone" : "Lost", message, running: suspects }])
    settle()
    if (!gone) respawn = setTimeout(spawn, Math.min(lastDelay, firstDelay * 2 ** (deaths - 1)))
  }

  const spawn = () => {
    flags = new Int32Array(new SharedArrayBuffer(4 * (capacity + 1)))
    free.length = 0
    for (let slot = capacity - 1; slot >= 0; slot--) free.push(slot)
    message = "the thread ended"
    const begun = new Thread(program, { workerData: { module, flags } satisfies Start, name })
    thread = begun
    begun.on("message", receive)
    begun.on("error", (cause) => {
      message = `the thread died: ${cause instanceof Error ? cause.message : String(cause)}`
    })
    begun.once("exit", (code) => {
      if (message === "the thread ended") message = `the thread ended with code ${code}`
      died()
    })
  }

  /** A packet that cannot be cloned takes no other with it. */
  const post = (to: Thread, batch: Batch) => {
    try {
      to.postMessage(batch)
    } catch (cause) {
      const { packets, slots } = batch
      if (slots.length > 1) {
        for (const [at, slot] of slots.entries()) post(to, { slots: [slot], packets: [packets[at]] })
        return
      }
      const values = [`the packet cannot be sent: ${cause instanceof Error ? cause.message : String(cause)}`]
      const ended: FromThread = { _tag: "Ended", slots, endings: [Ending.failed], values, millis: [0] }
      setImmediate(() => to === thread && receive(ended))
    }
  }

  /** Kills the thread if it works on what was cancelled a grace ago. What only waits will be stopped unread. */
  const watch = () => {
    watching = undefined
    const cancelled = slots.get(Atomics.load(flags, capacity) - 1)?.cancelled
    if (cancelled !== undefined && performance.now() - cancelled >= grace) {
      message = `the work did not stop within ${grace} ms, and its thread was killed`
      return void thread?.terminate()
    }
    if ([...slots.values()].some((slot) => slot.cancelled !== undefined)) watching = setTimeout(watch, grace / 4)
  }
  const cancel = (wanted: (slot: Slot) => boolean) => {
    for (const [at, slot] of slots) {
      if (slot.cancelled !== undefined || !wanted(slot)) continue
      slot.cancelled = performance.now()
      Atomics.store(flags, at, 1)
      watching ??= setTimeout(watch, grace)
    }
  }

  yield* Effect.addFinalizer(() =>
    Effect.callback<void>((resume) => {
      state = "closed"
      clearTimeout(respawn)
      clearTimeout(watching)
      if (thread === undefined) return resume(Effect.void)
      ended = () => resume(Effect.void)
      void thread.terminate()
    })
  )
  yield* Effect.callback<void, FarmError>((resume) => {
    started = (failure) => {
      started = undefined
      resume(failure === undefined ? Effect.void : Effect.fail(new FarmError({ reason: failure })))
    }
    spawn()
  }).pipe(
    Effect.timeoutOrElse({
      duration: loading,
      orElse: () => {
        const detail = `${module} was not loaded within ${loading / 1_000} s`
        return Effect.fail(new FarmError({ reason: new Unreachable({ worker: name, detail }) }))
      }
    })
  )

  const worker: Worker = {
    name,
    job,
    capacity,
    latency: 2,
    attach: (listener) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          report = listener
          if (state === "dead") listener([{ _tag: "Gone", message }])
          else if (state !== "ready") listener([{ _tag: "Lost", message }])
        }),
        () =>
          Effect.callback<void>((resume) => {
            report = undefined
            cancel(() => true)
            emptied = () => {
              emptied = ignored
              resume(Effect.void)
            }
            settle()
          })
      ),
    run: (tasks) => {
      if (thread === undefined) return
      const batch = { slots: [] as Array<number>, packets: [] as Array<unknown> }
      for (const { id, packet } of tasks) {
        const slot = free.pop()!
        slots.set(slot, { id, cancelled: undefined })
        Atomics.store(flags, slot, 0)
        batch.slots.push(slot)
        batch.packets.push(packet)
      }
      post(thread, batch)
    },
    cancel: (ids) => {
      const wanted = new Set(ids)
      cancel(({ id }) => wanted.has(id))
    }
  }
  return worker
})
