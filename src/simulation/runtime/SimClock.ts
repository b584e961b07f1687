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
import type * as Scheduler from "effect/Scheduler"

/** An action that is executed at its time unless it is cancelled. @category models @since 0.1.0 */
export interface Event {
  readonly time: number
  readonly order: number
  action: (() => void) | undefined
}

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
   * `pausedUntil()` at that time.
   */
  readonly clockOf: (pausedUntil: () => number) => Clock.Clock
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
  /** Returns the number of sleeping fibers: 0 if the programs left no timer behind. */
  readonly sleepers: () => number
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

const before = (a: Event, b: Event) => a.time < b.time || (a.time === b.time && a.order < b.order)

/** Creates a binary heap. Cancelled events stay in it for a while, because removing each at once would be slower. */
const makeHeap = () => {
  const heap: Array<Event> = []
  const push = (event: Event) => {
    let i = heap.length
    heap.push(event)
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!before(event, heap[parent]!)) break
      heap[i] = heap[parent]!
      i = parent
    }
    heap[i] = event
  }
  const pop = (): Event => {
    const first = heap[0]!
    const last = heap.pop()!
    const length = heap.length
    if (length === 0) return first
    let i = 0
    while (true) {
      let child = 2 * i + 1
      if (child >= length) break
      if (child + 1 < length && before(heap[child + 1]!, heap[child]!)) child++
      if (!before(heap[child]!, last)) break
      heap[i] = heap[child]!
      i = child
    }
    heap[i] = last
    return first
  }
  /** Removes the cancelled events. */
  const compact = () => {
    const live = heap.filter(({ action }) => action !== undefined).sort((a, b) => (before(a, b) ? -1 : 1))
    heap.length = 0
    // A sorted array is a heap.
    for (const event of live) heap.push(event)
  }
  return { push, pop, peek: (): Event | undefined => heap[0], size: () => heap.length, sift: compact }
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
  const heap = makeHeap()
  let tasks: Array<() => void> = []
  let now = 0
  let order = 0
  let pending = 0
  let sleepers = 0

  const schedule = (time: number, action: () => void): Event => {
    const event = { time: Math.max(time, now), order: order++, action }
    pending++
    heap.push(event)
    return event
  }
  const cancel = (event: Event) => {
    if (event.action === undefined) return
    event.action = undefined
    pending--
    if (heap.size() > 1_024 && heap.size() > 4 * pending) heap.sift()
  }
  const fire = (event: Event) => {
    const action = event.action
    if (action === undefined) return
    event.action = undefined
    pending--
    action()
  }
  const queueTask = (task: () => void) => void tasks.push(task)
  const runTasks = () => {
    for (let done = 0; tasks.length > 0 || fibers?.isEmpty() === false; ) {
      const batch = tasks
      tasks = []
      for (let i = 0; i < batch.length; i++) batch[i]!()
      fibers?.run(1)
      done += batch.length + 1
      if (done > maxTasksPerInstant)
        throw new Error(`virtual time stopped at ${now / 1e9} s: a fiber runs without ever waiting`)
    }
  }
  const advance: SimClock["advance"] = (until, stop = () => false) => {
    while (true) {
      runTasks()
      if (stop()) return "stopped"
      let next = heap.peek()
      for (; next !== undefined && next.action === undefined; next = heap.peek()) heap.pop()
      if (next === undefined) return "idle"
      if (next.time > until) {
        now = until
        return "deadline"
      }
      now = next.time
      // All events of one instant precede any reaction to them, as on a network.
      for (let event = heap.peek(); event !== undefined && event.time <= now; event = heap.peek()) {
        fire(heap.pop())
      }
    }
  }

  const millis = () => now / 1e6
  const nanos = () => BigInt(now)
  const clockOf = (pausedUntil: () => number): Clock.Clock => ({
    currentTimeMillisUnsafe: millis,
    currentTimeMillis: Effect.sync(millis),
    currentTimeNanosUnsafe: nanos,
    currentTimeNanos: Effect.sync(nanos),
    monotonicTimeNanosUnsafe: nanos,
    monotonicTimeNanos: Effect.sync(nanos),
    sleep: (duration) => {
      const length = Math.round(Duration.toMillis(duration) * 1e6)
      if (length === Number.POSITIVE_INFINITY) return Effect.never
      return Effect.callback((resume) => {
        const wake = () => {
          if (pausedUntil() > now) {
            event = schedule(pausedUntil(), wake)
            return
          }
          sleepers--
          resume(Effect.void)
        }
        let event = schedule(now + Math.max(0, length), wake)
        sleepers++
        return Effect.sync(() => {
          if (event.action === undefined) return
          sleepers--
          cancel(event)
        })
      })
    }
  })
  const scheduler: Scheduler.Scheduler = fibers?.scheduler ?? {
    executionMode: "async",
    shouldYield: (fiber) => fiber.currentOpCount >= fiber.cache.maxOpsBeforeYield,
    makeDispatcher: () => ({ scheduleTask: queueTask, flush: runTasks })
  }
  return { clockOf, scheduler, now: () => now, schedule, cancel, queueTask, advance, sleepers: () => sleepers }
}
