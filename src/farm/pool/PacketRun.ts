/** Single packets: one run without end for all of a job, whose source is what callers ask for. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { FarmError } from "../FarmError.ts"
import type { Options } from "../FarmOptions.ts"
import * as FarmRun from "../FarmRun.ts"
import type { SizedPacket, Work } from "../Job.ts"
import type { PacketSource } from "../PacketSource.ts"

/** A packet that a caller waits for; its identity is that of the request. */
interface Request extends SizedPacket<unknown> {
  readonly result: Deferred.Deferred<unknown, FarmError>
}

/** The run of one job. */
interface JobRun {
  /** Adds a request; after the end of the run, it ends at once. */
  readonly add: (request: Request) => void
  readonly drop: (request: Request) => void
  /** Returns the number of requests that no worker has. */
  readonly queued: () => number
  /** Waits for the end of the run: it fails, or the pool ends. */
  readonly ended: Effect.Effect<void, FarmError>
  /** Ends all requests. */
  readonly end: (exit: Exit.Exit<void, FarmError>) => void
}

/** The requests that wait for a worker. */
const sourceOf = (requests: Set<Request>): PacketSource<unknown> => ({
  total: undefined,
  initialSize: 1,
  next: () => {
    const [request] = requests
    if (request === undefined) return "later"
    requests.delete(request)
    return request
  },
  fetch: () => Effect.void,
  skip: Effect.succeed
})

const start = Effect.fnUntraced(function* (
  work: Work<unknown, unknown>,
  options: Options
): Effect.fn.Return<JobRun, FarmError, Scope.Scope> {
  const waiting = new Set<Request>()
  /** The requests without a result, by what the source returned. */
  const open = new Set<SizedPacket<unknown>>()
  let endExit: Exit.Exit<unknown, FarmError> | undefined
  const end = (request: SizedPacket<unknown> | undefined, exit: Exit.Exit<unknown, FarmError>) => {
    if (request !== undefined && open.delete(request)) Deferred.doneUnsafe((request as Request).result, exit)
  }
  const run = yield* FarmRun.begin<unknown, unknown>({
    work,
    source: sourceOf(waiting),
    pool: yield* options.workers,
    settings: { ...options, onPoison: "skip" },
    splitUnits: 0,
    restored: [],
    holdUntilConsumed: false,
    keepsUnconsumed: false,
    sink: ({ origin }, result) => end(origin, Exit.succeed(result)),
    onSkipped: ({ origin }, reason) => end(origin, Exit.fail(new FarmError({ reason })))
  })
  return {
    ended: run.ended,
    end: (exit) => {
      const failure = Exit.isFailure(exit) ? exit : Exit.interrupt()
      endExit = failure
      for (const request of [...open]) end(request, failure)
    },
    add: (request) => {
      open.add(request)
      if (endExit !== undefined) return end(request, endExit)
      waiting.add(request)
      run.refilled()
    },
    drop: (request) => {
      open.delete(request)
      if (!waiting.delete(request)) run.drop(({ origin }) => origin === request)
    },
    queued: () => waiting.size
  }
})

const nameOf = ({ name, version }: { readonly name: string; readonly version: number }) => `${name} ${version}`

/**
 * Makes the function that works on single packets, and one that returns the number of those that no worker has. The run
 * of a job begins with its first packet.
 */
export const make = Effect.fnUntraced(function* (scope: Scope.Scope, options: Options) {
  const runs = new Map<string, JobRun>()
  const { withPermit } = yield* Semaphore.make(1)
  /** Starts the run of a job in a scope of its own, which closes with the run. */
  const open = Effect.fnUntraced(function* (work: Work<unknown, unknown>) {
    const own = yield* Scope.fork(scope)
    const run = yield* Effect.onError(Scope.provide(start(work, options), own), (cause) =>
      Scope.close(own, Exit.failCause(cause))
    )
    const close = (exit: Exit.Exit<void, FarmError>) =>
      Effect.suspend(() => {
        run.end(exit)
        runs.delete(nameOf(work))
        return Scope.close(own, exit)
      })
    runs.set(nameOf(work), run)
    yield* Effect.forkIn(Effect.onExit(run.ended, close), scope)
    return run
  }, Effect.uninterruptible)
  const runFor = (work: Work<unknown, unknown>) =>
    Effect.suspend(() => {
      const known = runs.get(nameOf(work))
      return known === undefined ? open(work) : Effect.succeed(known)
    })
  const runPacket = Effect.fnUntraced(function* <Packet, Result>(
    job: Work<Packet, Result>,
    packet: Packet
  ): Effect.fn.Return<Result, FarmError> {
    const work = job as unknown as Work<unknown, unknown>
    // A packet that cannot be encoded would end the run of all.
    yield* Effect.try({
      try: () => Schema.encodeSync(job.packet)(packet),
      catch: (cause) => FarmRun.splitError(0, cause)
    })
    const run = runs.get(nameOf(work)) ?? (yield* withPermit(runFor(work)))
    const request: Request = { packet, units: 1, result: Deferred.makeUnsafe() }
    run.add(request)
    const result = yield* Effect.onInterrupt(Deferred.await(request.result), () => Effect.sync(() => run.drop(request)))
    return result as Result
  })
  const queued = () => Array.from(runs.values(), (run) => run.queued()).reduce((all, one) => all + one, 0)
  return { runPacket, queued }
})
