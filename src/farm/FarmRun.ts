/** The driver of one run: connects a dispatcher with the workers and the clock. */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as Sweeper from "../network/Sweeper.ts"
import * as Dispatcher from "./dispatcher/Dispatcher.ts"
import type { Action, Event } from "./dispatcher/DispatcherEvent.ts"
import type { EncodedPacket } from "./EncodedPacket.ts"
import {
  FarmError,
  InvalidOptions,
  MergeFailed,
  NoWorkers,
  PoisonPacket,
  type Reason,
  SplitFailed,
  WrongJob
} from "./FarmError.ts"
import type { Options } from "./FarmOptions.ts"
import type { SizedPacket, Splitter, Work } from "./Job.ts"
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

/** Starts a run, which ends with the scope at the latest. */
export const begin = Effect.fnUntraced(function* <Packet, Out>(plan: Plan<Packet, Out>) {
  const { restored, settings, sink, splitter, work, workers } = plan
  const problem = problemOf({ settings, work, workers })
  if (problem !== undefined) return yield* problem
  const encode = Schema.encodeSync(work.packet)
  const decode = Schema.decodeUnknownResult(work.result)
  const ended = yield* Deferred.make<void, FarmError>()
  const sweeper = yield* Sweeper.make(tickInterval)
  let failure: Reason | undefined
  /** True while the sink has received every result that the dispatcher has merged. */
  let isSinkComplete = true
  let splitUnits = plan.splitUnits
  let nextId = restored.length

  const dispatcher = Dispatcher.make<EncodedPacket<Packet>, Out>({
    workers,
    nextPacket: (size) => {
      try {
        const next = splitter.next(size)
        if (next === undefined) return undefined
        if (!(next.units >= 1))
          throw new Error(`invalid packet of ${next.units} units: \`next\` must return at least 1`)
        const encoded = encode(next.packet)
        splitUnits += next.units
        nextId++
        return { packet: { packet: next.packet, encoded }, units: next.units }
      } catch (cause) {
        failure ??= new SplitFailed({ id: nextId, cause })
        return undefined
      }
    },
    totalUnits: splitter.total === undefined ? undefined : Math.max(0, splitter.total - plan.splitUnits),
    restored,
    leaseMillis: Duration.toMillis(settings.lease ?? "30 seconds"),
    maxAttempts: settings.maxAttempts ?? 3,
    ordered: settings.ordered ?? false,
    holdUntilConsumed: plan.holdUntilConsumed,
    bufferSize: settings.bufferSize ?? Number.POSITIVE_INFINITY,
    targetMillis: Duration.toMillis(settings.targetDuration ?? "100 millis"),
    initialSize: splitter.initialSize ?? 1,
    packetSize: settings.packetSize
  })

  const perform = (action: Action<EncodedPacket<Packet>, Out>) => {
    switch (action._tag) {
      case "Merge":
        try {
          sink(action.packet.packet, action.result)
        } catch (cause) {
          isSinkComplete = false
          failure ??= new MergeFailed({ id: action.id, packet: action.packet.encoded, cause })
        }
        return
      case "Cancel":
        return workers[action.worker]!.cancel(action.ids)
      case "Run": {
        const tasks = action.tasks.map(({ id, packet }) => ({ id, packet: packet.encoded }))
        return workers[action.worker]!.run(tasks)
      }
      case "Finished":
        return Deferred.doneUnsafe(ended, Exit.void)
      case "PoisonPacket":
        failure = new PoisonPacket({ id: action.id, packet: action.packet.encoded, attempts: action.attempts })
        return
      case "NoWorkers":
        failure = new NoWorkers({ causes: action.causes })
        return
    }
  }

  let pending: Array<Event<Out>> = []
  // No packet is assigned before every worker is attached.
  let isStepping = true
  let isOver = false
  const feed = (events: ReadonlyArray<Event<Out>>) => {
    if (isOver) return
    for (const event of events) pending.push(event)
    if (isStepping) return
    isStepping = true
    do {
      const batch = pending
      pending = []
      for (const action of dispatcher.step(batch, sweeper.now())) {
        if (action._tag === "Merge" ? isSinkComplete : failure === undefined) perform(action)
      }
      if (failure === undefined) continue
      isOver = true
      Deferred.doneUnsafe(ended, Exit.fail(new FarmError({ reason: failure })))
      return
    } while (pending.length > 0)
    isStepping = false
  }

  const eventOf = (worker: number, report: Report): Event<Out> => {
    if (report._tag !== "Done") {
      return report._tag === "Failed" ? { ...report, worker, kind: "Threw" } : { ...report, worker }
    }
    const { id, millis } = report
    // A late duplicate frees its worker's capacity; its result is not decoded.
    if (!dispatcher.isPending(id)) return { _tag: "Done", worker, id, result: undefined as Out, millis }
    const result = decode(report.result)
    if (Result.isSuccess(result)) return { _tag: "Done", worker, id, result: result.success, millis }
    const message = `the result does not fit its schema: ${result.failure}`
    return { _tag: "Failed", worker, id, kind: "InvalidResult", message }
  }
  yield* Effect.forEach(
    workers,
    (worker, index) => worker.attach((reports) => feed(reports.map((report) => eventOf(index, report)))),
    { concurrency: "unbounded", discard: true }
  )
  // All workers receive their cancel before the finalizers of `attach` wait for one.
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      isOver = true
      for (const action of dispatcher.step([{ _tag: "Cancel" }], sweeper.now())) {
        if (action._tag === "Cancel") perform(action)
      }
    })
  )

  const start = sweeper.now()
  const resumedUnits = plan.splitUnits - restored.reduce((all, { units }) => all + units, 0)
  const stats = () =>
    Progress.fromWorkers(dispatcher.workers, {
      resumedUnits,
      elapsedMillis: sweeper.now() - start,
      total: splitter.total
    })
  const { progress } = settings
  const publish = progress === undefined ? Effect.void : Effect.suspend(() => SubscriptionRef.set(progress, stats()))
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(publish, Effect.sleep("100 millis"))))
  sweeper.add(() => feed([{ _tag: "Tick" }]))
  isStepping = false
  feed([])
  return {
    ended: Effect.ensuring(Deferred.await(ended), publish),
    consumed: (count: number) => feed([{ _tag: "Consumed", count }]),
    /** The units split off and the packets not merged; `undefined` once a result could not be merged. */
    state: () => (isSinkComplete ? { splitUnits, unfinished: dispatcher.unmerged() } : undefined)
  }
})
