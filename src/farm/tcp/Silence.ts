/** The silence of a peer, as a timer of this side measures it. */
import * as EventLoopDelay from "../../process/EventLoopDelay.ts"

/** The silence of a peer. */
export interface Silence {
  /** Counts this moment as a sign of life. */
  readonly hear: () => void
  /** Returns true if the silence is longer than the lease. A late tick counts for a quarter of the lease. */
  readonly tick: () => boolean
}

/** Makes the silence of a peer with this lease. */
export const make = (leaseMillis: number, now: () => number): Silence => {
  const delay = EventLoopDelay.make(leaseMillis, now)
  let heardAt = now()
  return {
    hear: () => {
      heardAt = now()
    },
    tick: () => {
      const at = now()
      heardAt = Math.min(at, heardAt + delay.take())
      return at - heardAt > leaseMillis
    }
  }
}
