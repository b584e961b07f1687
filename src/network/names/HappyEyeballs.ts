/**
 * Happy Eyeballs (RFC 8305, section 5) as a state machine: the start of each attempt to connect, and the winner. Pure:
 * times are arguments, in milliseconds.
 */

/** The state of a race. Attempts are numbered from 0, in the order of their addresses. */
export interface State {
  /** Attempts that have started. */
  readonly started: number
  /** Attempts that have failed. */
  readonly failed: number
  /** Time at which the next attempt starts; infinite if there is none. */
  readonly dueMillis: number
}

/** The rules of a race. */
export interface Rules {
  /** Number of addresses, at least 1. */
  readonly addressCount: number
  /** Delay between two attempts, unless the first of them fails before. */
  readonly attemptDelayMillis: number
}

/** The time of the next attempt, or the end of an attempt. */
export type Event =
  | { readonly _tag: "Due" }
  | { readonly _tag: "Failed"; readonly attempt: number }
  | { readonly _tag: "Connected"; readonly attempt: number }

/** A request to the driver. `Win` and `GiveUp` end the race. */
export type Action =
  | { readonly _tag: "Start"; readonly attempt: number }
  | { readonly _tag: "Win"; readonly attempt: number }
  | { readonly _tag: "GiveUp" }

/** The state before the first attempt: the first event is `Due`. */
export const initial: State = { started: 0, failed: 0, dueMillis: 0 }

const startNext = (state: State, rules: Rules, nowMillis: number): readonly [State, ReadonlyArray<Action>] => {
  const started = state.started + 1
  const dueMillis = started < rules.addressCount ? nowMillis + rules.attemptDelayMillis : Number.POSITIVE_INFINITY
  return [{ ...state, started, dueMillis }, [{ _tag: "Start", attempt: state.started }]]
}

/** Applies an event. */
export const step = (
  state: State,
  event: Event,
  rules: Rules,
  nowMillis: number
): readonly [State, ReadonlyArray<Action>] => {
  const hasNext = state.started < rules.addressCount
  if (event._tag === "Connected") {
    return [{ ...state, dueMillis: Number.POSITIVE_INFINITY }, [{ _tag: "Win", attempt: event.attempt }]]
  }
  if (event._tag === "Due")
    return hasNext && nowMillis >= state.dueMillis ? startNext(state, rules, nowMillis) : [state, []]
  const next = { ...state, failed: state.failed + 1 }
  if (next.failed === rules.addressCount) return [next, [{ _tag: "GiveUp" }]]
  // Only the failure of the latest attempt cuts the delay short: earlier ones have had theirs.
  return hasNext && event.attempt === state.started - 1 ? startNext(next, rules, nowMillis) : [next, []]
}
