/**
 * Who does which packet: a state machine without effects or a clock. It is told what happens and when, and says what to
 * do. Every packet is merged exactly once: the first result counts, and an id that has had one is not known any more,
 * so that memory holds the packets under way and not those that are done.
 *
 * The state is changed in place, and takes the same time for each event however many packets there were.
 */

import type { Attempt } from "../FarmError.ts"
import type { SizedPacket } from "../Job.ts"
import type { Action, Event, Options } from "./DispatcherEvent.ts"
import * as DispatcherState from "./DispatcherState.ts"
import * as PacketSizing from "./PacketSizing.ts"

/** A dispatcher. @category models @since 0.1.0 */
export interface Dispatcher<Packet, Result> {
  /** `now` never goes back. The first step, which may be one without events, hands out the first packets. */
  readonly step: (events: ReadonlyArray<Event<Result>>, now: number) => ReadonlyArray<Action<Packet, Result>>
  /** Whether a result for this id would still count. */
  readonly isPending: (id: number) => boolean
  /** The packets that are cut and not merged, by id. */
  readonly unmerged: () => ReadonlyArray<SizedPacket<Packet>>
  /** What counted, in all and for each worker; `busy` in milliseconds of work. */
  readonly workers: ReadonlyArray<
    Readonly<Pick<DispatcherState.WorkerState<Packet>, "name" | "state" | "packets" | "units" | "busyMillis">>
  >
}

/** So many packets that failed are looked at for one that suits a worker. */
const maxRetryCandidates = 8

/** Makes a dispatcher whose workers are all ready. @category constructors @since 0.1.0 */
export const make = <Packet, Result>(options: Options<Packet>): Dispatcher<Packet, Result> => {
  type WorkerState = DispatcherState.WorkerState<Packet>
  type PendingPacket = DispatcherState.PendingPacket<Packet>
  const workers = options.workers.map((info, index): WorkerState => DispatcherState.makeWorkerState(info, index))
  const available = new Set(workers)
  const unfinished = new Map<number, PendingPacket>()
  const retryQueue = new Set<PendingPacket>()
  /** Results that wait for those before them. */
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

  /** The result of this copy is not waited for, and the worker is told so. */
  const revoke = (worker: WorkerState, lease: DispatcherState.Lease<Packet>, state: "cancelled" | "expired") => {
    if (lease.state !== "active") return
    lease.state = state
    lease.revokedAt = now
    if (state === "expired") worker.expiredLeases++
    const { leases, id } = lease.pending
    leases.splice(leases.indexOf(lease), 1)
    const dropped = cancelled.get(worker)
    if (dropped === undefined) cancelled.set(worker, [id])
    else dropped.push(id)
  }

  /** The worker does not have it any more. */
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

  const succeed = (worker: WorkerState, id: number, result: Result, claimed: number) => {
    const lease = endLease(worker, id)
    if (lease === undefined) return
    const { pending, sentAt } = lease
    const millis = Math.max(0, Math.min(claimed || 0, now - sentAt))
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

  /** Work goes in order, so that what waits behind the oldest is not to blame for being late. */
  const expireLeases = (worker: WorkerState) => {
    let oldest = true
    for (const lease of worker.leases.values()) {
      if (lease.sentAt + options.leaseMillis > now) return
      if (lease.state !== "active") {
        if (lease.revokedAt + options.leaseMillis > now) continue
        return loseWorker(worker, "gone", `packet ${lease.pending.id} was cancelled, and it does not stop`)
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
          event._tag === "Failed" ? ([event.kind, event.message] as const) : (["Lost", "stopped unasked"] as const)
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
    let looked = 0
    for (const pending of retryQueue) {
      if (DispatcherState.isEligible(pending, worker, workers)) {
        retryQueue.delete(pending)
        return pending
      }
      if (++looked === maxRetryCandidates) break
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

  /** Who has nothing comes first, so that the last packets are spread. */
  const assign = () => {
    for (const worker of available) if (DispatcherState.isIdle(worker)) assignTo(worker, 1)
    for (const worker of available) assignTo(worker, Number.POSITIVE_INFINITY)
    if (exhausted && unfinished.size === 0 && outOfOrder.size === 0) return finish({ _tag: "Finished" })
    if (workers.some(({ state }) => state !== "gone")) return
    finish({ _tag: "NoWorkers", causes: workers.map(({ lossMessage: message, name }) => `${name}: ${message}`) })
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
    workers: workers
  }
}
