/** A simulation of workers that are late, crash, hang, send duplicates and are cut off: one seed, virtual time. */
import * as Dispatcher from "../../../src/farm/dispatcher/Dispatcher.ts"
import type { Action, EndAction, Event, Notice, Options } from "../../../src/farm/dispatcher/DispatcherEvent.ts"
import * as Job from "../../../src/farm/Job.ts"
import * as DispatcherInvariants from "./DispatcherInvariants.ts"
import { type FaultProfile, isBeginKnown } from "./FaultProfile.ts"

type Range = { readonly from: number; readonly to: number }

export interface Plan extends Partial<Omit<Options<Range>, "workers" | "nextPacket" | "totalUnits">> {
  readonly seed: number
  readonly units: number
  /** The workers at the start. */
  readonly profiles: ReadonlyArray<FaultProfile>
  /** The workers that join, each after this time. */
  readonly joins?: ReadonlyArray<{ readonly after: number; readonly profile: FaultProfile }> | undefined
  /** The workers that leave at this time, by index. */
  readonly leaves?: ReadonlyArray<{ readonly after: number; readonly worker: number }> | undefined
  /** The unit whose packet kills every worker. */
  readonly lethalUnit?: number | undefined
}

export interface Outcome {
  readonly end: EndAction<Range> | undefined
  readonly merged: ReadonlyArray<Range>
  readonly skipped: ReadonlyArray<Range>
  /** The merged results that were lies. */
  readonly wrong: number
  readonly notices: ReadonlyArray<Notice>
  /** The violated rules of the dispatcher. */
  readonly violations: ReadonlyArray<string>
  /** The virtual time, the packets sent, and the faults that happened. */
  readonly elapsedMillis: number
  readonly sentCount: number
  readonly faults: number
  /** The packets sent to each worker. */
  readonly sentToWorker: ReadonlyArray<number>
}

const mulberry32 = (seed: number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The events after which a run counts as a hang. */
const maxEvents = 60_000

/** The time between two signs of life of a worker at work. */
const beatMillis = 100

/** The attempts for which a packet must have been begun. */
const kindsOfBegun: ReadonlySet<string> = new Set(["Lost", "Expired", "TimedOut"])

const makeWorker = (profile: FaultProfile) => ({
  profile,
  epoch: 0,
  isGone: false,
  busy: false,
  /** True until it begins a packet right after another. */
  idle: true,
  /** False until it begins a packet after its start. */
  hasBegun: false,
  queue: [] as Array<{ readonly id: number; readonly packet: Range }>,
  /** The packets sent to it without a reported outcome. */
  inFlight: new Set<number>(),
  cancelled: new Set<number>(),
  /** The packets that it has ever begun. */
  begun: new Set<number>(),
  sent: 0,
  /** The arrival times of the last message to it and from it: messages keep their order. */
  lastDeliveryAt: 0,
  lastReportAt: 0
})

const infoOf = ({ capacity, host, reportsEachBegin }: FaultProfile, index: number) => ({
  ...{ name: `worker ${index}`, capacity, latencyMillis: 5, host, reportsEachBegin }
})

export const run = (plan: Plan): Outcome => {
  const chance = mulberry32(plan.seed)
  const { maxAttempts = 1_000, bufferSize = 64, holdUntilConsumed = false, leaseMillis = 1_000, ordered = false } = plan
  const { units } = plan
  const splitter = Job.range(0, units)
  const merged: Array<Range> = []
  const violations: Array<string> = []
  const ids = new Set<number>()
  const eventQueue: Array<{ readonly at: number; readonly order: number; readonly act: () => void }> = []
  const workers = plan.profiles.map(makeWorker)
  const skipped: Array<Range> = []
  const notices: Array<Notice> = []
  let wrong = 0
  let now = 0
  let order = 0
  let splitCount = 0
  let consumedCount = 0
  let sentCount = 0
  /** Workers whose Gone event the dispatcher has received. */
  const goneWorkers = new Set<number>()
  /** Workers that have no part in the run any more. */
  const detached = new Set<number>()
  let faults = 0
  let end: Outcome["end"]

  const after = (millis: number, act: () => void) => void eventQueue.push({ at: now + millis, order: order++, act })
  const options: Options<Range> = {
    ...{
      leaseMillis,
      maxAttempts,
      ordered,
      holdUntilConsumed,
      bufferSize,
      targetMillis: 50,
      initialSize: 1,
      totalUnits: units,
      packetSize: plan.packetSize,
      timeoutMillis: plan.timeoutMillis,
      retryDelayMillis: plan.retryDelayMillis,
      skipsPoison: plan.skipsPoison,
      verify: plan.verify,
      mayJoin: (plan.joins ?? []).length > 0
    },
    workers: plan.profiles.map(infoOf),
    nextPacket: (size) => {
      const next = splitter.next(size)
      if (next !== undefined) splitCount++
      return next
    }
  }
  let state = Dispatcher.make<Range, number>(options)

  const feed = (events: ReadonlyArray<Event<number>>) => {
    for (const event of events) {
      if ("id" in event && "worker" in event && event._tag !== "Working") {
        workers[event.worker]!.inFlight.delete(event.id)
      }
      if (event._tag === "Lost" || event._tag === "Gone") workers[event.worker]!.inFlight.clear()
      if (event._tag === "Gone") goneWorkers.add(event.worker)
    }
    const [next, actions] = Dispatcher.step(options, state, events, now)
    state = next
    violations.push(...DispatcherInvariants.violations(options, state))
    for (const action of actions) perform(action)
    const heldCount = state.held.size
    if (splitCount - consumedCount - heldCount > bufferSize && state.rejectedHosts.size === 0)
      violations.push(`${splitCount - consumedCount} packets in flight, more than ${bufferSize}`)
  }
  const perform = (action: Action<Range, number>) => {
    switch (action._tag) {
      case "Merge": {
        const { from, to } = action.packet
        if (ids.has(action.id)) violations.push(`packet ${action.id} is merged twice`)
        if (ordered && action.id !== ids.size) violations.push(`packet ${action.id} comes after ${ids.size - 1}`)
        if (action.result !== to - from) wrong++
        ids.add(action.id)
        merged.push(action.packet)
        if (!holdUntilConsumed) consumedCount++
        else {
          after(chance() * 40, () => {
            consumedCount++
            feed([{ _tag: "Consumed", count: 1 }])
          })
        }
        return
      }
      case "Run": {
        const worker = workers[action.worker]!
        if (detached.has(action.worker)) violations.push(`worker ${action.worker} is detached and receives a packet`)
        for (const { id } of action.tasks) {
          if (worker.inFlight.has(id)) violations.push(`packet ${id} is sent twice to worker ${action.worker}`)
          worker.inFlight.add(id)
          sentCount++
          worker.sent++
        }
        if (goneWorkers.has(action.worker)) violations.push(`worker ${action.worker} is gone and receives a packet`)
        if (worker.inFlight.size > worker.profile.capacity)
          violations.push(`worker ${action.worker} holds ${worker.inFlight.size}`)
        return deliver(action.worker, () => {
          worker.queue.push(...action.tasks)
          // It may die before it has begun anything.
          if (!worker.hasBegun && chance() < worker.profile.crash && ++faults > 0) return crash(action.worker)
          begin(action.worker)
        })
      }
      case "Cancel": {
        const worker = workers[action.worker]!
        if (detached.has(action.worker)) violations.push(`worker ${action.worker} is detached and receives a cancel`)
        return deliver(action.worker, () => {
          const [first] = worker.queue
          const waiting = worker.queue.slice(worker.busy ? 1 : 0).filter(({ id }) => action.ids.includes(id))
          if (worker.profile.dropsWaiting && waiting.length > 0) {
            worker.queue = worker.queue.filter((task) => !waiting.includes(task))
            report(
              action.worker,
              waiting.map(({ id }) => ({ _tag: "Stopped", worker: action.worker, id }))
            )
          }
          for (const { id } of worker.queue) if (action.ids.includes(id)) worker.cancelled.add(id)
          if (worker.busy && action.ids.includes(first!.id) && !worker.profile.ignoresCancel) stop(action.worker)
        })
      }
      case "Notify": {
        const { notice } = action
        notices.push(notice)
        if (notice._tag !== "AttemptFailed" || !kindsOfBegun.has(notice.attempt.kind)) return
        const { kind, message, worker } = notice.attempt
        const { begun, profile } = workers[Number(worker.slice("worker ".length))]!
        // A packet that is stopped without a cancel is a fault of the worker.
        if (message.startsWith("stopped") || !isBeginKnown(profile) || begun.has(notice.id)) return
        violations.push(`packet ${notice.id} is blamed as ${kind} on ${worker}, which has not begun it`)
        return
      }
      case "Skip":
        skipped.push(action.packet)
        consumedCount++
        return
      case "Detach":
        if (detached.has(action.worker)) violations.push(`worker ${action.worker} is detached twice`)
        detached.add(action.worker)
        return
      default:
        if (end !== undefined) violations.push(`${end._tag}, and then ${action._tag}`)
        end = action
    }
  }

  const deliver = (index: number, act: () => void) => {
    const worker = workers[index]!
    const { epoch } = worker
    worker.lastDeliveryAt = Math.max(worker.lastDeliveryAt, now + chance() * worker.profile.maxDelayMillis)
    after(worker.lastDeliveryAt - now, () => epoch === worker.epoch && act())
  }

  /** Sends a report; reports arrive in the order in which they are sent. */
  const report = (index: number, events: ReadonlyArray<Event<number>>, more = 0) => {
    const worker = workers[index]!
    const { epoch } = worker
    worker.lastReportAt = Math.max(worker.lastReportAt, now + more + chance() * worker.profile.maxDelayMillis)
    after(worker.lastReportAt - now, () => epoch === worker.epoch && feed(events))
  }
  const stop = (index: number) => {
    const worker = workers[index]!
    const { id } = worker.queue.shift()!
    worker.busy = false
    worker.cancelled.delete(id)
    report(index, [{ _tag: "Stopped", worker: index, id }])
    begin(index)
  }
  const crash = (index: number) => {
    const worker = workers[index]!
    const running = worker.busy ? worker.queue.slice(0, 1).map(({ id }) => id) : []
    const message = "it crashed"
    worker.epoch++
    Object.assign(worker, { queue: [], busy: false, idle: true, hasBegun: false, lastReportAt: now })
    worker.cancelled.clear()
    worker.isGone = worker.profile.staysDown
    const reported = plan.lethalUnit !== undefined || chance() < 0.5 ? running : undefined
    report(index, [{ _tag: worker.isGone ? "Gone" : "Lost", worker: index, message, running: reported }])
    if (!worker.isGone) report(index, [{ _tag: "Ready", worker: index }], chance() * 200)
  }
  const begin = (index: number) => {
    const worker = workers[index]!
    const { profile } = worker
    const [first] = worker.queue
    if (worker.isGone || worker.busy) return
    if (first === undefined) {
      worker.idle = true
      return
    }
    worker.busy = true
    if (worker.cancelled.has(first.id)) return stop(index)
    const fault = (rate: number) => chance() < rate && ++faults > 0
    const { from, to } = first.packet
    const deadly = plan.lethalUnit !== undefined && from <= plan.lethalUnit && plan.lethalUnit < to
    worker.begun.add(first.id)
    worker.hasBegun = true
    if (worker.idle || profile.reportsEachBegin) report(index, [{ _tag: "Working", worker: index, id: first.id }])
    worker.idle = false
    const isHanging = fault(profile.hang) && !deadly
    if (!isHanging || profile.beatsWhileHanging) after(beatMillis, () => beat(index, first))
    if (isHanging) return
    const { epoch } = worker
    const millis = (to - from) * profile.millisPerUnit * (0.5 + chance())
    after(millis, () => {
      if (epoch !== worker.epoch || !worker.busy || worker.queue[0] !== first) return
      if (deadly || fault(profile.crash)) return crash(index)
      worker.queue.shift()
      worker.busy = false
      worker.cancelled.delete(first.id)
      const result = to - from + Number(fault(profile.lie))
      const done: Event<number> = { _tag: "Done", worker: index, id: first.id, result, millis }
      const late = fault(profile.partition) ? 1.5 * leaseMillis * chance() : 0
      if (fault(profile.throw)) {
        report(index, [{ _tag: "Failed", worker: index, id: first.id, kind: "Threw", message: "it threw" }], late)
      } else report(index, [done], late)
      if (fault(profile.duplicate)) report(index, [done, done])
      if (fault(profile.garbage)) report(index, [{ ...done, id: Math.floor(chance() * 2 * splitCount) + 1_000_000 }])
      begin(index)
    })
  }
  const beat = (index: number, task: { readonly id: number }) => {
    const worker = workers[index]!
    if (!worker.busy || worker.queue[0] !== task) return
    report(index, [{ _tag: "Working", worker: index, id: task.id }])
    after(beatMillis, () => beat(index, task))
  }
  const joinAll = (joins: NonNullable<Plan["joins"]>) => {
    let left = joins.length
    for (const { after: millis, profile } of joins) {
      after(millis, () => {
        const index = workers.push(makeWorker(profile)) - 1
        feed([{ _tag: "Join", info: infoOf(profile, index) }])
        if (--left === 0) feed([{ _tag: "JoiningEnded" }])
      })
    }
  }
  const leave = (index: number) => {
    const worker = workers[index]
    if (worker === undefined || worker.isGone) return
    const running = worker.busy ? worker.queue.slice(0, 1).map(({ id }) => id) : []
    worker.epoch++
    Object.assign(worker, { queue: [], busy: false, isGone: true, lastReportAt: now })
    report(index, [{ _tag: "Gone", worker: index, message: "it left", running }])
  }
  const tick = () => {
    feed([{ _tag: "Tick" }])
    if (end === undefined) after(50, tick)
  }

  feed([])
  after(50, tick)
  joinAll(plan.joins ?? [])
  for (const { after: millis, worker } of plan.leaves ?? []) after(millis, () => leave(worker))
  let events = 0
  while (end === undefined && events++ < maxEvents) {
    let first = 0
    for (const [at, one] of eventQueue.entries()) {
      const least = eventQueue[first]!
      if (one.at < least.at || (one.at === least.at && one.order < least.order)) first = at
    }
    const [next] = eventQueue.splice(first, 1)
    now = next!.at
    next!.act()
  }
  return {
    ...{ end, merged, skipped, wrong, notices, violations, elapsedMillis: now, sentCount, faults },
    sentToWorker: workers.map(({ sent }) => sent)
  }
}

/** Describes a gap or an overlap in the ranges, which must cover `0 <= n < units`; undefined if there is none. */
export const coverageGap = (ranges: ReadonlyArray<Range>, units: number) => {
  let at = 0
  for (const { from, to } of [...ranges].sort((one, two) => one.from - two.from)) {
    if (from !== at) return `${from} follows ${at}`
    at = to
  }
  return at === units ? undefined : `it ends at ${at}, not ${units}`
}
