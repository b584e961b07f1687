/** The invariants of a dispatcher's state, which hold after every step. */
import type { State } from "../../../src/farm/dispatcher/Dispatcher.ts"
import type { Options } from "../../../src/farm/dispatcher/DispatcherEvent.ts"
import * as DispatcherState from "../../../src/farm/dispatcher/DispatcherState.ts"

type WorkerState = DispatcherState.WorkerState<unknown>
type PendingPacket = DispatcherState.PendingPacket<unknown>

const distinct = (values: ReadonlyArray<unknown>) => new Set(values).size === values.length

/** The invariants of one worker: `[name, true if it holds]`. */
const workerInvariants = ({ available, unfinished }: State<unknown, unknown>, worker: WorkerState) => {
  const { begun, capacity, expired, index, leases, state, workingId } = worker
  const active = [...leases.entries.values()].filter(({ pending }) => !leases.cancelledAt.has(pending.id))
  const mayReceive = DispatcherState.isUsable(worker) && DispatcherState.hasCapacity(worker)
  return [
    ["a lease is under the id of its packet", [...leases.entries].every(([id, { pending }]) => pending.id === id)],
    ["a cancelled lease is in flight", [...leases.cancelledAt.keys()].every((id) => leases.entries.has(id))],
    ["an expired lease is cancelled", [...expired].every((id) => leases.cancelledAt.has(id))],
    ["a begun lease is in flight", [...begun.keys(), workingId].every((id) => id === -1 || leases.entries.has(id))],
    ["an active lease is that of an unfinished packet", active.every(({ pending }) => unfinished.has(pending.id))],
    ["the holder of an active lease is its worker", active.every(({ pending }) => pending.holders.includes(index))],
    ["leases are within the capacity", leases.entries.size <= capacity],
    ["a worker that may receive packets is available", !mayReceive || available.has(worker)],
    ["a worker that is not ready has no leases", state === "ready" || leases.entries.size === 0]
  ] as const
}

/** The invariants of the packets. */
const packetInvariants = (
  { bufferSize, maxAttempts, ordered, restored = [], verify }: Options<unknown>,
  state: State<unknown, unknown>
) => {
  const { consumedCount, delayed, doubtful, end, goneWorkers, held, liveCount, mergedCount } = state
  const { nextId, outOfOrder, rejectedHosts, retryQueue, unfinished, workers } = state
  const packets = [...unfinished.values()]
  const places = (one: PendingPacket) =>
    Number(one.holders.length > 0) + Number(retryQueue.has(one)) + Number(delayed.has(one))
  const isActive = (id: number, index: number) => {
    const { leases } = workers.get(index)!
    return leases.entries.has(id) && !leases.cancelledAt.has(id)
  }
  return [
    ["a packet is under its id", [...unfinished].every(([id, pending]) => pending.id === id && id < nextId)],
    ["a holder has an active lease", packets.every(({ holders, id }) => holders.every((one) => isActive(id, one)))],
    ["a worker holds a packet once", packets.every(({ holders }) => new Set(holders).size === holders.length)],
    ["a packet has a holder or waits for one", end !== undefined || packets.every((one) => places(one) === 1)],
    ["a waiting packet is unfinished", [...retryQueue, ...delayed].every((one) => unfinished.get(one.id) === one)],
    [
      "a doubtful packet has a holder",
      end !== undefined || [...doubtful].every(({ holders, id }) => unfinished.has(id) && holders.length > 0)
    ],
    [
      "a waiting packet has attempts left",
      [...retryQueue].every(({ failures }) => (failures?.attempts.length ?? 0) < maxAttempts)
    ],
    [
      "each attempt has a worker",
      packets.every(({ failures }) => failures?.attempts.length === failures?.failedOn.length)
    ],
    ["each vote is of another host", packets.every(({ votes = [] }) => distinct(votes.map(({ host }) => host)))],
    ["only an ordered run holds results back", ordered || outOfOrder.size === 0],
    ["only a verified run keeps results to its end", verify !== undefined || held.size === 0],
    ["a result is held back for earlier ones", held.size > 0 || [...outOfOrder.keys()].every((id) => id > mergedCount)],
    ["every packet is counted once", unfinished.size + outOfOrder.size + held.size + mergedCount === nextId],
    ["only merged results are consumed", consumedCount <= mergedCount],
    [
      "packets are within the buffer, unless those of a host are done again",
      rejectedHosts.size > 0 || nextId - consumedCount - held.size <= Math.max(bufferSize, restored.length)
    ],
    ["live workers are counted", liveCount === workers.size - goneWorkers.length],
    ["the workers that are gone are known", goneWorkers.every((one) => one.state === "gone" && workers.has(one.index))],
    ["nothing runs after the end", end === undefined || packets.every(({ holders }) => holders.length === 0)],
    ["nothing is left at the end", end?._tag !== "Finished" || unfinished.size + outOfOrder.size + held.size === 0]
  ] as const
}

/** Returns the invariants that do not hold. */
export const violations = (options: Options<unknown>, state: State<unknown, unknown>): ReadonlyArray<string> => [
  ...packetInvariants(options, state).flatMap(([name, holds]) => (holds ? [] : [name])),
  ...[...state.workers.values()].flatMap((worker) =>
    workerInvariants(state, worker).flatMap(([name, holds]) => (holds ? [] : [`${name}: ${worker.name}`]))
  )
]
