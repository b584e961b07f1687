/** The driver of one run: connects a dispatcher with the workers and the clock. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import { constVoid } from "effect/Function"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as ServerEvents from "../network/ServerEvents.ts"
import * as Sweeper from "../network/Sweeper.ts"
import * as EventLoopDelay from "../process/EventLoopDelay.ts"
import * as Dispatcher from "./dispatcher/Dispatcher.ts"
import type * as DispatcherEvent from "./dispatcher/DispatcherEvent.ts"
import * as DispatcherSlow from "./dispatcher/DispatcherSlow.ts"
import type { EncodedPacket } from "./EncodedPacket.ts"
import { FarmError, MergeFailed, NoWorkers, PoisonPacket, type Reason, SplitFailed, singleLine } from "./FarmError.ts"
import * as FarmMetrics from "./FarmMetrics.ts"
import type { RunSettings } from "./FarmOptions.ts"
import * as FarmSettings from "./FarmSettings.ts"
import type { SizedPacket, Work } from "./Job.ts"
import type { PacketSource } from "./PacketSource.ts"
import * as PacketSpans from "./PacketSpans.ts"
import * as Progress from "./Progress.ts"
import * as WorkerScope from "./pool/WorkerScope.ts"
import * as RetryDelay from "./RetryDelay.ts"
import type { Report, Worker, WorkerPool } from "./Worker.ts"

/** A run to start. */
export interface Plan<Packet, Result> {
  readonly work: Work<Packet, Result>
  readonly source: PacketSource<Packet>
  readonly pool: WorkerPool
  readonly settings: RunSettings
  /** Units that are split off already, by the run that wrote the checkpoint: `source` does not return them again. */
  readonly splitUnits: number
  /** Packets of `splitUnits` that are not finished. */
  readonly restored: ReadonlyArray<SizedPacket<EncodedPacket<Packet>>>
  /** True if results count against the buffer until `consumed` reports them. */
  readonly holdUntilConsumed: boolean
  /** True if `unmerged` returns the packets of these results, too. */
  readonly keepsUnconsumed: boolean
  /** Receives results; an exception fails the run. */
  readonly sink: (packet: EncodedPacket<Packet>, result: Result) => void
  /** Receives the packets that are skipped. */
  readonly onSkipped: (packet: EncodedPacket<Packet>, failure: PoisonPacket) => void
}

/** Makes the error of a `split` that threw. */
export const splitError = (id: number, cause: unknown) => new FarmError({ reason: new SplitFailed({ id, cause }) })

const tickInterval = "50 millis"

/** The ticks between two publications of the metrics: a second. */
const ticksPerPublication = 20

/** A worker that takes part in a run, until the scope closes. */
interface Attached {
  readonly worker: Worker
  readonly scope: Scope.Closeable
}

/** The state of a run and its surroundings. */
interface Driver<Packet, Out> {
  readonly plan: Plan<Packet, Out>
  readonly options: DispatcherEvent.Options<EncodedPacket<Packet>>
  readonly now: () => number
  readonly emit: ServerEvents.ServerEvents<DispatcherEvent.Notice>["emit"]
  readonly spans: PacketSpans.PacketSpans | undefined
  readonly retryDelay: RetryDelay.RetryDelay | undefined
  readonly ended: Deferred.Deferred<void, FarmError>
  /** The workers that are not gone, by their index in the dispatcher. */
  readonly workers: Map<number, Attached>
  /** The index of the next worker. */
  nextWorker: number
  /** Runs an effect on its own, which the end of the run waits for. */
  readonly fork: (effect: Effect.Effect<void>) => void
  /** The merged packets that are not consumed. */
  readonly unconsumed: Array<SizedPacket<EncodedPacket<Packet>>>
  state: Dispatcher.State<EncodedPacket<Packet>, Out>
  /** The events for the next step. */
  pending: Array<DispatcherEvent.Event<Out>>
  /** No packet is assigned before the workers of the start are attached. */
  phase: "attaching" | "idle" | "stepping" | "over"
  /** The error of the run. After `MergeFailed` the sink misses a result that the dispatcher has merged. */
  failure: Reason | undefined
  startMillis: number
  endedAtMillis: number | undefined
  /** Ends the ticks. */
  stopTicking: () => void
}

type Action<Packet, Out> = DispatcherEvent.Action<EncodedPacket<Packet>, Out>

const merge = <Packet, Out>(driver: Driver<Packet, Out>, action: Extract<Action<Packet, Out>, { _tag: "Merge" }>) => {
  const { plan, retryDelay, unconsumed } = driver
  const { id, packet, result, units } = action
  retryDelay?.forget(id)
  if (plan.keepsUnconsumed) unconsumed.push({ packet, units })
  try {
    plan.sink(packet, result)
  } catch (cause) {
    driver.failure = new MergeFailed({ id, packet: packet.encoded, cause })
  }
}

const assign = <Packet, Out>(
  { spans, workers }: Driver<Packet, Out>,
  { tasks, worker: index }: Extract<Action<Packet, Out>, { _tag: "Run" }>
) => {
  const { worker } = workers.get(index)!
  const ids = () => tasks.map(({ id }) => id)
  spans?.assigned(index, worker.name, ids())
  worker.run(
    tasks.map(({ id, packet: { encoded, transfer } }) =>
      transfer === undefined ? { id, packet: encoded } : { id, packet: encoded, transfer }
    )
  )
}

/** Emits a notice. One of a run that may never end is logged, too. */
const notify = <Packet, Out>({ emit, fork, plan }: Driver<Packet, Out>, notice: DispatcherEvent.Notice) => {
  emit(() => notice)
  if (notice._tag !== "PacketSlow") return
  fork(Effect.annotateLogs(Effect.logWarning(DispatcherSlow.textOf(notice)), { job: plan.work.name }))
}

const perform = <Packet, Out>(driver: Driver<Packet, Out>, action: Action<Packet, Out>) => {
  switch (action._tag) {
    case "Merge":
      return merge(driver, action)
    case "Notify":
      return notify(driver, action.notice)
    case "Cancel":
      return driver.workers.get(action.worker)?.worker.cancel(action.ids)
    case "Detach":
      return detach(driver, action.worker)
    case "Run":
      return assign(driver, action)
    case "Skip": {
      const { attempts, id, packet } = action
      driver.retryDelay?.forget(id)
      return driver.plan.onSkipped(packet, new PoisonPacket({ id, packet: packet.encoded, attempts }))
    }
    case "Finished":
      return end(driver, Exit.void)
    case "PoisonPacket":
      driver.failure = new PoisonPacket({ ...action, packet: action.packet.encoded })
      return
    case "NoWorkers":
      driver.failure = new NoWorkers(action)
      return
    case "SplitFailed":
      driver.failure = new SplitFailed(action)
  }
}

/** Ends the part of a worker in the run. */
const detach = <Packet, Out>({ fork, workers }: Driver<Packet, Out>, index: number) => {
  const attached = workers.get(index)
  workers.delete(index)
  if (attached !== undefined) fork(WorkerScope.closeAfterReport(attached.scope))
}

const end = <Packet, Out>(driver: Driver<Packet, Out>, exit: Exit.Exit<void, FarmError>) => {
  driver.endedAtMillis = driver.now()
  driver.stopTicking()
  Deferred.doneUnsafe(driver.ended, exit)
}

/** Applies events, and performs the actions that follow, unless a step is in progress. */
const feed = <Packet, Out>(driver: Driver<Packet, Out>, events: ReadonlyArray<DispatcherEvent.Event<Out>>) => {
  if (driver.phase === "over") return
  for (const event of events) driver.pending.push(event)
  if (driver.phase !== "idle") return
  driver.phase = "stepping"
  do {
    const batch = driver.pending
    driver.pending = []
    const [state, actions] = Dispatcher.step(driver.options, driver.state, batch, driver.now())
    driver.state = state
    for (const action of actions) if (driver.failure === undefined) perform(driver, action)
    if (driver.failure === undefined) continue
    driver.phase = "over"
    return end(driver, Exit.fail(new FarmError({ reason: driver.failure })))
  } while (driver.pending.length > 0)
  driver.phase = "idle"
}

/** Cancels every packet: all workers have received this before the finalizers of `attach` wait for one. */
const cancelAll = <Packet, Out>(driver: Driver<Packet, Out>) => {
  driver.phase = "over"
  const [state, actions] = Dispatcher.step(driver.options, driver.state, [{ _tag: "Cancel" }], driver.now())
  driver.state = state
  for (const action of actions) if (action._tag === "Cancel") perform(driver, action)
}

/** Makes the function that turns the reports of workers into events, and validates results. */
const eventsOf = <Packet, Out>(driver: Driver<Packet, Out>) => {
  const decode = Schema.decodeUnknownResult(driver.plan.work.result)
  return (worker: number, report: Report): DispatcherEvent.Event<Out> => {
    if (report._tag === "Failed") {
      const { error, id, kind = "Threw" } = report
      return { _tag: "Failed", worker, id, kind, message: singleLine(error), error }
    }
    if (report._tag !== "Done") return { ...report, worker }
    const { id, millis } = report
    // A late duplicate frees its worker's capacity; its result is not decoded.
    if (!Dispatcher.isPending(driver.state, id)) return { _tag: "Done", worker, id, result: undefined as Out, millis }
    const result = decode(report.result)
    if (Result.isSuccess(result)) return { _tag: "Done", worker, id, result: result.success, millis }
    const message = `the result does not fit its schema: ${result.failure}`
    return { _tag: "Failed", worker, id, kind: "InvalidResult", message }
  }
}

type EventOf<Out> = (worker: number, report: Report) => DispatcherEvent.Event<Out>

const receive = <Packet, Out>(
  driver: Driver<Packet, Out>,
  eventOf: EventOf<Out>,
  worker: number,
  reports: ReadonlyArray<Report>,
  before: ReadonlyArray<DispatcherEvent.Event<Out>> = []
) => {
  if (driver.spans !== undefined) for (const report of reports) driver.spans.reported(worker, report)
  feed(driver, [...before, ...reports.map((report) => eventOf(worker, report))])
}

/** Begins the part of a worker in the run, in a part of the current scope. */
const attach = Effect.fnUntraced(function* (worker: Worker, report: (reports: ReadonlyArray<Report>) => void) {
  const scope = yield* Scope.fork(yield* Effect.scope)
  yield* worker.attach(report).pipe(
    Effect.withSpanScoped("Farm.worker", { attributes: { worker: worker.name } }),
    Effect.annotateLogs({ worker: worker.name }),
    Scope.provide(scope),
    Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
  )
  const attached: Attached = { worker, scope }
  return attached
})

/** Adds a worker during the run. One that cannot take part is reported, and the run does without it. */
const join = Effect.fnUntraced(function* <Packet, Out>(
  driver: Driver<Packet, Out>,
  eventOf: EventOf<Out>,
  worker: Worker
) {
  const problem = FarmSettings.wrongJob(driver.plan.work, worker)
  if (problem !== undefined) return yield* problem
  const early: Array<Report> = []
  let index: number | undefined
  const attached = yield* attach(worker, (reports) => {
    if (index === undefined) early.push(...reports)
    else receive(driver, eventOf, index, reports)
  })
  index = driver.nextWorker++
  driver.workers.set(index, attached)
  // In one step: a worker that has said that it is lost receives no packet.
  receive(driver, eventOf, index, early, [{ _tag: "Join", info: worker }])
})

/** Adds the workers that join, until none will. */
const joining = <Packet, Out>(driver: Driver<Packet, Out>, eventOf: EventOf<Out>) =>
  Stream.mapEffect(
    driver.plan.pool.joining,
    (worker) =>
      Effect.catch(join(driver, eventOf, worker), ({ message }) =>
        Effect.sync(() => driver.emit(() => ({ _tag: "WorkerRejected", worker: worker.name, message })))
      ),
    { concurrency: "unbounded" }
  ).pipe(Stream.runDrain, Effect.ensuring(Effect.sync(() => feed(driver, [{ _tag: "JoiningEnded" }]))))

const progressOf = <Packet, Out>({ endedAtMillis, now, plan, startMillis, state }: Driver<Packet, Out>) =>
  Progress.fromWorkers(
    [...state.workers.values()],
    {
      resumedUnits: plan.splitUnits - plan.restored.reduce((all, { units }) => all + units, 0),
      startMillis,
      endMillis: endedAtMillis ?? now(),
      total: plan.source.total,
      skipped: state.skippedCount,
      retries: state.retryCount
    },
    state.forgotten
  )

/** Publishes the metrics of a run each second, and at its end. */
const publishing = Effect.fnUntraced(function* <Packet, Out>(driver: Driver<Packet, Out>) {
  const metrics = yield* FarmMetrics.make(driver.plan.work.name)
  const publish = () => metrics.publish(driver.state, progressOf(driver))
  yield* Effect.addFinalizer(() => Effect.sync(publish))
  let ticks = 0
  return () => {
    if (++ticks % ticksPerPublication === 0) publish()
  }
})

const makeDriver = Effect.fnUntraced(function* <Packet, Out>(
  plan: Plan<Packet, Out>,
  { emit, now }: Pick<Driver<Packet, Out>, "emit" | "now">
) {
  const { pool, settings } = plan
  const retryDelay = settings.retry === undefined ? undefined : yield* RetryDelay.make(settings.retry)
  const verify = yield* FarmSettings.verification(plan)
  // A pool of a fixed list has this stream.
  const mayJoin = pool.joining !== Stream.empty
  const options = FarmSettings.dispatcherOptions({ ...plan, workers: pool.workers, mayJoin }, retryDelay, verify)
  const driver: Driver<Packet, Out> = {
    ...{ plan, options, emit, now, retryDelay, spans: yield* PacketSpans.make, ended: Deferred.makeUnsafe() },
    ...{ workers: new Map(), nextWorker: pool.workers.length, fork: yield* FiberSet.makeRuntime<never>() },
    ...{ unconsumed: [], state: Dispatcher.make(options), pending: [] },
    ...{ phase: "attaching", failure: undefined, startMillis: now(), endedAtMillis: undefined },
    stopTicking: constVoid
  }
  return driver
})

/** Attaches the workers of the start, and those that join. When the scope closes all are cancelled, then detached. */
const attachAll = Effect.fnUntraced(function* <Packet, Out>(driver: Driver<Packet, Out>) {
  const { options, plan } = driver
  const eventOf = eventsOf(driver)
  const attached = yield* Effect.acquireRelease(Scope.make("parallel"), (scope, exit) => Scope.close(scope, exit))
  yield* Effect.forEach(
    plan.pool.workers,
    (worker, index) =>
      Effect.map(
        attach(worker, (reports) => receive(driver, eventOf, index, reports)),
        (one) => driver.workers.set(index, one)
      ),
    { concurrency: "unbounded", discard: true }
  ).pipe(Scope.provide(attached))
  yield* Effect.addFinalizer(() => Effect.sync(() => cancelAll(driver)))
  if (options.mayJoin === true) yield* Effect.forkScoped(Scope.provide(joining(driver, eventOf), attached))
})

/** Starts a run, which ends with the scope at the latest. */
export const begin = Effect.fnUntraced(function* <Packet, Out>(plan: Plan<Packet, Out>) {
  const { pool, settings, source, work } = plan
  const problem =
    FarmSettings.problemOf(settings, work) ??
    pool.workers.map((worker) => FarmSettings.wrongJob(work, worker)).find((one) => one !== undefined)
  if (problem !== undefined) return yield* problem
  const sweeper = yield* Sweeper.make(tickInterval)
  const { emit, events } = yield* ServerEvents.make<DispatcherEvent.Notice>()
  const driver = yield* makeDriver(plan, { emit, now: sweeper.now })
  const publishAtTicks = yield* publishing(driver)
  yield* attachAll(driver)
  driver.startMillis = sweeper.now()
  const { leaseMillis, timeoutMillis = leaseMillis } = driver.options
  const delay = EventLoopDelay.make(Math.min(leaseMillis, timeoutMillis), sweeper.now)
  driver.stopTicking = sweeper.add(() => {
    feed(driver, [{ _tag: "Tick", lateMillis: delay.take() }])
    publishAtTicks()
  })
  driver.phase = "idle"
  feed(driver, [])
  yield* Effect.forkScoped(source.fetch(() => feed(driver, [{ _tag: "Refilled" }])))
  return {
    ...ServerEvents.observable(
      events,
      Effect.sync(() => progressOf(driver))
    ),
    ended: Deferred.await(driver.ended),
    /** Tells the run that its source has packets again. */
    refilled: () => feed(driver, [{ _tag: "Refilled" }]),
    consumed: (count: number) => {
      if (plan.keepsUnconsumed) driver.unconsumed.splice(0, count)
      feed(driver, [{ _tag: "Consumed", count }])
    },
    /** Ends packets whose results are not needed any more. */
    drop: (isUnneeded: (packet: EncodedPacket<Packet>) => boolean) => {
      const ids = Array.from(driver.state.unfinished.values()).flatMap(({ id, packet }) =>
        isUnneeded(packet) ? [id] : []
      )
      for (const id of ids) driver.retryDelay?.forget(id)
      feed(
        driver,
        ids.map((id) => ({ _tag: "Drop", id }))
      )
    },
    /** Returns the units split off and the packets not merged; `undefined` once a result could not be merged. */
    unmerged: () => {
      if (driver.failure?._tag === "MergeFailed") return undefined
      const unfinished = [...driver.unconsumed, ...Dispatcher.unmerged(driver.state)]
      return { splitUnits: plan.splitUnits + driver.state.splitUnits, unfinished }
    }
  }
})
