/**
 * The driver of a group of workers: performs the actions of `Supervision` on threads and child processes.
 *
 * The owner makes the workers, handles their messages, and reports what they mean: ready, refused, some work done.
 */
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { constVoid } from "effect/Function"
import type { Listeners, WorkerHandle } from "./NodeWorkerHandle.ts"
import * as Supervision from "./Supervision.ts"

/** The failure of a group of workers to start. */
export class WorkerStartError extends Data.TaggedError("WorkerStartError")<{ readonly message: string }> {}

/** The owner of a group: what is particular to its workers. */
export interface Owner<Handle extends WorkerHandle<never>, FromWorker> {
  readonly policy: Supervision.Policy
  /** Starts a worker. An exception counts as its end. */
  readonly spawn: (id: number, listeners: Listeners<FromWorker>) => Handle
  readonly onMessage: (id: number, message: FromWorker, handle: Handle) => void
  /** Receives every notice; `WorkerEnded` follows the last message of its worker. */
  readonly onNotice?: ((notice: Supervision.Notice) => void) | undefined
  /** Returns whether a worker that has just ended had work. */
  readonly hadWork?: ((id: number) => boolean) | undefined
  /** Sends a ping, which the worker answers with any message. */
  readonly ping?: ((handle: Handle) => void) | undefined
  /** Requests that the worker ends after its work. Default: it is killed. */
  readonly requestDrain?: ((handle: Handle) => void) | undefined
}

/** A supervised group of workers. Its functions may be called from callbacks. */
export interface Supervisor<Handle> {
  /** Starts workers, and waits until as many as wanted are ready. Fails with the first failure of a worker. */
  readonly start: (target: number) => Effect.Effect<void, WorkerStartError>
  /** Changes the number of workers that the group keeps. */
  readonly resize: (target: number) => void
  /** Reports that a worker is ready. */
  readonly ready: (id: number) => void
  /** Kills a worker; the reason is that of its end. */
  readonly kill: (id: number, reason: string) => void
  /** Excludes a worker from the group: it serves its last client, and its end is expected. */
  readonly detach: (id: number) => void
  /** Reports that some work was done. */
  readonly progress: () => void
  /** Returns the handle of a worker that has not ended. */
  readonly handle: (id: number) => Handle | undefined
  /** Returns the workers that can take work. */
  readonly available: () => ReadonlyArray<readonly [id: number, handle: Handle]>
  readonly state: () => Supervision.State
  /** Requests that the workers end, waits for them, and kills those that run at the deadline. */
  readonly drain: (timeoutMillis: number) => Effect.Effect<void>
  /** Kills the workers, and waits until all have ended. Closing the scope does the same. */
  readonly close: Effect.Effect<void>
}

const messageOf = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause))

/** Makes a group without workers. All have ended when the scope has closed. */
export const make = Effect.fnUntraced(function* <Handle extends WorkerHandle<never>, FromWorker>(
  owner: Owner<Handle, FromWorker>
) {
  const { policy } = owner
  const clock = yield* Clock.Clock
  const runFork = Effect.runForkWith(yield* Effect.context<never>())
  const handles = new Map<number, Handle>()
  const endWaiters = new Set<() => void>()
  const pending: Array<Supervision.Action> = []
  let performing = false
  let state = Supervision.initial
  let timer: { readonly at: number; readonly fiber: Fiber.Fiber<void> } | undefined
  let onStarted: (result: Effect.Effect<void, WorkerStartError>) => void = constVoid

  const now = () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6

  /** Actions wait for those of the event before, because an action may cause another event. */
  const send = (event: Supervision.Event) => {
    const [next, actions] = Supervision.step(policy, state, event, now())
    state = next
    pending.push(...actions)
    if (performing) return
    performing = true
    try {
      for (let action = pending.shift(); action !== undefined; action = pending.shift()) perform(action)
    } finally {
      performing = false
    }
    schedule()
  }
  /** Keeps one fiber that sleeps until the next deadline. */
  const schedule = () => {
    const at = Supervision.deadline(policy, state)
    if (at === timer?.at) return
    timer?.fiber.interruptUnsafe()
    timer = at === undefined ? undefined : { at, fiber: runFork(Effect.delay(tick, Math.max(0, at - now()))) }
  }
  const tick = Effect.sync(() => {
    timer = undefined
    send({ _tag: "Tick" })
  })
  const spawn = (id: number) => {
    const end = (reason: string) => {
      handles.delete(id)
      send({ _tag: "Ended", id, reason, hadWork: owner.hadWork?.(id) ?? false })
    }
    try {
      const handle = owner.spawn(id, {
        onMessage: (message) => {
          if ((state.workers.get(id)?.unansweredPings ?? 0) > 0) send({ _tag: "Answered", id })
          owner.onMessage(id, message, handle)
        },
        onEnd: end
      })
      handles.set(id, handle)
    } catch (cause) {
      end(`failed to start (${messageOf(cause)})`)
    }
  }
  const notify = (notice: Supervision.Notice) => {
    if (notice._tag === "Started") onStarted(Effect.void)
    if (notice._tag === "StartFailed") onStarted(Effect.fail(new WorkerStartError({ message: notice.reason })))
    if (notice._tag === "AllEnded") {
      for (const resume of endWaiters) resume()
      endWaiters.clear()
    }
    owner.onNotice?.(notice)
  }
  const perform = (action: Supervision.Action) => {
    if (action._tag === "Notify") return notify(action.notice)
    if (action._tag === "Spawn") return spawn(action.id)
    const handle = handles.get(action.id)
    if (handle === undefined) return
    if (action._tag === "Ping") return owner.ping?.(handle)
    if (action._tag === "RequestDrain" && owner.requestDrain !== undefined) return owner.requestDrain(handle)
    handle.kill()
  }

  /** Sends an event, and waits until the last worker has ended. */
  const end = (event: Supervision.Event) =>
    Effect.callback<void>((resume) => {
      const done = () => resume(Effect.void)
      endWaiters.add(done)
      send(event)
      return Effect.sync(() => endWaiters.delete(done))
    })
  const close = end({ _tag: "Close" })
  yield* Effect.addFinalizer(() => close)

  const supervisor: Supervisor<Handle> = {
    start: (target) =>
      Effect.callback<void, WorkerStartError>((resume) => {
        onStarted = (result) => {
          onStarted = constVoid
          resume(result)
        }
        send({ _tag: "Start", target })
      }),
    resize: (target) => send({ _tag: "Resize", target }),
    ready: (id) => send({ _tag: "Ready", id }),
    kill: (id, reason) => send({ _tag: "Kill", id, reason }),
    detach: (id) => send({ _tag: "Detach", id }),
    progress: () => {
      if (state.failures + state.idleFailures > 0) send({ _tag: "Progress" })
    },
    handle: (id) => handles.get(id),
    available: () =>
      [...handles].filter(([id]) => {
        const worker = state.workers.get(id)
        return worker !== undefined && Supervision.isAvailable(policy, worker)
      }),
    state: () => state,
    drain: (timeoutMillis) => end({ _tag: "Drain", timeoutMillis }),
    close
  }
  return supervisor
})
