/**
 * A farm of many hosts in virtual time: the dispatcher of the library assigns packets to simulated workers. Messages
 * take the time of their network. Hosts are slow, crash, leave, join and are cut off, from a seed.
 */
import * as Dispatcher from "../../../src/farm/dispatcher/Dispatcher.ts"
import type { Action, Options as DispatcherOptions, Event } from "../../../src/farm/dispatcher/DispatcherEvent.ts"
import * as GoneWorkers from "../../../src/farm/dispatcher/GoneWorkers.ts"
import * as Job from "../../../src/farm/Job.ts"
import * as EventHeap from "../../../src/simulation/runtime/EventHeap.ts"

/** The hosts of a run and their faults. Times are in seconds of virtual time. */
export interface Plan {
  readonly seed: number
  readonly hosts: number
  readonly threadsPerHost: number
  /** The time of the whole run on hosts of the mean speed that never fail. */
  readonly seconds: number
  /** The time that a packet should take. */
  readonly packetSeconds: number
  /** The fraction of the packets that take ten times as long as their size says. */
  readonly stragglers?: number | undefined
  /** The hosts that leave in each second for ever; as many join. */
  readonly churn?: number | undefined
  /** The fraction of the hosts that fail at `at`, and come back at `until`. */
  readonly fault?: Fault | undefined
}

interface Fault {
  /** `crash`: the connections break at once. `partition`: nothing is heard of the hosts. */
  readonly kind: "crash" | "partition"
  readonly fraction: number
  readonly at: number
  readonly until: number
}

/** The figures of a run. */
export interface Outcome {
  readonly packets: number
  readonly elapsedSeconds: number
  /** The fraction of the time of the connected threads that was spent on packets that were merged. */
  readonly efficiency: number
  /** Processor time of the dispatcher for each merged packet, of all its steps. */
  readonly cpuMicrosPerPacket: number
  /** The state of the dispatcher in the middle of the run, for each packet without a result. */
  readonly bytesPerOpenPacket: number
  readonly stateBytes: number
  /** The time from the fault until all packets that the failed hosts had were merged. */
  readonly recoverySeconds: number
  /** The packets without a result in the middle of the run. */
  readonly openPackets: number
  /** The messages on the network: packets to hosts, their outcomes, and the packets named as being worked on. */
  readonly sent: number
  readonly outcomes: number
  readonly named: number
  readonly failedAttempts: number
}

interface Task {
  readonly id: number
  readonly units: number
}

interface SimWorker {
  readonly index: number
  readonly host: SimHost
  queue: Array<Task>
  running: Task | undefined
  /** The tasks that it has begun since it was connected: work of an earlier one is void. */
  begunCount: number
}

interface SimHost {
  readonly name: string
  /** Relative to the mean. */
  readonly speed: number
  /** The time of a message in one direction, in milliseconds. */
  readonly delayMillis: number
  readonly workers: Array<SimWorker>
  /** Counts the connections: a message of an earlier one is void. */
  epoch: number
  isConnected: boolean
}

type Packet = { readonly from: number; readonly to: number }

/** The state of a simulation. */
interface Simulation {
  readonly plan: Plan
  readonly random: () => number
  readonly events: EventHeap.EventHeap
  readonly options: DispatcherOptions<Packet>
  readonly hosts: Array<SimHost>
  readonly workers: Array<SimWorker>
  /** The packets that the failed hosts had and that are not merged. */
  readonly missing: Set<number>
  state: Dispatcher.State<Packet, number>
  nowMillis: number
  hasEnded: boolean
  stepMillis: number
  connectedMillis: number
  packets: number
  recoveredAtMillis: number
  sent: number
  outcomes: number
  named: number
  failedAttempts: number
  /** The time of the measurement in the middle of the run, which does not count. */
  measuring: { readonly wall: number; readonly cpu: number }
  middle: { readonly bytes: number; readonly openPackets: number } | undefined
}

const capacityPackets = 32
const leaseMillis = 10_000
const tickMillis = 50

/** The time of a unit on a thread of the mean speed. */
const unitMillis = 10

const mulberry32 = (seed: number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const makeHost = (number: number, threads: number, firstIndex: number, random: () => number): SimHost => {
  const host: SimHost = {
    ...{ name: `host ${number}`, speed: 0.5 + random(), delayMillis: 0.2 + 20 * random() ** 3 },
    ...{ workers: [], epoch: 0, isConnected: true }
  }
  for (let thread = 0; thread < threads; thread++) {
    host.workers.push({ index: firstIndex + thread, host, queue: [], running: undefined, begunCount: 0 })
  }
  return host
}

const infoOf = ({ delayMillis, name }: SimHost) => ({
  ...{ name, host: name, capacity: capacityPackets, latencyMillis: 2 * delayMillis, reportsEachBegin: true }
})

const after = ({ events, nowMillis }: Simulation, millis: number, act: () => void) =>
  void EventHeap.schedule(events, nowMillis + millis, act)

/** Executes an action on the way to or from a host, unless its connection has ended by then. */
const afterDelay = (sim: Simulation, host: SimHost, act: () => void) => {
  const { epoch } = host
  after(sim, host.delayMillis, () => {
    if (host.epoch === epoch && host.isConnected) act()
  })
}

const feed = (sim: Simulation, events: ReadonlyArray<Event<number>>) => {
  if (sim.hasEnded) return
  const began = performance.now()
  const [state, actions] = Dispatcher.step(sim.options, sim.state, events, sim.nowMillis)
  sim.stepMillis += performance.now() - began
  sim.state = state
  for (const action of actions) perform(sim, action)
}

const merge = (sim: Simulation, { id }: Extract<Action<Packet, number>, { _tag: "Merge" }>) => {
  sim.packets++
  if (sim.missing.delete(id) && sim.missing.size === 0) sim.recoveredAtMillis = sim.nowMillis
}

const perform = (sim: Simulation, action: Action<Packet, number>) => {
  switch (action._tag) {
    case "Merge":
      return merge(sim, action)
    case "Run": {
      const worker = sim.workers[action.worker]!
      const tasks = action.tasks.map(({ id, packet: { from, to } }) => ({ id, units: to - from }))
      sim.sent += tasks.length
      return afterDelay(sim, worker.host, () => {
        worker.queue.push(...tasks)
        beginNext(sim, worker)
      })
    }
    case "Cancel": {
      const worker = sim.workers[action.worker]!
      return afterDelay(sim, worker.host, () => cancel(sim, worker, action.ids))
    }
    case "Notify":
      if (action.notice._tag === "AttemptFailed") sim.failedAttempts++
      return
    case "Detach":
      return
    case "Finished":
      sim.hasEnded = true
      return
    default:
      throw new Error(`the simulated run ended with ${action._tag}`)
  }
}

const report = (sim: Simulation, { host }: SimWorker, events: ReadonlyArray<Event<number>>) => {
  for (const { _tag } of events) {
    if (_tag === "Working") sim.named++
    else if (_tag !== "Alive") sim.outcomes++
  }
  afterDelay(sim, host, () => feed(sim, events))
}

const cancel = (sim: Simulation, worker: SimWorker, ids: ReadonlyArray<number>) => {
  const waiting = worker.queue.filter(({ id }) => ids.includes(id))
  worker.queue = worker.queue.filter(({ id }) => !ids.includes(id))
  const running = worker.running !== undefined && ids.includes(worker.running.id) ? [worker.running] : []
  if (running.length > 0) worker.running = undefined
  const stopped = [...waiting, ...running].map(
    ({ id }): Event<number> => ({ _tag: "Stopped", worker: worker.index, id })
  )
  if (stopped.length > 0) report(sim, worker, stopped)
  if (running.length > 0) beginNext(sim, worker)
}

const beginNext = (sim: Simulation, worker: SimWorker) => {
  const { host, index } = worker
  if (worker.running !== undefined) return
  const task = worker.queue.shift()
  if (task === undefined) return
  const { plan, random } = sim
  const isStraggler = random() < (plan.stragglers ?? 0)
  const millis = ((task.units * unitMillis) / host.speed) * (0.9 + 0.2 * random()) * (isStraggler ? 10 : 1)
  const number = ++worker.begunCount
  worker.running = task
  report(sim, worker, [{ _tag: "Working", worker: index, id: task.id }])
  after(sim, millis, () => {
    if (worker.begunCount !== number || worker.running !== task) return
    worker.running = undefined
    report(sim, worker, [{ _tag: "Done", worker: index, id: task.id, result: task.units, millis }])
    beginNext(sim, worker)
  })
}

/** Each host names the packets that its threads work on once a second, and all its threads are well. */
const beat = (sim: Simulation, host: SimHost) => {
  if (!host.isConnected) return
  const { epoch } = host
  for (const worker of host.workers) {
    const alive: Event<number> = { _tag: "Alive", worker: worker.index }
    const { running } = worker
    report(
      sim,
      worker,
      running === undefined ? [alive] : [alive, { _tag: "Working", worker: worker.index, id: running.id }]
    )
  }
  after(sim, 1_000, () => {
    if (host.epoch === epoch) beat(sim, host)
  })
}

/** Ends the connection of a host: what its threads had is void. */
const disconnect = (host: SimHost): ReadonlyArray<readonly [worker: SimWorker, running: ReadonlyArray<number>]> => {
  host.epoch++
  host.isConnected = false
  return host.workers.map((worker) => {
    const running = worker.running === undefined ? [] : [worker.running.id]
    worker.queue = []
    worker.running = undefined
    worker.begunCount++
    return [worker, running]
  })
}

const loseAll = (sim: Simulation, lost: ReturnType<typeof disconnect>, change: "Lost" | "Gone", message: string) => {
  for (const [{ index }, running] of lost) feed(sim, [{ _tag: change, worker: index, message, running }])
}

const connect = (sim: Simulation, host: SimHost) => {
  host.isConnected = true
  for (const { index } of host.workers) feed(sim, [{ _tag: "Ready", worker: index }])
  after(sim, 1_000 * sim.random(), () => beat(sim, host))
}

/** Fails some hosts, and lets them come back. */
const failHosts = (sim: Simulation, { fraction, kind, until }: Fault) => {
  const failed = sim.hosts.filter(() => sim.random() < fraction)
  for (const { workers } of failed) {
    for (const { index } of workers)
      for (const id of sim.state.workers.get(index)!.leases.entries.keys()) sim.missing.add(id)
  }
  for (const host of failed) {
    const lost = disconnect(host)
    if (kind === "crash") loseAll(sim, lost, "Lost", "it crashed")
    else after(sim, leaseMillis, () => loseAll(sim, lost, "Lost", "no sign of life"))
    after(sim, 1_000 * until - sim.nowMillis, () => connect(sim, host))
  }
}

/** Lets a host leave for ever, and another one join. */
const replaceHost = (sim: Simulation) => {
  const { hosts, plan, random, workers } = sim
  const at = Math.floor(random() * hosts.length)
  const old = hosts[at]!
  loseAll(sim, disconnect(old), "Gone", "it left")
  const host = makeHost(workers.length, plan.threadsPerHost, workers.length, random)
  hosts[at] = host
  for (const worker of host.workers) {
    workers.push(worker)
    feed(sim, [{ _tag: "Join", info: infoOf(host) }])
  }
  after(sim, 1_000 * random(), () => beat(sim, host))
}

const every = (sim: Simulation, millis: number, act: () => void) =>
  after(sim, millis, () => {
    if (sim.hasEnded) return
    act()
    every(sim, millis, act)
  })

/** Measures the heap that a copy of the dispatcher's state takes. */
const measureState = (sim: Simulation, collect: () => void) => {
  const spent = startTimes()
  collect()
  const before = process.memoryUsage().heapUsed
  const copy = structuredClone(sim.state)
  collect()
  sim.middle = { bytes: process.memoryUsage().heapUsed - before, openPackets: copy.unfinished.size }
  sim.measuring = spent()
}

/** Starts to count: the result returns the milliseconds since then, of the clock and of the processor. */
const startTimes = () => {
  const began = performance.now()
  const cpu = process.cpuUsage()
  return () => {
    const { system, user } = process.cpuUsage(cpu)
    return { wall: performance.now() - began, cpu: (system + user) / 1_000 }
  }
}

const make = (plan: Plan): Simulation => {
  const { hosts: hostCount, packetSeconds, seconds, seed, threadsPerHost } = plan
  const random = mulberry32(seed)
  const hosts = Array.from({ length: hostCount }, (_, at) => makeHost(at, threadsPerHost, at * threadsPerHost, random))
  const workers = hosts.flatMap((host) => host.workers)
  const speed = workers.reduce((sum, { host }) => sum + host.speed, 0)
  const units = Math.floor((speed * seconds * 1_000) / unitMillis)
  const splitter = Job.range(0, units)
  const options: DispatcherOptions<Packet> = {
    ...{ leaseMillis, maxAttempts: 1_000, ordered: false, holdUntilConsumed: false },
    ...{ bufferSize: Number.POSITIVE_INFINITY, targetMillis: 1_000 * packetSeconds, initialSize: 10 },
    ...{ totalUnits: units, mayJoin: true, workers: workers.map(({ host }) => infoOf(host)), nextPacket: splitter.next }
  }
  return {
    ...{ plan, random, hosts, workers, options, events: EventHeap.make(), missing: new Set() },
    ...{ state: Dispatcher.make(options), nowMillis: 0, hasEnded: false, stepMillis: 0, connectedMillis: 0 },
    ...{ packets: 0, recoveredAtMillis: 0, sent: 0, outcomes: 0, named: 0, failedAttempts: 0 },
    ...{ middle: undefined, measuring: { wall: 0, cpu: 0 } }
  }
}

/** Runs a plan to its end. `collect` collects all garbage. */
export const run = (plan: Plan, collect: () => void): Outcome => {
  const sim = make(plan)
  const spent = startTimes()
  const { churn = 0, fault, seconds } = plan
  feed(sim, [])
  for (const host of sim.hosts) after(sim, 1_000 * sim.random(), () => beat(sim, host))
  every(sim, tickMillis, () => {
    for (const { isConnected, workers } of sim.hosts)
      if (isConnected) sim.connectedMillis += workers.length * tickMillis
    feed(sim, [{ _tag: "Tick" }])
  })
  if (churn > 0) every(sim, 1_000 / churn, () => replaceHost(sim))
  if (fault !== undefined) after(sim, 1_000 * fault.at, () => failHosts(sim, fault))
  after(sim, 500 * seconds, () => measureState(sim, collect))
  while (!sim.hasEnded) {
    const next = EventHeap.peek(sim.events)
    if (next === undefined) throw new Error("the simulated run stands still")
    sim.nowMillis = next.time
    EventHeap.take(sim.events, next.time)!()
  }
  let { busyMillis } = GoneWorkers.sum(sim.state.forgotten)
  for (const worker of sim.state.workers.values()) busyMillis += worker.busyMillis
  const all = spent()
  // The share of the steps, because other load of the machine counts for the clock and not for the processor.
  const stepShare = sim.stepMillis / (all.wall - sim.measuring.wall)
  return {
    packets: sim.packets,
    elapsedSeconds: sim.nowMillis / 1_000,
    efficiency: busyMillis / sim.connectedMillis,
    cpuMicrosPerPacket: (1_000 * stepShare * (all.cpu - sim.measuring.cpu)) / sim.packets,
    bytesPerOpenPacket: sim.middle!.bytes / sim.middle!.openPackets,
    stateBytes: sim.middle!.bytes,
    recoverySeconds: fault === undefined ? 0 : sim.recoveredAtMillis / 1_000 - fault.at,
    openPackets: sim.middle!.openPackets,
    ...{ sent: sim.sent, outcomes: sim.outcomes, named: sim.named },
    failedAttempts: sim.failedAttempts
  }
}
