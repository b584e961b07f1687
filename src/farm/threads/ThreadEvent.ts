/** The events of the threads of a pool. */
import * as Effect from "effect/Effect"

/** A change in a thread of a pool, also between runs. @category models @since 0.1.0 */
export type ThreadEvent =
  /** A thread crashed, exited or was killed. `packet` is the id of the packet that it worked on. */
  | {
      readonly _tag: "ThreadDied"
      readonly worker: string
      readonly message: string
      readonly packet?: number | undefined
    }
  /** The replacement of a thread that died takes packets. */
  | { readonly _tag: "ThreadReplaced"; readonly worker: string }
  /** A thread has ended after the number of packets of `recycleAfter`: another takes its place. */
  | { readonly _tag: "ThreadRecycled"; readonly worker: string; readonly packets: number }
  /** The threads of a worker died too often without a packet in progress: the worker is given up. */
  | { readonly _tag: "WorkerGivenUp"; readonly worker: string; readonly message: string }

/** Logs an event: deaths as warnings, replacements at INFO, recycled threads at DEBUG. */
export const log = (event: ThreadEvent): Effect.Effect<void> => {
  const { worker } = event
  switch (event._tag) {
    case "ThreadDied": {
      const packet = event.packet === undefined ? "" : `, in packet ${event.packet}`
      return Effect.logWarning(`${worker}: ${event.message}${packet}`)
    }
    case "ThreadReplaced":
      return Effect.logInfo(`${worker}: replaced`)
    case "ThreadRecycled":
      return Effect.logDebug(`${worker}: recycled after ${event.packets} packets`)
    case "WorkerGivenUp":
      return Effect.logWarning(`${worker}: given up: ${event.message}`)
  }
}
