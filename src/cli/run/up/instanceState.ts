/**
 * The state of an instance of a service under supervision, as a state machine. Pure: time is an argument.
 *
 * An instance is starting until its server listens, and then ready until its server fails. After a failure it waits
 * for its next start, `restarting`, or is not started again, `failed`. A stopped instance has been asked to end. An
 * operator can have it started anew in any other phase: it is `restarting` until its server has ended.
 */

/** The phase of an instance. Nothing but an operator ends `failed`, and nothing `stopped`. */
export type Phase = "starting" | "ready" | "restarting" | "failed" | "stopped"

/** The state of an instance. */
export interface InstanceState {
  readonly phase: Phase
  /** Time of the last change of the phase. */
  readonly sinceMillis: number
  /** Starts after the first one. */
  readonly restarts: number
  /** Failures since the instance was last ready for long enough. */
  readonly failuresInARow: number
  /** Undefined while the server does not listen. */
  readonly address: string | undefined
  /** Message of the last failure. Kept when the instance runs again. */
  readonly lastError: string | undefined
}

/** An event of an instance. Events that do not fit the phase are ignored. */
export type Event =
  | { readonly _tag: "Ready"; readonly address: string }
  /** The server could not start, or has ended. */
  | { readonly _tag: "Failed"; readonly error: string }
  /** The pause after a failure is over. */
  | { readonly _tag: "Restart" }
  /** The schedule has no further start. */
  | { readonly _tag: "GiveUp" }
  /** An operator wants the server to end and to start again; `Restart` follows when it has ended. */
  | { readonly _tag: "EndForRestart" }
  | { readonly _tag: "Stop" }

/** Uptime after which a failure counts as the first one. */
export const stableUptimeMillis = 10_000

/** Returns the state of an instance that starts for the first time. */
export const initial = (nowMillis: number): InstanceState => ({
  phase: "starting",
  sinceMillis: nowMillis,
  restarts: 0,
  failuresInARow: 0,
  address: undefined,
  lastError: undefined
})

/** Applies an event. Returns the same object if the event is ignored. */
export const step = (state: InstanceState, event: Event, nowMillis: number): InstanceState => {
  const to = (phase: Phase, change: Partial<InstanceState> = {}): InstanceState => ({
    ...state,
    ...change,
    phase,
    sinceMillis: nowMillis
  })
  const { failuresInARow, phase, restarts, sinceMillis } = state
  if (phase === "stopped" || (phase === "failed" && event._tag !== "EndForRestart")) return state
  switch (event._tag) {
    case "Ready":
      return phase === "starting" ? to("ready", { address: event.address }) : state
    case "Failed": {
      if (phase !== "starting" && phase !== "ready") return state
      const wasStable = phase === "ready" && nowMillis - sinceMillis >= stableUptimeMillis
      return to("restarting", {
        address: undefined,
        lastError: event.error,
        failuresInARow: wasStable ? 1 : failuresInARow + 1
      })
    }
    case "Restart":
      return phase === "restarting" ? to("starting", { restarts: restarts + 1 }) : state
    case "GiveUp":
      return phase === "restarting" ? to("failed") : state
    case "EndForRestart":
      return to("restarting", { address: undefined, failuresInARow: 0 })
    case "Stop":
      return to("stopped", { address: undefined })
  }
}
