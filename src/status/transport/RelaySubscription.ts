/** The subscription of a client to a relay, as a state machine. Pure. */
import * as Bytes from "effect/Bytes"
import * as RelayMessage from "../wire/RelayMessage.ts"

/** The state of a subscription. */
export interface State {
  /** The cookie of the last challenge, which each request repeats. */
  readonly cookie: Uint8Array
  /**
   * True from `Granted` until `Full`, a challenge without a running lease, or more than three unanswered requests.
   */
  readonly isSubscribed: boolean
  /** Challenges accepted since the last other reply or timeout. */
  readonly challenges: number
  /** Requests since the last `Granted` or `Full`, the latest included. */
  readonly unanswered: number
  /** Timeout of the next request. */
  readonly retryMillis: number
  /** Time until the next `Timeout`, unless a reply arrives before. The driver shortens it by up to a fifth. */
  readonly waitMillis: number
}

/** An accepted reply of the relay, or the end of `waitMillis`: no reply, or the time to renew or to ask again. */
export type Event =
  | { readonly _tag: "Reply"; readonly message: RelayMessage.ControlMessage }
  | { readonly _tag: "Timeout" }

/** A request to the driver. */
export type Action =
  | { readonly _tag: "Subscribe" }
  /** Sends the last packet again, since it may have been lost before the subscription. */
  | { readonly _tag: "ResendPacket" }
  /** Reports why the relay does not forward, or undefined if it does. */
  | { readonly _tag: "Report"; readonly problem: string | undefined }

/** Timeout of a request, at first and at most; it doubles after each timeout. */
const retryMillis = { initial: 500, max: 5_000 }

/** Consecutive challenges that are answered, and unanswered requests before a warning is logged. */
const maxConsecutive = { challenges: 3, unanswered: 3 }

/** The state before the first request: the first event is a `Timeout`. */
export const initial: State = {
  cookie: RelayMessage.zeroCookie,
  isSubscribed: false,
  challenges: 0,
  unanswered: 0,
  retryMillis: retryMillis.initial,
  waitMillis: 0
}

/**
 * Accepts a message that may be a reply: it has the client's cookie, or is one of a few challenges, which it counts.
 * Returns undefined for any other message. A relay grants nothing before a challenge, for which the cookie is zero.
 */
export const accept = (state: State, message: RelayMessage.ControlMessage): State | undefined => {
  const hasCookie = Bytes.Equivalence(message.cookie, state.cookie)
  const isChallenged = !Bytes.Equivalence(state.cookie, RelayMessage.zeroCookie)
  switch (message._tag) {
    case "Challenge": {
      const challenges = state.challenges + 1
      return challenges > maxConsecutive.challenges ? undefined : { ...state, challenges }
    }
    case "Granted":
      return hasCookie && isChallenged ? state : undefined
    case "Full":
      return hasCookie ? state : undefined
    case "Subscribe":
    case "Leave":
      return undefined
  }
}

const onTimeout = (state: State): readonly [State, ReadonlyArray<Action>] => {
  const unanswered = state.unanswered + 1
  const isSilent = unanswered > maxConsecutive.unanswered
  return [
    {
      ...state,
      isSubscribed: state.isSubscribed && !isSilent,
      challenges: 0,
      unanswered,
      retryMillis: Math.min(2 * state.retryMillis, retryMillis.max),
      waitMillis: state.retryMillis
    },
    [...(isSilent ? [{ _tag: "Report", problem: "no reply" } as const] : []), { _tag: "Subscribe" }]
  ]
}

/** Applies an event. A subscription is renewed after a third of the requested or granted lease, whichever is less. */
export const step = (state: State, event: Event, leaseMillis: number): readonly [State, ReadonlyArray<Action>] => {
  if (event._tag === "Timeout") return onTimeout(state)
  const { _tag, cookie, lease } = event.message
  if (_tag === "Challenge") {
    // Only the cookie has expired if the lease still runs: no packet was lost.
    const isSubscribed = state.isSubscribed && lease > 0
    return [{ ...state, cookie, isSubscribed, waitMillis: retryMillis.initial }, [{ _tag: "Subscribe" }]]
  }
  const answered = { ...state, challenges: 0, unanswered: 0 }
  if (_tag === "Full") {
    return [
      { ...answered, isSubscribed: false, waitMillis: retryMillis.max },
      [{ _tag: "Report", problem: "the relay is full" }]
    ]
  }
  return [
    {
      ...answered,
      isSubscribed: true,
      retryMillis: retryMillis.initial,
      waitMillis: Math.min(lease, leaseMillis) / 3
    },
    [{ _tag: "Report", problem: undefined }, ...(state.isSubscribed ? [] : [{ _tag: "ResendPacket" } as const])]
  ]
}
