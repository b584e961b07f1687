/**
 * Virtual time: a queue of events and a queue of tasks, executed in a fixed order. Time stands still while a fiber can
 * run; when none can, it advances to the next event.
 *
 * A run is synchronous from its first event to its last. Nothing else runs between two events, so the same seed gives
 * the same run.
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { constFalse } from "effect/Function"
import type * as Scheduler from "effect/Scheduler"
import * as EventHeap from "./EventHeap.ts"
import * as HostTime from "./HostTime.ts"

/** An action that is executed at its time unless it is cancelled. @category models @since 0.1.0 */
export type Event = EventHeap.Event

/**
 * Reason why `advance` returned: `stop` was true, no event is left, or the time limit was reached.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome = "stopped" | "idle" | "deadline"

/** A virtual clock. @category models @since 0.1.0 */
export interface SimClock {
  /**
   * Returns Effect's view of the clock; its epoch is the start of the run. Sleeping fibers wake no earlier than
   * `pausedUntil()` at that time. A host's `time` may be wrong; sleeps go by its monotonic clock.
   */
  readonly clockOf: (pausedUntil: () => number, time?: HostTime.HostTime) => HostClock
  /** Changes the drift of a host's clocks from now on, also for fibers that sleep. */
  readonly setDrift: (time: HostTime.HostTime, driftPpm: number) => void
  /** Runs fibers in the order in which they became ready. */
  readonly scheduler: Scheduler.Scheduler
  /** Returns the nanoseconds since the start of the run: exact up to 104 days. */
  readonly now: () => number
  /**
   * Schedules an action; if its time has passed, it is executed next. Actions of one time keep the order of scheduling.
   */
  readonly schedule: (time: number, action: () => void) => Event
  readonly cancel: (event: Event) => void
  /** Queues a task as a ready fiber would be: it runs after all queued tasks, at the same time. */
  readonly queueTask: (task: () => void) => void
  /**
   * Executes tasks and events until `stop` returns true, none is left, or all lie beyond `until`; the time is then
   * `until`.
   */
  readonly advance: (until: number, stop?: () => boolean) => Outcome
  /** Returns the number of sleeping fibers and other timers: 0 if the programs left none behind. */
  readonly sleepers: () => number
  /** Counts a timer that began (1) or ended (-1) outside of Effect. */
  readonly countTimer: (change: 1 | -1) => void
  /** Returns the number of instants with events, and of batches of tasks, so far. */
  readonly activity: () => number
}

/** A scheduler that orders fibers itself. @category models @since 0.1.0 */
export interface FiberQueue {
  readonly scheduler: Scheduler.Scheduler
  /** Runs at most `maxTasks` tasks. */
  readonly run: (maxTasks: number) => void
  readonly isEmpty: () => boolean
}

/** Tasks at one instant after which the program is considered to loop without waiting. */
const maxTasksPerInstant = 10_000_000

/** A clock of Effect, with what timers of JavaScript need. @category models @since 0.1.0 */
export interface HostClock extends Clock.Clock {
  readonly time: HostTime.HostTime
  /** Executes an action after nanoseconds of the host's monotonic clock, no earlier than the end of a pause. */
  readonly after: (nanos: number, action: () => void) => Timer
}

/** Tests if a clock is one of a simulation. @category guards @since 0.1.0 */
export const isHostClock = (clock: Clock.Clock): clock is HostClock => "after" in clock && "time" in clock

/** A scheduled action. @category models @since 0.1.0 */
export interface Timer {
  readonly isPending: () => boolean
  readonly cancel: () => void
}

interface Source {
  readonly now: () => number
  readonly schedule: (time: number, action: () => void, owner?: object) => Event
  readonly cancel: (event: Event) => void
}

/** Returns Effect's view of a clock; `onSleepers` receives 1 for each fiber that falls asleep, and -1 when it wakes. */
const effectClock = (
  { cancel, now, schedule }: Source,
  pausedUntil: () => number,
  time: HostTime.HostTime,
  onSleepers: (change: 1 | -1) => void
): HostClock => {
  const millis = () => HostTime.wallMillisAt(time, now())
  const nanos = () => HostTime.wallNanosAt(time, now())
  const monotonicNanos = () => BigInt(HostTime.monotonicAt(time, now()))
  const after: HostClock["after"] = (length, action) => {
    const wake = () => {
      if (pausedUntil() > now()) event = schedule(pausedUntil(), wake)
      else action()
    }
    let event = schedule(HostTime.after(time, now(), length), wake, time)
    return { isPending: () => event.action !== undefined, cancel: () => cancel(event) }
  }
  return {
    time,
    after,
    currentTimeMillisUnsafe: millis,
    currentTimeMillis: Effect.sync(millis),
    currentTimeNanosUnsafe: nanos,
    currentTimeNanos: Effect.sync(nanos),
    monotonicTimeNanosUnsafe: monotonicNanos,
    monotonicTimeNanos: Effect.sync(monotonicNanos),
    sleep: (duration) => {
      const length = Math.max(0, Math.round(Duration.toMillis(duration) * 1e6))
      if (length === Number.POSITIVE_INFINITY) return Effect.never
      return Effect.callback((resume) => {
        const timer = after(length, () => {
          onSleepers(-1)
          resume(Effect.void)
        })
        onSleepers(1)
        return Effect.sync(() => {
          if (!timer.isPending()) return
          onSleepers(-1)
          timer.cancel()
        })
      })
    }
  }
}

/**
 * Creates a clock at 0. Fibers run in the order in which they became ready, unless `fibers` orders them.
 *
 * **Example** (Events in virtual time)
 *
 * ```ts
 * import { SimClock } from "effect-inet/simulation"
 *
 * const clock = SimClock.make()
 * const times: Array<number> = []
 * clock.schedule(5e9, () => times.push(clock.now()))
 * clock.cancel(clock.schedule(6e9, () => times.push(clock.now())))
 * clock.advance(3_600e9) // => "idle"
 * times // => [5e9]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (fibers?: FiberQueue): SimClock => {
  const heap = EventHeap.make()
  let tasks: Array<() => void> = []
  let now = 0
  let sleepers = 0
  let activity = 0
  const countTimer = (change: 1 | -1) => {
    sleepers += change
  }

  const queueTask = (task: () => void) => void tasks.push(task)
  const runTasks = () => {
    for (let done = 0; tasks.length > 0 || fibers?.isEmpty() === false; ) {
      const batch = tasks
      tasks = []
      activity++
      for (let i = 0; i < batch.length; i++) batch[i]!()
      fibers?.run(1)
      done += batch.length + 1
      if (done > maxTasksPerInstant)
        throw new Error(`virtual time stopped at ${now / 1e9} s: a fiber runs without ever waiting`)
    }
  }
  const advance: SimClock["advance"] = (until, stop = constFalse) => {
    while (true) {
      runTasks()
      if (stop()) return "stopped"
      const next = EventHeap.peek(heap)
      if (next === undefined) return "idle"
      now = Math.min(next.time, until)
      if (next.time > until) return "deadline"
      activity++
      // All events of one instant precede any reaction to them, as on a network.
      for (let action = EventHeap.take(heap, now); action !== undefined; action = EventHeap.take(heap, now)) action()
    }
  }
  const clock = {
    now: () => now,
    schedule: (time: number, action: () => void, owner?: object) =>
      EventHeap.schedule(heap, Math.max(time, now), action, owner),
    cancel: (event: Event) => EventHeap.cancel(heap, event)
  }
  return {
    ...clock,
    clockOf: (pausedUntil, time = HostTime.make()) => effectClock(clock, pausedUntil, time, countTimer),
    setDrift: (time, driftPpm) => {
      const before = { ...time }
      HostTime.setDrift(time, now, driftPpm)
      EventHeap.reschedule(heap, time, (at) => HostTime.virtualAt(time, HostTime.monotonicAt(before, at)))
    },
    scheduler: fibers?.scheduler ?? {
      executionMode: "async",
      shouldYield: (fiber) => fiber.currentOpCount >= fiber.cache.maxOpsBeforeYield,
      makeDispatcher: () => ({ scheduleTask: queueTask, flush: runTasks })
    },
    queueTask,
    advance,
    sleepers: () => sleepers,
    countTimer,
    activity: () => activity
  }
}
