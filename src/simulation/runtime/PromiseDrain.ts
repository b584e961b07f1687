/**
 * Settling of promises before virtual time advances. A run is synchronous until a program uses a promise; from then on
 * all microtasks are executed before each advance of time.
 */
import * as HostModules from "./globals/HostModules.ts"

/** Microtasks of a run. */
export interface PromiseDrain {
  /** Called when a program queues a microtask. */
  readonly onPromise: () => void
  /**
   * Returns a promise that is settled like one of the host, which needs real time. Virtual time stands still meanwhile,
   * and such promises are settled in the order of the calls, so that the run stays the same.
   */
  readonly settle: <A>(promise: Promise<A>) => Promise<A>
  /** Returns true if microtasks may be left; `activity` changes whenever a program has run. */
  readonly isPending: (activity: number) => boolean
  /**
   * Executes all microtasks, then calls `done`. `enter` is called before those that follow a wait in real time, after
   * which a promise of the host is settled.
   */
  readonly drain: (activity: number, enter: () => void, leave: () => void, done: () => void) => void
}

/** A microtask in the queue. It holds nothing of the run that queued it, unless that has an action for it. */
export interface Turn {
  action: (() => void) | undefined
}

/** Queues a microtask that no run notices, and returns it. */
export const queueTurn = (): Turn => {
  const turn: Turn = { action: undefined }
  void take(turn)
  return turn
}

const take = async (turn: Turn) => {
  await settled
  turn.action?.()
}

const settled = Promise.resolve()

/** Calls an action once all microtasks are executed; on Node, before anything else that the process has to do. */
const afterMicrotasks = async (action: () => void) => {
  // A run notices `then`, but not `await`.
  await settled
  if (HostModules.nextTick(action)) return
  const { port1, port2 } = new MessageChannel()
  port1.addEventListener("message", () => {
    port1.close()
    action()
  })
  port1.start()
  port2.postMessage(0)
}

/** Returns an action that settles a promise as another one was settled. */
const outcomeOf = async <A>(promise: Promise<A>, resolve: (value: A) => void, reject: (error: unknown) => void) => {
  try {
    const value = await promise
    return () => resolve(value)
  } catch (error) {
    return () => reject(error)
  }
}

/** Creates the state of a run. `mode`: always, never, or once a promise is used. */
export const make = (mode: boolean | undefined): PromiseDrain => {
  let isUsed = mode === true
  let isDirty = isUsed
  let drainedActivity = -1
  /** Promises of the host, in the order of the calls. */
  const outcomes: Array<Promise<() => void>> = []
  const onPromise = () => {
    if (mode === false) return
    isUsed = true
    isDirty = true
  }
  return {
    onPromise,
    settle: <A>(promise: Promise<A>) => {
      if (mode === false) return promise
      onPromise()
      return new Promise<A>((resolve, reject) => {
        outcomes.push(outcomeOf(promise, resolve, reject))
      })
    },
    isPending: (activity) => isUsed && (isDirty || activity !== drainedActivity || outcomes.length > 0),
    drain: (activity, enter, leave, done) => {
      const outcome = isDirty || activity !== drainedActivity ? undefined : outcomes.shift()
      drainedActivity = activity
      isDirty = false
      if (outcome === undefined) return void afterMicrotasks(done)
      void waitFor(outcome, leave, (settle) => {
        enter()
        settle()
        isDirty = true
        void afterMicrotasks(done)
      })
    }
  }
}

/** Waits for a promise, once all microtasks are executed. */
const waitFor = async <A>(promise: Promise<A>, leave: () => void, onValue: (value: A) => void) => {
  await settled
  leave()
  onValue(await promise)
}
