/**
 * The state of the scan of one host: its timeouts, its window and its ports. `ScanMachine` copies the record once for
 * each event, and these functions change that copy: a copy for each of 65,535 ports took as long as their tests.
 */

import * as RttEstimate from "./RttEstimate.ts"

/** A port that is to be tested, with the number of tries that were made. */
export interface PendingPort {
  readonly port: number
  readonly tries: number
  /** Time of the last try; undefined before the first one, and for a port that was silent for long. */
  readonly triedAtMillis?: number | undefined
}

/** A test that is not answered yet. `tries` counts it, `triedAtMillis` is the time of the one before. */
export interface Outstanding extends PendingPort {
  readonly sentAtMillis: number
}

/** Limits of the scan of a host, which depend on the transport and on the options. */
export interface Limits extends RttEstimate.Limits {
  /** The most tries of a port. */
  readonly maxTries: number
  /** The most tests at a time. */
  readonly maxWindow: number
  /** First delay between tests once answers are limited; it doubles up to `maxDelayMillis`. */
  readonly initialDelayMillis: number
  readonly maxDelayMillis: number
  /** Answers that came only to a repeated test before the delay grows. */
  readonly maxLateAnswers: number
}

export interface HostScan {
  /** Index of the first port that was not tested. */
  nextPortIndex: number
  /** Ports whose test was not answered in time, first those that wait longest. */
  retries: ReadonlyArray<PendingPort>
  /** Tests by their ids, in the order of sending. */
  outstanding: Map<number, Outstanding>
  /** Ports that have had all their tries, by their number: they have another one if the host proves to lose answers. */
  silent: ReadonlyArray<ReadonlyArray<number>>
  rtt: RttEstimate.RttEstimate | undefined
  hasAnswered: boolean
  /** A port answered only a repeated test. */
  hasLost: boolean
  /** Tests at a time, as a congestion window. */
  window: number
  /** Window from which it grows by one for each window of answers (RFC 5681, section 3.1). */
  slowStartThreshold: number
  reducedAtMillis: number
  allowedTries: number
  /** Time between two tests. */
  delayMillis: number
  delayedAtMillis: number
  nextTestMillis: number
  /** Answers since the delay changed: late ones are those to repeated tests, of which one was lost since then. */
  promptAnswers: number
  lateAnswers: number
  isDone: boolean
}

/** Tests at a time before the first answer. */
const initialWindowSize = 100

/** Tries of each port of a host that answers none, and of one that answers others. */
const minTries = { silentHost: 2, answeringHost: 3 } as const

/** Part of the answers that come late because of loss; above, the host limits its answers. */
const maxLateFraction = 0.25

export const make = (limits: Limits): HostScan => ({
  nextPortIndex: 0,
  retries: [],
  outstanding: new Map(),
  silent: [],
  rtt: undefined,
  hasAnswered: false,
  hasLost: false,
  window: Math.min(initialWindowSize, limits.maxWindow),
  slowStartThreshold: Number.POSITIVE_INFINITY,
  reducedAtMillis: Number.NEGATIVE_INFINITY,
  allowedTries: Math.min(limits.maxTries, minTries.silentHost),
  delayMillis: 0,
  delayedAtMillis: Number.NEGATIVE_INFINITY,
  nextTestMillis: 0,
  promptAnswers: 0,
  lateAnswers: 0,
  isDone: false
})

export const copy = (host: HostScan): HostScan => ({ ...host, outstanding: new Map(host.outstanding) })

/** Returns the time at which a test counts as not answered, by the present estimate. */
const deadlineMillis = ({ rtt }: HostScan, { sentAtMillis, tries }: Outstanding, limits: Limits): number =>
  sentAtMillis + RttEstimate.timeoutMillis(rtt, tries, limits)

/** Allows more tries, also for the ports that have had theirs. */
const allowTries = (host: HostScan, tries: number, limits: Limits) => {
  host.allowedTries = Math.max(host.allowedTries, Math.min(limits.maxTries, tries))
}

/** Returns the number of tries of silent ports that may have another one; undefined if there are none. */
const recallableTries = ({ allowedTries, silent }: HostScan): number | undefined => {
  for (let tries = 1; tries < allowedTries; tries++) if ((silent[tries] ?? []).length > 0) return tries
  return undefined
}

/** Ports that are recalled at a time: a copy of all of them for each test would be slow. */
const maxRecalledPorts = 256

/** Lets silent ports wait for another try, if no other port waits. */
const recall = (host: HostScan) => {
  const tries = host.retries.length > 0 ? undefined : recallableTries(host)
  if (tries === undefined) return
  const ports = host.silent[tries]!
  host.retries = ports.slice(0, maxRecalledPorts).map((port) => ({ port, tries }))
  host.silent = host.silent.with(tries, ports.slice(maxRecalledPorts))
}

/** Reduces the window. */
const reduceWindow = (host: HostScan, nowMillis: number) => {
  host.reducedAtMillis = nowMillis
  host.window = Math.max(1, Math.floor(Math.min(host.window, host.outstanding.size + 1) / 2))
  host.slowStartThreshold = Math.max(2, host.window)
}

/** Makes the tests slower if a large part of the answers came only to repeated tests, as nmap does. */
const adaptDelay = (host: HostScan, nowMillis: number, limits: Limits) => {
  const { lateAnswers, promptAnswers } = host
  const isLimited =
    lateAnswers >= limits.maxLateAnswers && lateAnswers > maxLateFraction * (lateAnswers + promptAnswers)
  if (!isLimited) return
  host.delayMillis = Math.min(limits.maxDelayMillis, Math.max(limits.initialDelayMillis, 2 * host.delayMillis))
  host.delayedAtMillis = nowMillis
  host.promptAnswers = 0
  host.lateAnswers = 0
}

const growWindow = (host: HostScan, limits: Limits) => {
  host.window += host.window < host.slowStartThreshold ? 1 : 1 / host.window
  host.window = Math.min(limits.maxWindow, host.window)
}

/**
 * Learns from an answer: the round-trip time, the window, and whether answers are lost or limited. The loss of a test
 * counts once: not if the window, or the delay, was changed after that test.
 */
export const onAnswer = (
  host: HostScan,
  { tries, triedAtMillis = Number.NEGATIVE_INFINITY }: Outstanding,
  rttMillis: number,
  nowMillis: number,
  limits: Limits
): void => {
  host.rtt = RttEstimate.update(host.rtt, rttMillis)
  if (!host.hasAnswered) {
    host.hasAnswered = true
    allowTries(host, minTries.answeringHost, limits)
  }
  if (tries > 1) {
    host.hasLost = true
    allowTries(host, tries + 2, limits)
  }
  if (tries > 1 && triedAtMillis > host.reducedAtMillis) reduceWindow(host, nowMillis)
  else growWindow(host, limits)
  if (tries > 1 && triedAtMillis > host.delayedAtMillis) host.lateAnswers++
  else host.promptAnswers++
  adaptDelay(host, nowMillis, limits)
}

/** Adds ports that have had all their tries. */
const withSilent = (silent: HostScan["silent"], more: ReadonlyArray<PendingPort>): HostScan["silent"] => {
  const all = silent.map((ports) => [...ports])
  for (const { port, tries } of more) {
    while (all.length <= tries) all.push([])
    all[tries]!.push(port)
  }
  return all
}

/** Ends the tests whose time has passed, and returns their ids. Each port waits for another try, or is silent. */
export const expire = (host: HostScan, nowMillis: number, limits: Limits): ReadonlyArray<number> => {
  const expired: Array<number> = []
  const retries: Array<PendingPort> = []
  const silent: Array<PendingPort> = []
  for (const [id, test] of host.outstanding) {
    if (deadlineMillis(host, test, limits) > nowMillis) continue
    expired.push(id)
    ;(test.tries < host.allowedTries ? retries : silent).push({
      port: test.port,
      tries: test.tries,
      triedAtMillis: test.sentAtMillis
    })
  }
  for (const id of expired) host.outstanding.delete(id)
  if (retries.length > 0) host.retries = [...host.retries, ...retries]
  if (silent.length > 0) {
    host.silent = withSilent(host.silent, silent)
    // Silence of a host that has lost no answer is that of a filter, and not of a network that is too busy.
    if (host.hasAnswered && !host.hasLost) host.window = Math.min(limits.maxWindow, host.window + silent.length)
  }
  return expired
}

/** Tests if there is a port to be tested. */
export const hasPending = (host: HostScan, portCount: number): boolean =>
  host.retries.length > 0 || host.nextPortIndex < portCount || recallableTries(host) !== undefined

/** Tests if the window and the delay allow another test. */
export const isReady = (host: HostScan, portCount: number, nowMillis: number): boolean =>
  !host.isDone &&
  host.outstanding.size < Math.floor(host.window) &&
  nowMillis >= host.nextTestMillis &&
  hasPending(host, portCount)

/** Takes the next port: one that waits for another try, or else a new one. There must be one. */
export const takePort = (host: HostScan, ports: ReadonlyArray<number>): PendingPort => {
  if (host.nextPortIndex >= ports.length) recall(host)
  const [retry, ...others] = host.retries
  if (retry === undefined) return { port: ports[host.nextPortIndex++]!, tries: 0 }
  host.retries = others
  return retry
}

/** Returns the time of the next timeout; Infinity if no test is outstanding. */
export const earliestDeadlineMillis = (host: HostScan, limits: Limits): number => {
  let earliest = Number.POSITIVE_INFINITY
  for (const test of host.outstanding.values()) earliest = Math.min(earliest, deadlineMillis(host, test, limits))
  return earliest
}
