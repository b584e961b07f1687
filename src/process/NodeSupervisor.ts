/**
 * The driver of a group of workers: performs the actions of `Supervision` on threads and child processes.
 *
 * The owner creates the workers, and translates their messages into `ready`, `kill`, `detach` and `progress`.
 */
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { constVoid } from "effect/Function"
import { type Listeners, messageOf, type WorkerHandle } from "./NodeWorkerHandle.ts"
import * as Supervision from "./Supervision.ts"

/** The failure of a group of workers to start. */
export class WorkerStartError extends Data.TaggedError("WorkerStartError")<{ readonly message: string }> {}

/** The owner of a group: functions that depend on the kind of worker. */
export interface Owner<Handle extends WorkerHandle<never>, FromWorker> {
  readonly policy: Supervision.Policy
  /** Starts a worker. An exception counts as its end. */
  readonly spawn: (id: number, listeners: Listeners<FromWorker>) => Handle
  readonly onMessage: (id: number, message: FromWorker, handle: Handle) => void
  /** Receives every notice; `WorkerEnded` follows the last message of its worker. */
  readonly onNotice?: ((notice: Supervision.Notice) => void) | undefined
  /** Returns whether a worker was working when it ended: it is then replaced at once. */
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
  /** Kills a worker; `reason` becomes the reason of `WorkerEnded`. */
  readonly kill: (id: number, reason: string) => void
  /** Excludes a worker from the group: it serves its last client, and its end is expected. */
  readonly detach: (id: number) => void
  /** Reports that a worker has done some work. */
  readonly progress: (id: number) => void
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

/** State of a group, its handles, its queue of actions, and the callers that wait for the start or the end. */
interface Driver<Handle extends WorkerHandle<never>, FromWorker> {
  readonly owner: Owner<Handle, FromWorker>
  readonly clock: Clock.Clock
  readonly fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
  readonly handles: Map<number, Handle>
  readonly pending: Array<Supervision.Action>
  readonly endWaiters: Set<() => void>
  onStarted: (result: Effect.Effect<void, WorkerStartError>) => void
  state: Supervision.State
  isPerforming: boolean
  /** The fiber that sleeps until the next deadline. */
  timer: { readonly at: number; readonly fiber: Fiber.Fiber<void> } | undefined
}

const nowOf = ({ clock }: { readonly clock: Clock.Clock }) => Number(clock.monotonicTimeNanosUnsafe()) / 1e6

/** Applies an event and performs its actions. A call from within an action only queues its own. */
const send = <Handle extends WorkerHandle<never>, FromWorker>(
  driver: Driver<Handle, FromWorker>,
  event: Supervision.Event
) => {
  const { owner, pending } = driver
  const [next, actions] = Supervision.step(owner.policy, driver.state, event, nowOf(driver))
  driver.state = next
  pending.push(...actions)
  if (driver.isPerforming) return
  driver.isPerforming = true
  try {
    for (let action = pending.shift(); action !== undefined; action = pending.shift()) perform(driver, action)
  } finally {
    driver.isPerforming = false
  }
  schedule(driver)
}

const schedule = <Handle extends WorkerHandle<never>, FromWorker>(driver: Driver<Handle, FromWorker>) => {
  const { fork, owner, state, timer } = driver
  const at = Supervision.deadline(owner.policy, state)
  if (at === timer?.at) return
  timer?.fiber.interruptUnsafe()
  const tick = Effect.sync(() => {
    driver.timer = undefined
    send(driver, { _tag: "Tick" })
  })
  driver.timer = at === undefined ? undefined : { at, fiber: fork(Effect.delay(tick, Math.max(0, at - nowOf(driver)))) }
}

const spawn = <Handle extends WorkerHandle<never>, FromWorker>(driver: Driver<Handle, FromWorker>, id: number) => {
  const { handles, owner } = driver
  const onEnd = (reason: string) => {
    handles.delete(id)
    send(driver, { _tag: "Ended", id, reason, hadWork: owner.hadWork?.(id) ?? false })
  }
  const onMessage = (message: FromWorker) => {
    if ((driver.state.workers.get(id)?.unansweredPings ?? 0) > 0) send(driver, { _tag: "Answered", id })
    owner.onMessage(id, message, handles.get(id)!)
  }
  try {
    handles.set(id, owner.spawn(id, { onMessage, onEnd }))
  } catch (cause) {
    onEnd(`failed to start (${messageOf(cause)})`)
  }
}

const perform = <Handle extends WorkerHandle<never>, FromWorker>(
  driver: Driver<Handle, FromWorker>,
  action: Supervision.Action
) => {
  const { owner } = driver
  if (action._tag === "Notify") return notify(driver, action.notice)
  if (action._tag === "Spawn") return spawn(driver, action.id)
  const handle = driver.handles.get(action.id)
  if (handle === undefined) return
  if (action._tag === "Ping") return owner.ping?.(handle)
  if (action._tag === "RequestDrain" && owner.requestDrain !== undefined) return owner.requestDrain(handle)
  handle.kill()
}

const notify = <Handle extends WorkerHandle<never>, FromWorker>(
  driver: Driver<Handle, FromWorker>,
  notice: Supervision.Notice
) => {
  const { endWaiters, owner } = driver
  if (notice._tag === "Started") driver.onStarted(Effect.void)
  if (notice._tag === "StartFailed") driver.onStarted(Effect.fail(new WorkerStartError({ message: notice.reason })))
  if (notice._tag === "AllEnded") {
    for (const resume of endWaiters) resume()
    endWaiters.clear()
  }
  owner.onNotice?.(notice)
}

/** Sends an event, and waits until the last worker has ended. */
const end = <Handle extends WorkerHandle<never>, FromWorker>(
  driver: Driver<Handle, FromWorker>,
  event: Supervision.Event
) =>
  Effect.callback<void>((resume) => {
    const done = () => resume(Effect.void)
    driver.endWaiters.add(done)
    send(driver, event)
    return Effect.sync(() => driver.endWaiters.delete(done))
  })

/** Makes a group without workers. Closing the scope kills its workers and waits for their end. */
export const make = Effect.fnUntraced(function* <Handle extends WorkerHandle<never>, FromWorker>(
  owner: Owner<Handle, FromWorker>
) {
  const driver: Driver<Handle, FromWorker> = {
    owner,
    clock: yield* Clock.Clock,
    fork: Effect.runForkWith(yield* Effect.context<never>()),
    handles: new Map(),
    pending: [],
    endWaiters: new Set(),
    onStarted: constVoid,
    state: Supervision.initial,
    isPerforming: false,
    timer: undefined
  }
  const close = end(driver, { _tag: "Close" })
  yield* Effect.addFinalizer(() => close)

  const supervisor: Supervisor<Handle> = {
    start: (target) =>
      Effect.callback<void, WorkerStartError>((resume) => {
        driver.onStarted = (result) => {
          driver.onStarted = constVoid
          resume(result)
        }
        send(driver, { _tag: "Start", target })
      }),
    resize: (target) => send(driver, { _tag: "Resize", target }),
    ready: (id) => send(driver, { _tag: "Ready", id }),
    kill: (id, reason) => send(driver, { _tag: "Kill", id, reason }),
    detach: (id) => send(driver, { _tag: "Detach", id }),
    progress: (id) => {
      const { idleFailures, workers } = driver.state
      if (idleFailures + (workers.get(id)?.failures ?? 0) > 0) send(driver, { _tag: "Progress", id })
    },
    handle: (id) => driver.handles.get(id),
    available: () =>
      [...driver.handles].filter(([id]) => {
        const worker = driver.state.workers.get(id)
        return worker !== undefined && Supervision.isAvailable(owner.policy, worker)
      }),
    state: () => driver.state,
    drain: (timeoutMillis) => end(driver, { _tag: "Drain", timeoutMillis }),
    close
  }
  return supervisor
})
