/** A set of keys, each for a limited time. Beyond its size it forgets the oldest keys. */

/** A set whose keys expire. */
export interface ExpiringSet {
  /** Adds a key until a time. */
  readonly add: (key: string, untilMillis: number) => void
  readonly has: (key: string, nowMillis: number) => boolean
}

/** Makes an empty set. */
export const make = (maxKeys: number): ExpiringSet => {
  const expiries = new Map<string, number>()
  return {
    add: (key, untilMillis) => {
      expiries.delete(key)
      expiries.set(key, untilMillis)
      const [oldest] = expiries.keys()
      if (expiries.size > maxKeys && oldest !== undefined) expiries.delete(oldest)
    },
    has: (key, nowMillis) => {
      const until = expiries.get(key)
      if (until === undefined) return false
      if (nowMillis < until) return true
      expiries.delete(key)
      return false
    }
  }
}
