/** The driver of one run: connects a dispatcher with the workers and the clock. */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as ServerEvents from "../network/ServerEvents.ts"
import * as Sweeper from "../network/Sweeper.ts"
import * as Dispatcher from "./dispatcher/Dispatcher.ts"
import type * as DispatcherEvent from "./dispatcher/DispatcherEvent.ts"
import type { EncodedPacket } from "./EncodedPacket.ts"
import {
  FarmError,
  InvalidOptions,
  MergeFailed,
  NoWorkers,
  PoisonPacket,
  type Reason,
  SplitFailed,
  singleLine,
  WrongJob
} from "./FarmError.ts"
import type { Options } from "./FarmOptions.ts"
import type { SizedPacket, Splitter, Work } from "./Job.ts"
import * as PacketSpans from "./PacketSpans.ts"
import * as Progress from "./Progress.ts"
import type { Report, Worker } from "./Worker.ts"

type Settings = Omit<Options, "workers">

/** A run to start. */
export interface Plan<Packet, Result> {
  readonly work: Work<Packet, Result>
  readonly splitter: Splitter<Packet>
  readonly workers: ReadonlyArray<Worker>
  readonly settings: Settings
  /** Units that are split off already, by the run that wrote the checkpoint: `splitter` does not return them again. */
  readonly splitUnits: number
  /** Packets of `splitUnits` that are not finished. */
  readonly restored: ReadonlyArray<SizedPacket<EncodedPacket<Packet>>>
  /** True if results count against `bufferSize` until `consumed` reports them. */
  readonly holdUntilConsumed: boolean
  /** Receives results; an exception fails the run. */
  readonly sink: (packet: Packet, result: Result) => void
}

const nameOf = ({ name, version }: { readonly name: string; readonly version: number }) => `${name} ${version}`

const invalid = (message: string) => new FarmError({ reason: new InvalidOptions({ message }) })

const problemOf = ({
  settings,
  work,
  workers
}: Pick<Plan<never, never>, "settings" | "workers"> & { work: { name: string; version: number } }) => {
  if (workers.length === 0) return invalid("invalid worker count 0: must be at least 1")
  for (const name of ["maxAttempts", "packetSize", "bufferSize"] as const) {
    const value = settings[name] ?? 1
    if (!(Number.isInteger(value) && value > 0)) {
      return invalid(`invalid ${name} ${value}: must be a whole number, at least 1`)
    }
  }
  const wrong = workers.find(({ job }) => nameOf(job) !== nameOf(work))
  return wrong === undefined
    ? undefined
    : new FarmError({ reason: new WrongJob({ worker: wrong.name, has: nameOf(wrong.job), wanted: nameOf(work) }) })
}

/** Makes the error of a `split` that threw. */
export const splitError = (id: number, cause: unknown) => new FarmError({ reason: new SplitFailed({ id, cause }) })

const tickInterval = "50 millis"

/** The state of a run and its surroundings. */
interface Driver<Packet, Out> {
  readonly plan: Plan<Packet, Out>
  readonly options: DispatcherEvent.Options<EncodedPacket<Packet>>
  readonly now: () => number
  readonly emit: ServerEvents.ServerEvents<DispatcherEvent.Notice>["emit"]
  readonly spans: PacketSpans.PacketSpans | undefined
  readonly ended: Deferred.Deferred<void, FarmError>
  state: Dispatcher.State<EncodedPacket<Packet>, Out>
  /** The events for the next step. */
  pending: Array<DispatcherEvent.Event<Out>>
  /** No packet is assigned before every worker is attached. */
  phase: "attaching" | "idle" | "stepping" | "over"
  /** The error of the run. After `MergeFailed` the sink misses a result that the dispatcher has merged. */
  failure: Reason | undefined
  endedAtMillis: number | undefined
}

const dispatcherOptions = <Packet, Out>({
  holdUntilConsumed,
  restored,
  settings,
  splitter,
  splitUnits,
  work,
  workers
}: Plan<Packet, Out>): DispatcherEvent.Options<EncodedPacket<Packet>> => {
  const encode = Schema.encodeSync(work.packet)
  return {
    workers,
    nextPacket: (size) => {
      const next = splitter.next(size)
      if (next === undefined) return undefined
      const { packet, units } = next
      if (!(units >= 1)) throw new Error(`invalid packet of ${units} units: \`next\` must return at least 1`)
      return { packet: { packet, encoded: encode(packet) }, units }
    },
    totalUnits: splitter.total === undefined ? undefined : Math.max(0, splitter.total - splitUnits),
    restored,
    leaseMillis: Duration.toMillis(settings.lease ?? "30 seconds"),
    maxAttempts: settings.maxAttempts ?? 3,
    ordered: settings.ordered ?? false,
    holdUntilConsumed,
    bufferSize: settings.bufferSize ?? Number.POSITIVE_INFINITY,
    targetMillis: Duration.toMillis(settings.targetDuration ?? "100 millis"),
    initialSize: splitter.initialSize ?? 1,
    packetSize: settings.packetSize
  }
}

const perform = <Packet, Out>(
  driver: Driver<Packet, Out>,
  action: DispatcherEvent.Action<EncodedPacket<Packet>, Out>
) => {
  const { sink, workers } = driver.plan
  switch (action._tag) {
    case "Merge":
      try {
        sink(action.packet.packet, action.result)
      } catch (cause) {
        driver.failure = new MergeFailed({ id: action.id, packet: action.packet.encoded, cause })
      }
      return
    case "Notify":
      return driver.emit(() => action.notice)
    case "Cancel":
      return workers[action.worker]!.cancel(action.ids)
    case "Run": {
      const tasks = action.tasks.map(({ id, packet }) => ({ id, packet: packet.encoded }))
      const worker = workers[action.worker]!
      driver.spans?.assigned(
        action.worker,
        worker.name,
        tasks.map(({ id }) => id)
      )
      return worker.run(tasks)
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

const end = <Packet, Out>(driver: Driver<Packet, Out>, exit: Exit.Exit<void, FarmError>) => {
  driver.endedAtMillis = driver.now()
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

/** Begins the part of a worker in the run. */
const attach = <Packet, Out>(driver: Driver<Packet, Out>, worker: Worker, index: number) => {
  const decode = Schema.decodeUnknownResult(driver.plan.work.result)
  const eventOf = (report: Report): DispatcherEvent.Event<Out> => {
    if (report._tag !== "Done") {
      if (report._tag !== "Failed") return { ...report, worker: index }
      const { error, id } = report
      return { _tag: "Failed", worker: index, id, kind: "Threw", message: singleLine(error), error }
    }
    const { id, millis } = report
    // A late duplicate frees its worker's capacity; its result is not decoded.
    if (!Dispatcher.isPending(driver.state, id)) {
      return { _tag: "Done", worker: index, id, result: undefined as Out, millis }
    }
    const result = decode(report.result)
    if (Result.isSuccess(result)) return { _tag: "Done", worker: index, id, result: result.success, millis }
    const message = `the result does not fit its schema: ${result.failure}`
    return { _tag: "Failed", worker: index, id, kind: "InvalidResult", message }
  }
  return worker
    .attach((reports) => {
      if (driver.spans !== undefined) for (const report of reports) driver.spans.reported(index, report)
      feed(driver, reports.map(eventOf))
    })
    .pipe(
      Effect.withSpanScoped("Farm.worker", { attributes: { worker: worker.name } }),
      Effect.annotateLogs({ worker: worker.name })
    )
}

const progressOf = <Packet, Out>(
  { endedAtMillis, now, plan, state }: Driver<Packet, Out>,
  startMillis: number
): Progress.Progress =>
  Progress.fromWorkers(state.workers, {
    resumedUnits: plan.splitUnits - plan.restored.reduce((all, { units }) => all + units, 0),
    elapsedMillis: (endedAtMillis ?? now()) - startMillis,
    total: plan.splitter.total
  })

/** Starts a run, which ends with the scope at the latest. */
export const begin = Effect.fnUntraced(function* <Packet, Out>(plan: Plan<Packet, Out>) {
  const problem = problemOf(plan)
  if (problem !== undefined) return yield* problem
  const sweeper = yield* Sweeper.make(tickInterval)
  const { emit, events } = yield* ServerEvents.make<DispatcherEvent.Notice>()
  const options = dispatcherOptions(plan)
  const driver: Driver<Packet, Out> = {
    ...{ plan, options, emit, spans: yield* PacketSpans.make, now: sweeper.now, ended: Deferred.makeUnsafe() },
    ...{
      state: Dispatcher.make(options),
      pending: [],
      phase: "attaching",
      failure: undefined,
      endedAtMillis: undefined
    }
  }
  yield* Effect.forEach(plan.workers, (worker, index) => attach(driver, worker, index), {
    concurrency: "unbounded",
    discard: true
  })
  yield* Effect.addFinalizer(() => Effect.sync(() => cancelAll(driver)))
  const startMillis = sweeper.now()
  sweeper.add(() => feed(driver, [{ _tag: "Tick" }]))
  driver.phase = "idle"
  feed(driver, [])
  return {
    ...ServerEvents.observable(
      events,
      Effect.sync(() => progressOf(driver, startMillis))
    ),
    ended: Deferred.await(driver.ended),
    consumed: (count: number) => feed(driver, [{ _tag: "Consumed", count }]),
    /** Returns the units split off and the packets not merged; `undefined` once a result could not be merged. */
    unmerged: () =>
      driver.failure?._tag === "MergeFailed"
        ? undefined
        : { splitUnits: plan.splitUnits + driver.state.splitUnits, unfinished: Dispatcher.unmerged(driver.state) }
  }
})
