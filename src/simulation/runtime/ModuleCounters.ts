/**
 * Counters in modules, such as that of the ids of requests in `effect/rpc`: each run begins with those of a new
 * process. `NodeSimIsolation` makes them known.
 */

/** Values of the counters of a module. */
type Values = ReadonlyArray<number | bigint>

/** Counters of a module. */
interface Counters {
  /** Values of a new process. */
  readonly initial: Values
  readonly get: () => Values
  readonly set: (values: Values) => void
}

/** Name of the global list, which modules add to wherever they were loaded. */
export const registryName = "effect-inet/simulation/counters"

const registryKey = Symbol.for(registryName)

const registered = (): ReadonlyArray<Counters> => Reflect.get(globalThis, registryKey) ?? []

/** Counters of a run, apart from those of the rest of the process. */
export interface RunCounters {
  /** Exchanges the counters of the process and of the run; called before and after the run's programs execute. */
  readonly exchange: () => void
}

/** Creates the counters of a run. */
export const make = (): RunCounters => {
  const values: Array<Values> = []
  return {
    exchange: () => {
      const all = registered()
      for (let i = 0; i < all.length; i++) {
        const { get, initial, set } = all[i]!
        const current = get()
        set(values[i] ?? initial)
        values[i] = current
      }
    }
  }
}
