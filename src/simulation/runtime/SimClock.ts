/**
 * Virtual time: one queue of events and one of tasks that fibers are ready to run, worked off in a fixed order. While a
 * fiber can run, time stands still; when none can, it jumps to the next event.
 *
 * A run is synchronous from its first event to its last: nothing outside can get between two of them, so the same seed
 * gives the same run.
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scheduler from "effect/Scheduler"

/** Something that happens at its time, unless it is cancelled. @category models @since 0.1.0 */
export interface Event {
  readonly time: number
  readonly order: number
  action: (() => void) | undefined
}

/** Why events ended: as asked, nothing is left to happen, or the time was over. @category models @since 0.1.0 */
export type Outcome = "stopped" | "idle" | "deadline"

/** A world's time. @category models @since 0.1.0 */
export interface SimClock {
  /**
   * Effect's view of it; its epoch is the start of the run. Who sleeps wakes no earlier than `pausedUntil` tells then.
   */
  readonly clockOf: (pausedUntil: () => number) => Clock.Clock
  /** Runs fibers in the order in which they became ready. */
  readonly scheduler: Scheduler.Scheduler
  /** Nanoseconds since the start of the run: exact up to 104 days. */
  readonly now: () => number
  /** Plans an action; one whose time has passed happens next. Those of one time happen in the order of planning. */
  readonly schedule: (time: number, action: () => void) => Event
  readonly cancel: (event: Event) => void
  /** Runs an action as a fiber would be run: after what is ready already, at the same time. */
  readonly queueTask: (task: () => void) => void
  /**
   * Works off tasks and events until there is reason to stop, or none is left, or all that are lie beyond the time,
   * which it then is.
   */
  readonly advance: (until: number, stop?: () => boolean) => Outcome
  /** Fibers that sleep: none, after programs that have left no timer behind. */
  readonly sleepers: () => number
}

/** Runs fibers in an order of its own. @category models @since 0.1.0 */
export interface FiberQueue {
  readonly scheduler: Scheduler.Scheduler
  /** Runs at most so many tasks. */
  readonly run: (maxTasks: number) => void
  readonly isEmpty: () => boolean
}

/** A program that keeps itself ready for so long at one instant will never let time pass. */
const maxTasksPerInstant = 10_000_000

const before = (a: Event, b: Event) => a.time < b.time || (a.time === b.time && a.order < b.order)

/** A binary heap. Cancelled events stay in it for a while: taking each out at once would cost more. */
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
  /** Leaves only what will happen. */
  const compact = () => {
    const live = heap.filter(({ action }) => action !== undefined).sort((a, b) => (before(a, b) ? -1 : 1))
    heap.length = 0
    // What is sorted is a heap.
    for (const event of live) heap.push(event)
  }
  return { push, pop, peek: (): Event | undefined => heap[0], size: () => heap.length, sift: compact }
}

/**
 * A clock at 0. Fibers run in the order in which they became ready, unless it is given what orders them.
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
      if (done > maxTasksPerInstant) throw new Error(`the program does not let time pass at ${now / 1e9} s: a fiber never waits`)
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
      // What happens at one instant happens before anyone can react to it, as on a network.
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
