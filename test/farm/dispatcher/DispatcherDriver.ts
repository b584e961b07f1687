/** A dispatcher that a test drives step by step. */
import * as Dispatcher from "../../../src/farm/dispatcher/Dispatcher.ts"
import type { Action, Event, Notice, Options, WorkerInfo } from "../../../src/farm/dispatcher/DispatcherEvent.ts"

export const worker = (name: string, more: Partial<WorkerInfo> = {}): WorkerInfo => ({
  ...{ name, capacity: 2, latencyMillis: 5 },
  ...more
})

/** Drives a dispatcher of packets 0, 1, 2... of one unit, and shows what it does as lines. */
export const drive = (more: Partial<Options<number>> = {}, packetCount = 100) => {
  let split = 0
  const options: Options<number> = {
    ...{ leaseMillis: 1_000, maxAttempts: 3, ordered: false, holdUntilConsumed: false, bufferSize: 1_000 },
    ...{ targetMillis: 50, initialSize: 1, packetSize: 1, totalUnits: packetCount, workers: [worker("one")] },
    nextPacket: () => (split === packetCount ? undefined : { packet: split++, units: 1 }),
    ...more
  }
  let state = Dispatcher.make<number, number>(options)
  const step = (now: number, ...events: ReadonlyArray<Event<number>>): ReadonlyArray<Action<number, number>> => {
    const [next, actions] = Dispatcher.step(options, state, events, now)
    state = next
    return actions
  }
  return {
    state: () => state,
    split: () => split,
    step,
    /** Returns the packets sent, as `worker: packet`. */
    sent: (now: number, ...events: ReadonlyArray<Event<number>>) =>
      step(now, ...events).flatMap((action) =>
        action._tag === "Run" ? action.tasks.map(({ id }) => `${state.workers.get(action.worker)!.name}: ${id}`) : []
      ),
    notices: (now: number, ...events: ReadonlyArray<Event<number>>): ReadonlyArray<Notice> =>
      step(now, ...events).flatMap((action) => (action._tag === "Notify" ? [action.notice] : [])),
    tags: (now: number, ...events: ReadonlyArray<Event<number>>) => step(now, ...events).map(({ _tag }) => _tag)
  }
}

export const tick: Event<number> = { _tag: "Tick" }
export const working = (id: number, index = 0): Event<number> => ({ _tag: "Working", worker: index, id })
export const done = (id: number, index = 0, result = id): Event<number> => ({
  ...{ _tag: "Done", worker: index, id, result, millis: 1 }
})
export const threw = (id: number, index = 0): Event<number> => ({
  ...{ _tag: "Failed", worker: index, id, kind: "Threw", message: "it threw" }
})
export const stopped = (id: number, index = 0): Event<number> => ({ _tag: "Stopped", worker: index, id })
