/** A network in virtual time for `ScanMachine`: hosts that answer tests as a model says. */
import type { Outcome, Probe } from "../../../src/inspect/scan/PortTest.ts"
import * as ScanMachine from "../../../src/inspect/scan/ScanMachine.ts"

/** Answer to a test; undefined if there is none. `tries` is its number for the port, from 1. */
export type Respond = (
  probe: Probe,
  tries: number,
  nowMillis: number
) => { readonly outcome: Outcome; readonly afterMillis: number } | undefined

/** Result of a scan. */
export interface Scanned {
  /** Verdicts by `address:port`. */
  readonly verdicts: Readonly<Record<string, ScanMachine.Verdict>>
  readonly endedAtMillis: number
  /** Times of all tests, by `address:port`. */
  readonly sentAtMillis: ReadonlyMap<string, ReadonlyArray<number>>
  /** The most tests at a time. */
  readonly maxOutstanding: number
  readonly state: ScanMachine.State
}

const defaults: Omit<ScanMachine.Options, "hosts" | "ports"> = {
  transport: "tcp",
  concurrency: 500,
  testsPerSecond: undefined,
  maxTimeoutMillis: 2_000,
  retries: 10
}

const maxSteps = 200_000

/** Scans the modelled hosts. */
export const scan = (
  options: Pick<ScanMachine.Options, "hosts" | "ports"> & Partial<ScanMachine.Options>,
  respond: Respond
): Scanned => {
  let state = ScanMachine.make({ ...defaults, ...options }, 0)
  let now = 0
  let event: ScanMachine.Event = { _tag: "Started" }
  let maxOutstanding = 0
  const pending = new Map<number, { readonly atMillis: number; readonly outcome: Outcome }>()
  const running = new Set<number>()
  const sentAt = new Map<string, Array<number>>()
  const verdicts: Record<string, ScanMachine.Verdict> = {}
  for (let steps = 0; ; steps++) {
    if (steps > maxSteps) throw new Error(`the scan does not end: ${JSON.stringify(state).slice(0, 500)}`)
    const [next, actions] = ScanMachine.step(state, event, now)
    state = next
    for (const id of actions.cancels) {
      pending.delete(id)
      running.delete(id)
    }
    for (const probe of actions.tests) {
      const key = `${probe.address}:${probe.port}`
      sentAt.set(key, [...(sentAt.get(key) ?? []), now])
      running.add(probe.id)
      const answer = respond(probe, sentAt.get(key)!.length, now)
      if (answer !== undefined) pending.set(probe.id, { atMillis: now + answer.afterMillis, outcome: answer.outcome })
    }
    maxOutstanding = Math.max(maxOutstanding, running.size)
    for (const { hostIndex, port, verdict } of actions.verdicts) {
      const key = `${state.options.hosts[hostIndex]}:${port}`
      if (verdicts[key] !== undefined) throw new Error(`two verdicts of ${key}`)
      verdicts[key] = verdict
    }
    if (state.isDone) break
    const first = Math.min(...[...pending.values()].map(({ atMillis }) => atMillis))
    if (first <= state.dueMillis && Number.isFinite(first)) {
      now = Math.max(now, first)
      const due = [...pending].filter(([, { atMillis }]) => atMillis <= now)
      for (const [id] of due) {
        pending.delete(id)
        running.delete(id)
      }
      event = { _tag: "Answered", answers: due.map(([id, { outcome }]) => ({ id, outcome })) }
    } else {
      if (!Number.isFinite(state.dueMillis)) throw new Error("the scan waits for nothing")
      now = Math.max(now, state.dueMillis)
      event = { _tag: "TimerFired", atMillis: now }
    }
  }
  return { verdicts, endedAtMillis: now, sentAtMillis: sentAt, maxOutstanding, state }
}

/** Returns a limit of answers a second, with a burst, as of a token bucket. */
export const answerLimit = (perSecond: number, burst: number) => {
  let tokens = burst
  let filledAtMillis = 0
  return (nowMillis: number) => {
    tokens = Math.min(burst, tokens + ((nowMillis - filledAtMillis) * perSecond) / 1_000)
    filledAtMillis = nowMillis
    if (tokens < 1) return false
    tokens--
    return true
  }
}
