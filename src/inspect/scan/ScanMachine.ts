/**
 * A scan of ports as a state machine: which ports to test when, and what their answers mean. Pure; the time is an
 * argument, in milliseconds of a monotonic clock.
 *
 * Each host has a timeout from its round-trip times, and a window as TCP has: it grows with each answer. A port without
 * an answer is tried again with a doubled timeout: twice, if the host answers others. An answer to a repeated test
 * shows that tests or answers were lost: the window is halved, and silent ports get more tries. A host most of whose
 * answers come only then limits them, and is tested more slowly.
 */
import * as TokenBucket from "../../network/TokenBucket.ts"
import * as HostScan from "./HostScan.ts"
import type { Answer, Outcome, Probe, Transport } from "./PortTest.ts"

/** State of a port, as nmap defines it. */
export type Verdict = "open" | "closed" | "filtered" | "open|filtered"

/** Reason of a verdict. */
export type Reason = Exclude<Outcome, "noResource"> | "noAnswer"

/** Result of a port. */
export interface PortVerdict {
  readonly hostIndex: number
  readonly port: number
  readonly verdict: Verdict
  readonly reason: Reason
}

/** Options of a scan, all of them set. */
export interface Options {
  readonly transport: Transport
  readonly hosts: ReadonlyArray<string>
  readonly ports: ReadonlyArray<number>
  /** The most tests at a time. */
  readonly concurrency: number
  readonly testsPerSecond: number | undefined
  /** The longest time to wait for an answer. */
  readonly maxTimeoutMillis: number
  /** The most tests of one port after the first one. */
  readonly retries: number
}

export type Event =
  | { readonly _tag: "Started" }
  | { readonly _tag: "Answered"; readonly answers: ReadonlyArray<Answer> }
  /** The time `dueMillis` has come. All answers until `atMillis` are known: later ones may wait to be processed. */
  | { readonly _tag: "TimerFired"; readonly atMillis: number }

/** Actions of a step, which the driver performs in this order. */
export interface Actions {
  readonly cancels: ReadonlyArray<number>
  readonly tests: ReadonlyArray<Probe>
  readonly verdicts: ReadonlyArray<PortVerdict>
}

export interface State {
  readonly options: Options
  readonly limits: HostScan.Limits
  readonly hosts: ReadonlyArray<HostScan.HostScan>
  /** Hosts that are scanned now, by their indices. */
  readonly active: ReadonlyArray<number>
  readonly nextHostIndex: number
  readonly nextId: number
  readonly outstandingTests: number
  readonly bucket: TokenBucket.TokenBucket | undefined
  /** Tests at a time that this host has resources for. */
  readonly resourceLimit: number
  readonly pausedUntilMillis: number
  /** Pauses in a row, since this host had no descriptor or port. */
  readonly resourceFailures: number
  /** Time of the next `TimerFired`; Infinity if none is needed. */
  readonly dueMillis: number
  /** Ports that have a verdict. */
  readonly portsDone: number
  readonly isDone: boolean
}

/** Hosts that are scanned at a time. */
const maxActiveHosts = 64

/** The number of hosts must be smaller: the id of a test has the index of its host. */
const hostModulus = 65_536

/** Hosts of a scan at most. */
export const maxHosts: number = hostModulus

/** Pause after a test for which this host had no descriptor or port. */
const resourcePauseMillis = 50

/**
 * Limits by transport. A host sends few ICMP errors, Linux one a second to each other host: of three tests of a closed
 * UDP port, the last one comes after more than a second.
 */
const transportLimits = {
  tcp: { initialMillis: 500, minMillis: 100, initialDelayMillis: 5, maxDelayMillis: 1_000, maxLateAnswers: 10 },
  udp: { initialMillis: 500, minMillis: 500, initialDelayMillis: 50, maxDelayMillis: 1_000, maxLateAnswers: 3 }
} as const

const verdicts: Readonly<Record<Exclude<Outcome, "noResource">, Verdict>> = {
  accepted: "open",
  replied: "open",
  refused: "closed",
  hostUnreachable: "filtered",
  netUnreachable: "filtered",
  prohibited: "filtered",
  notPermitted: "filtered"
}

/** Outcomes that the tested port itself sent: they tell the round-trip time. */
const isFromPort = (outcome: Outcome) => outcome === "accepted" || outcome === "replied" || outcome === "refused"

/** Verdict of a port that does not answer. */
const silentVerdict = { tcp: "filtered", udp: "open|filtered" } as const

/** Returns the state before the first event. */
export const make = (options: Options, nowMillis: number): State => {
  const { initialMillis, minMillis, ...delays } = transportLimits[options.transport]
  const limits: HostScan.Limits = {
    ...delays,
    initialMillis: Math.min(initialMillis, options.maxTimeoutMillis),
    minMillis: Math.min(minMillis, options.maxTimeoutMillis),
    maxMillis: options.maxTimeoutMillis,
    maxTries: options.retries + 1,
    maxWindow: options.concurrency
  }
  const { testsPerSecond } = options
  return {
    options,
    limits,
    hosts: options.hosts.map(() => HostScan.make(limits)),
    active: [],
    nextHostIndex: 0,
    nextId: 0,
    outstandingTests: 0,
    // A full bucket would begin with the tests of a second at once.
    bucket: testsPerSecond === undefined ? undefined : { ...TokenBucket.make(testsPerSecond, nowMillis), tokens: 1 },
    resourceLimit: options.concurrency,
    pausedUntilMillis: Number.NEGATIVE_INFINITY,
    resourceFailures: 0,
    dueMillis: nowMillis,
    portsDone: 0,
    isDone: false
  }
}

/** A copy of the state that a step changes, with its actions. */
interface Draft {
  readonly options: Options
  readonly limits: HostScan.Limits
  readonly hosts: Array<HostScan.HostScan>
  /** Hosts that are copied already. */
  readonly copied: Set<number>
  active: ReadonlyArray<number>
  nextHostIndex: number
  nextId: number
  outstandingTests: number
  bucket: TokenBucket.TokenBucket | undefined
  resourceLimit: number
  pausedUntilMillis: number
  resourceFailures: number
  portsDone: number
  readonly cancels: Array<number>
  readonly tests: Array<Probe>
  readonly verdicts: Array<PortVerdict>
}

const draftOf = (state: State): Draft => ({
  ...state,
  hosts: [...state.hosts],
  copied: new Set(),
  cancels: [],
  tests: [],
  verdicts: []
})

const hostAt = (draft: Draft, index: number): HostScan.HostScan => {
  if (!draft.copied.has(index)) {
    draft.copied.add(index)
    draft.hosts[index] = HostScan.copy(draft.hosts[index]!)
  }
  return draft.hosts[index]!
}

const conclude = (draft: Draft, verdict: PortVerdict) => {
  draft.verdicts.push(verdict)
  draft.portsDone++
}

/** Tests the port again later, since this host could not; the try does not count. */
const onNoResource = (
  draft: Draft,
  host: HostScan.HostScan,
  { port, tries }: HostScan.Outstanding,
  nowMillis: number
) => {
  host.retries = [{ port, tries: tries - 1 }, ...host.retries]
  draft.resourceLimit = Math.max(1, Math.floor(0.9 * Math.min(draft.resourceLimit, draft.outstandingTests + 1)))
  // The tests of one step fail together: they count once.
  if (nowMillis >= draft.pausedUntilMillis) draft.resourceFailures++
  draft.pausedUntilMillis = nowMillis + resourcePauseMillis
}

const onAnswer = (draft: Draft, answer: Answer, nowMillis: number) => {
  const { id, outcome } = answer
  const hostIndex = id % hostModulus
  const test = draft.hosts[hostIndex]?.outstanding.get(id)
  if (test === undefined) return
  const host = hostAt(draft, hostIndex)
  host.outstanding.delete(id)
  draft.outstandingTests--
  if (outcome === "noResource") return onNoResource(draft, host, test, nowMillis)
  draft.resourceFailures = 0
  const rttMillis = isFromPort(outcome) ? (answer.rttMillis ?? nowMillis - test.sentAtMillis) : undefined
  if (rttMillis !== undefined) HostScan.onAnswer(host, test, rttMillis, nowMillis, draft.limits)
  conclude(draft, { hostIndex, port: test.port, verdict: verdicts[outcome], reason: outcome })
}

const expire = (draft: Draft, nowMillis: number) => {
  for (const index of draft.active) {
    if (HostScan.earliestDeadlineMillis(draft.hosts[index]!, draft.limits) > nowMillis) continue
    const expired = HostScan.expire(hostAt(draft, index), nowMillis, draft.limits)
    draft.outstandingTests -= expired.length
    for (const id of expired) draft.cancels.push(id)
  }
}

/** Ends the hosts without ports to test: their silent ports have their verdict now. */
const endHosts = (draft: Draft) => {
  const { options } = draft
  const ended = draft.active.filter((index) => {
    const host = draft.hosts[index]!
    return host.outstanding.size === 0 && !HostScan.hasPending(host, options.ports.length)
  })
  for (const hostIndex of ended) {
    const host = hostAt(draft, hostIndex)
    const verdict = silentVerdict[options.transport]
    for (const port of host.silent.flat()) conclude(draft, { hostIndex, port, verdict, reason: "noAnswer" })
    host.silent = []
    host.isDone = true
  }
  if (ended.length > 0) draft.active = draft.active.filter((index) => !ended.includes(index))
}

const startHosts = (draft: Draft) => {
  const free = Math.min(maxActiveHosts - draft.active.length, draft.hosts.length - draft.nextHostIndex)
  if (free <= 0) return
  draft.active = [...draft.active, ...Array.from({ length: free }, (_, index) => draft.nextHostIndex + index)]
  draft.nextHostIndex += free
}

const startTest = (draft: Draft, hostIndex: number, nowMillis: number) => {
  const host = hostAt(draft, hostIndex)
  const { port, tries, triedAtMillis } = HostScan.takePort(host, draft.options.ports)
  const id = draft.nextId++ * hostModulus + hostIndex
  host.outstanding.set(id, { port, tries: tries + 1, triedAtMillis, sentAtMillis: nowMillis })
  host.nextTestMillis = nowMillis + host.delayMillis
  draft.outstandingTests++
  draft.tests.push({ id, address: draft.options.hosts[hostIndex]!, port })
  if (draft.bucket !== undefined) draft.bucket = TokenBucket.take(draft.bucket)
}

/** Tests if the limits of all hosts together allow another test. */
const mayTest = (draft: Draft, nowMillis: number) =>
  draft.outstandingTests < draft.resourceLimit &&
  nowMillis >= draft.pausedUntilMillis &&
  (draft.bucket === undefined || draft.bucket.tokens >= 1)

/** Starts tests while the limits allow them, of each host in turn. */
const startTests = (draft: Draft, nowMillis: number) => {
  if (draft.bucket !== undefined) draft.bucket = TokenBucket.refill(draft.bucket, nowMillis)
  const portCount = draft.options.ports.length
  let ready = draft.active
  while (ready.length > 0 && mayTest(draft, nowMillis)) {
    ready = ready.filter((index) => HostScan.isReady(draft.hosts[index]!, portCount, nowMillis))
    for (const index of ready) if (mayTest(draft, nowMillis)) startTest(draft, index, nowMillis)
  }
}

/** Rounding of times must not make a timer fire just before a token is there. */
const tokenSlackMillis = 0.01

const dueMillisOf = (draft: Draft, nowMillis: number): number => {
  const portCount = draft.options.ports.length
  let due = Number.POSITIVE_INFINITY
  // A host that could test, and may not, waits for a token, for the end of the pause, or for any answer.
  const { bucket } = draft
  const tokenMillis =
    bucket === undefined || bucket.tokens >= 1
      ? nowMillis
      : nowMillis + ((1 - bucket.tokens) * 1_000) / bucket.tokensPerSecond + tokenSlackMillis
  const allowedMillis = Math.max(draft.pausedUntilMillis, tokenMillis)
  for (const index of draft.active) {
    const host = draft.hosts[index]!
    due = Math.min(due, HostScan.earliestDeadlineMillis(host, draft.limits))
    const isBlocked = draft.outstandingTests >= draft.resourceLimit || host.outstanding.size >= Math.floor(host.window)
    if (!isBlocked && HostScan.hasPending(host, portCount)) {
      due = Math.min(due, Math.max(allowedMillis, host.nextTestMillis))
    }
  }
  return due
}

/** Processes an event at a time, and returns the new state with the actions. */
export const step = (state: State, event: Event, nowMillis: number): readonly [State, Actions] => {
  const draft = draftOf(state)
  if (event._tag === "Answered") for (const answer of event.answers) onAnswer(draft, answer, nowMillis)
  if (event._tag === "TimerFired") expire(draft, event.atMillis)
  // A host that ends makes room for the next one, which has ports to test, or none.
  do {
    endHosts(draft)
    startHosts(draft)
  } while (draft.options.ports.length === 0 && draft.active.length > 0)
  startTests(draft, nowMillis)
  const { cancels, copied: _, tests, verdicts, ...rest } = draft
  const isDone = draft.active.length === 0 && draft.nextHostIndex >= draft.hosts.length
  return [
    { ...rest, dueMillis: dueMillisOf(draft, nowMillis), isDone },
    { cancels, tests, verdicts }
  ]
}

/** Returns the part of the scan that is done, from 0 to 1; ports without an answer count by their tries. */
export const fractionDone = ({ hosts, options, portsDone }: State): number => {
  const total = hosts.length * options.ports.length
  const silent = hosts.reduce((sum, host) => sum + host.silent.reduce((count, ports) => count + ports.length, 0), 0)
  return total === 0 ? 1 : Math.min(1, (portsDone + silent) / total)
}
