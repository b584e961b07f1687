/**
 * The assignment of packets to workers as a state machine, without effects and without a clock. `step` receives events
 * with the current time and returns actions. Every packet is merged exactly once: the first result counts, and the
 * dispatcher then forgets the id, so that memory grows with the unfinished packets only.
 *
 * The state is mutable. An event takes the same time however many packets are done.
 */

import type { Attempt } from "../FarmError.ts"
import type { SizedPacket } from "../Job.ts"
import type { Action, Event, Options } from "./DispatcherEvent.ts"
import * as DispatcherState from "./DispatcherState.ts"
import * as PacketSizing from "./PacketSizing.ts"

/**
 * A dispatcher.
 *
 * **Example** (Assigning two packets to one worker)
 *
 * ```ts
 * import { Dispatcher } from "effect-inet/farm"
 *
 * let split = 0
 * const dispatcher = Dispatcher.make<number, number>({
 *   workers: [{ name: "one", capacity: 4, latencyMillis: 5 }],
 *   nextPacket: () => (split === 2 ? undefined : { packet: split++, units: 1 }),
 *   ...{ totalUnits: 2, leaseMillis: 1_000, maxAttempts: 3, ordered: false, holdUntilConsumed: false },
 *   ...{ bufferSize: 10, targetMillis: 50, initialSize: 1 }
 * })
 * const tags = (actions: ReadonlyArray<{ readonly _tag: string }>) => actions.map(({ _tag }) => _tag)
 *
 * const done = (id: number) => ({ _tag: "Done" as const, worker: 0, id, result: id, millis: 1 })
 * tags(dispatcher.step([], 0)) // => ["Run"]
 * tags(dispatcher.step([done(0)], 10)) // => ["Merge"]
 * tags(dispatcher.step([done(1)], 20)) // => ["Merge", "Finished"]
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export interface Dispatcher<Packet, Result> {
  /**
   * Applies events at the time `now`, in milliseconds, and returns the actions to perform, in order. `now` must not
   * decrease. The first call, whose events may be empty, assigns the first packets.
   */
  readonly step: (events: ReadonlyArray<Event<Result>>, now: number) => ReadonlyArray<Action<Packet, Result>>
  /** Returns true while a result for this id is still needed. */
  readonly isPending: (id: number) => boolean
  /** Returns the packets that are split off and not merged, in the order of their ids. */
  readonly unmerged: () => ReadonlyArray<SizedPacket<Packet>>
  /** The state and the merged packets, units and working time of each worker. */
  readonly workers: ReadonlyArray<
    Readonly<Pick<DispatcherState.WorkerState<Packet>, "name" | "state" | "packets" | "units" | "busyMillis">>
  >
}

/** Failed packets that are examined, at most, to find one that a worker may receive. */
const maxRetryCandidates = 8

/** Makes a dispatcher whose workers are all ready. @category constructors @since 0.1.0 */
export const make = <Packet, Result>(options: Options<Packet>): Dispatcher<Packet, Result> => {
  type WorkerState = DispatcherState.WorkerState<Packet>
  type PendingPacket = DispatcherState.PendingPacket<Packet>
  const workers = options.workers.map((info, index): WorkerState => DispatcherState.makeWorkerState(info, index))
  const available = new Set(workers)
  const unfinished = new Map<number, PendingPacket>()
  const retryQueue = new Set<PendingPacket>()
  /** Results of an ordered run that wait for the results of earlier packets. */
  const outOfOrder = new Map<number, { readonly pending: PendingPacket; readonly result: Result }>()
  const restored = options.restored ?? []
  const sizing: PacketSizing.SizingOptions = {
    targetMillis: options.targetMillis,
    initialSize: options.initialSize,
    workerCount: Math.max(1, workers.length),
    totalUnits: options.totalUnits
  }
  let actions: Array<Action<Packet, Result>> = []
  let cancelled = new Map<WorkerState, Array<number>>()
  let assignments = new Map<WorkerState, Array<PendingPacket>>()
  let now = 0
  let nextId = 0
  let mergedCount = 0
  let consumedCount = 0
  let remainingUnits = options.totalUnits
  let exhausted = false
  let isOver = false
  let finalAction: Action<Packet, Result> | undefined

  const add = ({ packet, units }: SizedPacket<Packet>): PendingPacket => {
    const pending: PendingPacket = { id: nextId++, packet, units, leases: [], attempts: [], failedOn: [] }
    unfinished.set(pending.id, pending)
    return pending
  }
  for (const packet of restored) retryQueue.add(add(packet))

  const finish = (action: Action<Packet, Result>) => {
    isOver = true
    for (const worker of workers) for (const lease of worker.leases.values()) revoke(worker, lease, "cancelled")
    assignments.clear()
    finalAction = action
  }

  /** Ends the wait for a lease's result, and cancels it at the worker. */
  const revoke = (worker: WorkerState, lease: DispatcherState.Lease<Packet>, state: "cancelled" | "expired") => {
    if (lease.state !== "active") return
    lease.state = state
    lease.revokedAt = now
    if (state === "expired") worker.expiredLeases++
    const { leases, id } = lease.pending
    leases.splice(leases.indexOf(lease), 1)
    const ids = cancelled.get(worker)
    if (ids === undefined) cancelled.set(worker, [id])
    else ids.push(id)
  }

  /** Removes a lease that the worker has ended. */
  const endLease = (worker: WorkerState, id: number) => {
    const lease = worker.leases.get(id)
    if (lease === undefined) return undefined
    worker.leases.delete(id)
    worker.lastOutcomeAt = now
    if (lease.state === "expired") worker.expiredLeases--
    const { leases } = lease.pending
    if (lease.state === "active") leases.splice(leases.indexOf(lease), 1)
    available.add(worker)
    return lease
  }

  const retry = (pending: PendingPacket) => {
    if (pending.leases.length > 0 || !unfinished.has(pending.id) || isOver) return
    if (pending.attempts.length < options.maxAttempts) return retryQueue.add(pending)
    return finish({ _tag: "PoisonPacket", id: pending.id, packet: pending.packet, attempts: pending.attempts })
  }

  const fail = (worker: WorkerState, pending: PendingPacket, kind: Attempt["kind"], message: string) => {
    if (!unfinished.has(pending.id)) return
    pending.attempts.push({ worker: worker.name, kind, message })
    pending.failedOn.push(worker.index)
    retry(pending)
  }

  const merge = ({ id, packet }: PendingPacket, result: Result) => {
    mergedCount++
    if (!options.holdUntilConsumed) consumedCount++
    actions.push({ _tag: "Merge", id, packet, result })
  }

  const succeed = (worker: WorkerState, id: number, result: Result, reportedMillis: number) => {
    const lease = endLease(worker, id)
    if (lease === undefined) return
    const { pending, sentAt } = lease
    const millis = Math.max(0, Math.min(reportedMillis || 0, now - sentAt))
    PacketSizing.record(worker.throughput, pending.units, millis, options.targetMillis)
    worker.consecutiveFailures = 0
    if (!unfinished.delete(id)) return
    retryQueue.delete(pending)
    while (pending.leases.length > 0) {
      const other = workers.find(({ leases }) => leases.get(id) === pending.leases[0])!
      revoke(other, pending.leases[0]!, "cancelled")
    }
    worker.packets++
    worker.units += pending.units
    worker.busyMillis += millis
    if (!options.ordered) return merge(pending, result)
    outOfOrder.set(id, { pending, result })
    for (let next = outOfOrder.get(mergedCount); next !== undefined; next = outOfOrder.get(mergedCount)) {
      outOfOrder.delete(mergedCount)
      merge(next.pending, next.result)
    }
  }

  const loseWorker = (
    worker: WorkerState,
    state: "lost" | "gone",
    message: string,
    running?: ReadonlyArray<number>
  ) => {
    if (worker.state === "gone") return
    Object.assign(worker, { state, lossMessage: message, expiredLeases: 0 })
    const lost = [...worker.leases.values()].filter((lease) => lease.state === "active")
    worker.leases.clear()
    const suspects = running ?? lost.slice(0, 1).map(({ pending }) => pending.id)
    for (const lease of lost) lease.pending.leases.splice(lease.pending.leases.indexOf(lease), 1)
    for (const { pending } of lost) {
      if (suspects.includes(pending.id)) fail(worker, pending, "Lost", message)
      else retry(pending)
    }
  }

  /**
   * Expires the leases of a worker that are over. A worker handles its packets in order: only the oldest counts as
   * failed, those that wait behind it go to other workers without a failed attempt.
   */
  const expireLeases = (worker: WorkerState) => {
    let oldest = true
    for (const lease of worker.leases.values()) {
      if (lease.sentAt + options.leaseMillis > now) return
      if (lease.state !== "active") {
        if (lease.revokedAt + options.leaseMillis > now) continue
        return loseWorker(worker, "gone", `cancelled packet ${lease.pending.id} did not stop`)
      }
      revoke(worker, lease, "expired")
      if (oldest) fail(worker, lease.pending, "Expired", `no result within ${options.leaseMillis / 1_000} s`)
      else retry(lease.pending)
      oldest = false
    }
  }

  const receive = (event: Event<Result>) => {
    switch (event._tag) {
      case "Done":
        return succeed(workers[event.worker]!, event.id, event.result, event.millis)
      case "Failed":
      case "Stopped": {
        const lease = endLease(workers[event.worker]!, event.id)
        if (lease?.state !== "active") return
        workers[event.worker]!.consecutiveFailures++
        const [kind, message] =
          event._tag === "Failed"
            ? ([event.kind, event.message] as const)
            : (["Lost", "stopped without a cancel"] as const)
        return fail(workers[event.worker]!, lease.pending, kind, message)
      }
      case "Lost":
      case "Gone":
        return loseWorker(workers[event.worker]!, event._tag === "Lost" ? "lost" : "gone", event.message, event.running)
      case "Ready": {
        const worker = workers[event.worker]!
        if (worker.state === "lost") worker.state = "ready"
        return available.add(worker)
      }
      case "Consumed":
        consumedCount += event.count
        return
      case "Tick":
        return workers.forEach(expireLeases)
      case "Cancel":
        return finish({ _tag: "Finished" })
    }
  }

  const nextFor = (worker: WorkerState): PendingPacket | undefined => {
    let examined = 0
    for (const pending of retryQueue) {
      if (DispatcherState.isEligible(pending, worker, workers)) {
        retryQueue.delete(pending)
        return pending
      }
      if (++examined === maxRetryCandidates) break
    }
    if (exhausted || nextId - consumedCount >= options.bufferSize) return undefined
    const packet = options.nextPacket(
      options.packetSize ?? PacketSizing.nextSize(worker.throughput, sizing, remainingUnits)
    )
    if (packet === undefined) exhausted = true
    else if (remainingUnits !== undefined) remainingUnits = Math.max(0, remainingUnits - packet.units)
    return packet && add(packet)
  }

  const assignTo = (worker: WorkerState, maxPackets: number) => {
    if (DispatcherState.isBackedOff(worker, workers, now, options.leaseMillis)) return
    const tasks = assignments.get(worker) ?? []
    for (
      let count = 0;
      count < maxPackets && DispatcherState.isUsable(worker) && DispatcherState.hasCapacity(worker);
      count++
    ) {
      const pending =
        nextFor(worker) ??
        (DispatcherState.isIdle(worker)
          ? DispatcherState.straggler(worker, workers, now, options.targetMillis / 4)
          : undefined)
      if (pending === undefined) break
      const lease: DispatcherState.Lease<Packet> = { pending, sentAt: now, state: "active", revokedAt: now }
      pending.leases.push(lease)
      worker.leases.set(pending.id, lease)
      tasks.push(pending)
    }
    if (!DispatcherState.isUsable(worker) || !DispatcherState.hasCapacity(worker)) available.delete(worker)
    if (tasks.length > 0) assignments.set(worker, tasks)
  }

  /** Assigns packets: one to each idle worker first, so that the last packets of a run are spread. */
  const assign = () => {
    for (const worker of available) if (DispatcherState.isIdle(worker)) assignTo(worker, 1)
    for (const worker of available) assignTo(worker, Number.POSITIVE_INFINITY)
    if (exhausted && unfinished.size === 0 && outOfOrder.size === 0) return finish({ _tag: "Finished" })
    if (workers.some(({ state }) => state !== "gone")) return
    finish({ _tag: "NoWorkers", causes: workers.map(({ lossMessage, name }) => `${name}: ${lossMessage}`) })
  }

  return {
    step: (events, time) => {
      now = time
      actions = []
      finalAction = undefined
      cancelled = new Map()
      assignments = new Map()
      for (const event of events) if (!isOver) receive(event)
      if (!isOver) assign()
      for (const [{ index }, ids] of cancelled) actions.push({ _tag: "Cancel", worker: index, ids })
      for (const [{ index }, tasks] of assignments) actions.push({ _tag: "Run", worker: index, tasks })
      return finalAction === undefined ? actions : [...actions, finalAction]
    },
    isPending: (id) => unfinished.has(id),
    unmerged: () =>
      [...unfinished.values(), ...Array.from(outOfOrder.values(), ({ pending }) => pending)].sort(
        (one, two) => one.id - two.id
      ),
    workers
  }
}
