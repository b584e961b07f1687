/** A worker on a thread of this process. It outlives its threads: a thread that crashes is replaced. */
import { Worker as Thread } from "node:worker_threads"
import * as Effect from "effect/Effect"
import * as NodeModuleUrl from "../../process/NodeModuleUrl.ts"
import { FarmError, ModuleLoadFailed, type Reason, Unreachable } from "../FarmError.ts"
import type { Report, Worker } from "../Worker.ts"
import { type Batch, OutcomeCode, type ThreadData, type ThreadMessage } from "./NodeFarmMessage.ts"

/** The parameters of a worker. */
export interface Settings {
  readonly name: string
  readonly module: string
  readonly capacity: number
  readonly gracePeriodMillis: number
}

const program = NodeModuleUrl.sibling(import.meta.url, "NodeFarmThread")

/** The delay before a crashed thread is replaced: doubled for each crash, until a thread has done a packet. */
const initialRestartDelayMillis = 20
const maxRestartDelayMillis = 5_000

/** Crashes in a row, without a packet in progress, after which the worker is given up. */
const maxStartupCrashes = 5

/** The time limit for a thread to load the module. */
const loadTimeoutMillis = 60_000

const exited = "the thread exited"

const noop = () => {}

/** The packet in a slot. */
interface Slot {
  id: number
  cancelledAt: number | undefined
}

/** Starts a worker and waits until it has loaded the job. It ends with the scope. */
export const make = Effect.fnUntraced(function* ({ capacity, gracePeriodMillis, module, name }: Settings) {
  const slots = new Map<number, Slot>()
  const free: Array<number> = []
  let flags = new Int32Array(new SharedArrayBuffer(4 * (capacity + 1)))
  let thread: Thread | undefined
  let state: "starting" | "ready" | "dead" | "closed" = "starting"
  let job = { name: "", version: 0 }
  let report: ((reports: ReadonlyArray<Report>) => void) | undefined
  let onStarted: ((failure: Reason | undefined) => void) | undefined
  let onIdle: () => void = noop
  let onExit: () => void = noop
  let crashes = 0
  let startupCrashes = 0
  let lastError = ""
  let restartTimer: NodeJS.Timeout | undefined
  let watchdogTimer: NodeJS.Timeout | undefined

  const notifyIfIdle = () => {
    if (slots.size === 0) onIdle()
  }
  const receive = (from: ThreadMessage) => {
    switch (from._tag) {
      case "Ready":
        // The scope may close while the thread starts.
        if (state === "closed") return
        job = { name: from.name, version: from.version }
        state = "ready"
        onStarted?.(undefined)
        return report?.([{ _tag: "Ready" }])
      case "Refused":
        lastError = from.detail
        return void thread?.terminate()
      case "Ended": {
        crashes = 0
        startupCrashes = 0
        const reports: Array<Report> = []
        for (const [at, slot] of from.slots.entries()) {
          const { id } = slots.get(slot)!
          slots.delete(slot)
          free.push(slot)
          const outcome = from.outcomes[at]
          const value = from.values[at]
          reports.push(
            outcome === OutcomeCode.done
              ? { _tag: "Done", id, result: value, millis: from.millis[at]! }
              : outcome === OutcomeCode.failed
                ? { _tag: "Failed", id, message: String(value) }
                : { _tag: "Stopped", id }
          )
        }
        report?.(reports)
        return notifyIfIdle()
      }
    }
  }

  const handleExit = () => {
    const before = state
    const running = Atomics.load(flags, capacity) - 1
    const suspects = [slots.get(running)].flatMap((slot) => (slot === undefined ? [] : [slot.id]))
    slots.clear()
    thread = undefined
    if (state === "closed") {
      notifyIfIdle()
      return onExit()
    }
    state = "starting"
    if (onStarted !== undefined) return onStarted(new ModuleLoadFailed({ module, detail: lastError }))
    crashes++
    startupCrashes = suspects.length > 0 ? 0 : startupCrashes + 1
    const isGone = startupCrashes > maxStartupCrashes
    if (isGone) state = "dead"
    if (before === "ready" || isGone)
      report?.([{ _tag: isGone ? "Gone" : "Lost", message: lastError, running: suspects }])
    notifyIfIdle()
    if (!isGone) {
      restartTimer = setTimeout(spawn, Math.min(maxRestartDelayMillis, initialRestartDelayMillis * 2 ** (crashes - 1)))
    }
  }

  const spawn = () => {
    flags = new Int32Array(new SharedArrayBuffer(4 * (capacity + 1)))
    free.length = 0
    for (let slot = capacity - 1; slot >= 0; slot--) free.push(slot)
    lastError = exited
    const newThread = new Thread(program, { workerData: { module, flags } satisfies ThreadData, name })
    thread = newThread
    newThread.on("message", receive)
    newThread.on("error", (cause) => {
      lastError = `the thread crashed: ${cause instanceof Error ? cause.message : String(cause)}`
    })
    newThread.once("exit", (code) => {
      if (lastError === exited) lastError = `${exited} with code ${code}`
      handleExit()
    })
  }

  /** Sends a batch. If a packet cannot be cloned, each is sent alone, and that one fails. */
  const post = (to: Thread, batch: Batch) => {
    try {
      to.postMessage(batch)
    } catch (cause) {
      const { packets, slots } = batch
      if (slots.length > 1) {
        for (const [at, slot] of slots.entries()) post(to, { slots: [slot], packets: [packets[at]] })
        return
      }
      const values = [`cannot send the packet: ${cause instanceof Error ? cause.message : String(cause)}`]
      const ended: ThreadMessage = { _tag: "Ended", slots, outcomes: [OutcomeCode.failed], values, millis: [0] }
      setImmediate(() => to === thread && receive(ended))
    }
  }

  /** Kills the thread if its packet was cancelled a grace period ago. Waiting packets are skipped without a kill. */
  const watch = () => {
    watchdogTimer = undefined
    const cancelled = slots.get(Atomics.load(flags, capacity) - 1)?.cancelledAt
    if (cancelled !== undefined && performance.now() - cancelled >= gracePeriodMillis) {
      lastError = `cancelled work did not stop within ${gracePeriodMillis} ms: thread killed`
      return void thread?.terminate()
    }
    if ([...slots.values()].some((slot) => slot.cancelledAt !== undefined)) {
      watchdogTimer = setTimeout(watch, gracePeriodMillis / 4)
    }
  }
  const cancel = (wanted: (slot: Slot) => boolean) => {
    for (const [at, slot] of slots) {
      if (slot.cancelledAt !== undefined || !wanted(slot)) continue
      slot.cancelledAt = performance.now()
      Atomics.store(flags, at, 1)
      watchdogTimer ??= setTimeout(watch, gracePeriodMillis)
    }
  }

  yield* Effect.addFinalizer(() =>
    Effect.callback<void>((resume) => {
      state = "closed"
      clearTimeout(restartTimer)
      clearTimeout(watchdogTimer)
      if (thread === undefined) return resume(Effect.void)
      onExit = () => resume(Effect.void)
      void thread.terminate()
    })
  )
  yield* Effect.callback<void, FarmError>((resume) => {
    onStarted = (failure) => {
      onStarted = undefined
      resume(failure === undefined ? Effect.void : Effect.fail(new FarmError({ reason: failure })))
    }
    spawn()
  }).pipe(
    Effect.timeoutOrElse({
      duration: loadTimeoutMillis,
      orElse: () => {
        const detail = `timed out: ${module} did not load within ${loadTimeoutMillis / 1_000} s`
        return Effect.fail(new FarmError({ reason: new Unreachable({ worker: name, detail }) }))
      }
    })
  )

  const worker: Worker = {
    name,
    job,
    capacity,
    latencyMillis: 2,
    attach: (listener) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          report = listener
          if (state === "dead") listener([{ _tag: "Gone", message: lastError }])
          else if (state !== "ready") listener([{ _tag: "Lost", message: lastError }])
        }),
        () =>
          Effect.callback<void>((resume) => {
            report = undefined
            cancel(() => true)
            onIdle = () => {
              onIdle = noop
              resume(Effect.void)
            }
            notifyIfIdle()
          })
      ),
    run: (tasks) => {
      if (thread === undefined) return
      const batch = { slots: [] as Array<number>, packets: [] as Array<unknown> }
      for (const { id, packet } of tasks) {
        const slot = free.pop()!
        slots.set(slot, { id, cancelledAt: undefined })
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
