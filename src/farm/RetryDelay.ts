/** The delays before the attempts at packets that have failed, from a schedule that is stepped for each packet. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import type { Failure } from "./dispatcher/DispatcherEvent.ts"
import type { ErrorText } from "./FarmError.ts"
import type { RetryOptions } from "./FarmOptions.ts"

type ScheduleStep = (now: number, error: ErrorText) => Pull.Pull<[unknown, Duration.Duration], never, unknown>

/** The delays of a run. */
export interface RetryDelay {
  /** Returns the delay in milliseconds; `undefined` if the packet must not be tried again. */
  readonly next: (failure: Failure) => number | undefined
  /** Forgets a packet that is done. */
  readonly forget: (id: number) => void
}

/** Returns true unless the condition returns false, or throws. */
const isWanted = (isRetried: RetryOptions["while"], error: ErrorText) => {
  try {
    return isRetried === undefined || isRetried(error)
  } catch {
    return false
  }
}

/** Makes the delays of a run. The schedule must not wait by itself, as no schedule of effect does. */
export const make = Effect.fnUntraced(function* ({ schedule, while: isRetried }: RetryOptions) {
  const context = yield* Effect.context<never>()
  const clock = yield* Clock.Clock
  const steps = new Map<number, ScheduleStep>()
  const stepOf = (id: number, delays: Schedule.Schedule<unknown, ErrorText>) => {
    const known = steps.get(id)
    if (known !== undefined) return known
    const step = Effect.runSyncWith(context)(Schedule.toStep(delays))
    steps.set(id, step)
    return step
  }
  const delays: RetryDelay = {
    next: ({ attempt, id }) => {
      const error = attempt.error ?? { name: attempt.kind, message: attempt.message }
      if (!isWanted(isRetried, error)) return undefined
      if (schedule === undefined) return 0
      const exit = Effect.runSyncExitWith(context)(stepOf(id, schedule)(clock.currentTimeMillisUnsafe(), error))
      return Exit.isSuccess(exit) ? Duration.toMillis(exit.value[1]) : undefined
    },
    forget: (id) => {
      if (steps.size > 0) steps.delete(id)
    }
  }
  return delays
})
