/**
 * The workers of hosts that come and go. The list of hosts may change, a name may have several addresses, and a host
 * that is down is tried again. Workers of a host join with its first connection, so that nothing waits for it.
 */
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as Signal from "../../network/Signal.ts"
import * as GoneWorkers from "../dispatcher/GoneWorkers.ts"
import { FarmError, NoWorkers } from "../FarmError.ts"
import type { Worker, WorkerPool } from "../Worker.ts"
import * as HostAddresses from "./HostAddresses.ts"
import * as RemoteHost from "./RemoteHost.ts"
import type { Requirements } from "./WorkerServerConnection.ts"

/** The parameters of a pool. */
export interface Options<R> {
  readonly job: Worker["job"]
  /** The lists of hosts, each of which replaces the one before. */
  readonly lists: Stream.Stream<ReadonlyArray<string>>
  readonly parse: (host: string) => Result.Result<HostAddresses.Place, string>
  readonly open: (place: HostAddresses.Place) => RemoteHost.Options<R>["open"]
  readonly leaseMillis: number
  /** The time limit of one attempt to connect, and of resolving a name. */
  readonly timeoutMillis: number
  readonly reconnect: Schedule.Schedule<unknown>
  readonly publish: RemoteHost.Options<R>["publish"]
}

/** A host in the list. */
interface Listed {
  readonly name: string
  readonly removed: Deferred.Deferred<void>
  /** The last failure of a connection or an attempt. */
  failure: string | undefined
  /** True once it can never be used. */
  isOver: boolean
}

/** A host behind a name. */
interface Address {
  /** False once the name does not have the address any more. */
  isWanted: boolean
}

/** The workers that have joined, except those of hosts that have left. */
interface Members {
  readonly workers: ReadonlyArray<{ readonly id: number; readonly worker: Worker }>
  /** The workers of these whose host is given up, in this order. */
  readonly gone: ReadonlyArray<Worker>
  /** The id of the next worker. */
  readonly nextId: number
  /** True once a host was ready. */
  readonly hasBegun: boolean
  /** True once no worker can join any more. */
  readonly hasEnded: boolean
}

interface Pool<R> {
  readonly options: Options<R>
  readonly members: SubscriptionRef.SubscriptionRef<Members>
  readonly listed: Map<string, Listed>
  readonly fibers: FiberSet.FiberSet
  /** True until the last list. */
  mayChange: boolean
}

/** The time between two resolutions of a name, and the least time if its connections fail. */
const refresh = { usual: "29 seconds", least: "1 second" } as const satisfies Record<string, Duration.Input>

const add = <R>({ members }: Pool<R>, workers: ReadonlyArray<Worker>, isReady: boolean) =>
  SubscriptionRef.update(members, (before) => ({
    ...before,
    workers: [...before.workers, ...workers.map((worker, index) => ({ id: before.nextId + index, worker }))],
    nextId: before.nextId + workers.length,
    hasBegun: before.hasBegun || isReady
  }))

/** Forgets the workers of a host that has left: later runs do not see them. */
const forget = <R>({ members }: Pool<R>, left: ReadonlySet<Worker>) =>
  SubscriptionRef.update(members, (before) => ({
    ...before,
    workers: before.workers.filter(({ worker }) => !left.has(worker))
  }))

/** Notes the workers of a host that is given up. Of those the newest remain, so that later runs know why. */
const retire = <R>({ members }: Pool<R>, workers: ReadonlyArray<Worker>) =>
  SubscriptionRef.update(members, (before) => {
    const all = [...before.gone, ...workers]
    const gone = all.slice(-GoneWorkers.maxGoneWorkers)
    const forgotten = new Set(all.slice(0, all.length - gone.length))
    return { ...before, gone, workers: before.workers.filter(({ worker }) => !forgotten.has(worker)) }
  })

/** Ends the pool once no host of it can ever be used. */
const endIfOver = <R>({ listed, mayChange, members }: Pool<R>) =>
  mayChange || [...listed.values()].some(({ isOver }) => !isOver)
    ? Effect.void
    : SubscriptionRef.update(members, (before) => ({ ...before, hasEnded: true }))

/** Adds a worker that tells a run why a host without a connection cannot be used. */
const addGone = <R>(pool: Pool<R>, name: string, message: string) => {
  const worker: Worker = {
    ...{ name, host: name, job: pool.options.job, capacity: 1, latencyMillis: 0 },
    attach: (report) => Effect.sync(() => report([{ _tag: "Gone", message }])),
    run: () => {},
    cancel: () => {}
  }
  return Effect.andThen(add(pool, [worker], false), retire(pool, [worker]))
}

/** Connects to one host of the list until it is given up or leaves. */
const runHost = Effect.fnUntraced(function* <R>(
  pool: Pool<R>,
  listed: Listed,
  host: {
    readonly name: string
    readonly place: HostAddresses.Place
    readonly isWanted: () => boolean
    readonly onFailure: () => void
  }
) {
  const { job, leaseMillis, open, publish, reconnect } = pool.options
  const { name } = host
  const own = new Set<Worker>()
  const ending = yield* RemoteHost.run<R>({
    ...{ name, job, leaseMillis, publish, reconnect, isWanted: host.isWanted, open: open(host.place) },
    removed: Deferred.await(listed.removed),
    join: (workers) => {
      for (const worker of workers) own.add(worker)
      return add(pool, workers, true)
    },
    onFailure: (message) => {
      listed.failure = message
      host.onFailure()
    }
  })
  if (ending._tag === "Left") yield* forget(pool, own)
  else if (own.size === 0) yield* addGone(pool, name, ending.message)
  else yield* retire(pool, [...own])
  return ending
})

/** Reports a host that cannot be used, and of which no address is known. */
const giveUp = <R>(pool: Pool<R>, listed: Listed, message: string) => {
  const { name } = listed
  listed.failure = message
  return Effect.andThen(pool.options.publish({ _tag: "Gone", host: name, message }), addGone(pool, name, message))
}

/**
 * Connects to all addresses of a name, which is resolved again and again: new ones join, and others leave when their
 * connection ends. Returns when all are given up.
 */
const runName = Effect.fnUntraced(function* <R>(pool: Pool<R>, listed: Listed, place: HostAddresses.Place) {
  const { publish, reconnect, timeoutMillis } = pool.options
  const resolve = HostAddresses.resolve(place, timeoutMillis)
  const running = new Map<string, Address>()
  const givenUp = new Set<string>()
  const allGivenUp = Deferred.makeUnsafe<void>()
  const failed = Signal.make()

  const runTarget = Effect.fnUntraced(function* (target: HostAddresses.Target, own: Address, isOnly: boolean) {
    const { address, host } = target
    const { _tag } = yield* runHost(pool, listed, {
      name: isOnly ? listed.name : `${listed.name} (${address})`,
      place: { ...place, host },
      isWanted: () => own.isWanted,
      onFailure: failed.notify
    })
    running.delete(address)
    if (_tag === "Gone") givenUp.add(address)
    if (running.size === 0 && givenUp.size > 0) yield* Deferred.succeed(allGivenUp, undefined)
  })
  const start = (target: HostAddresses.Target, isOnly: boolean) => {
    const own: Address = { isWanted: true }
    running.set(target.address, own)
    return FiberSet.run(pool.fibers, runTarget(target, own, isOnly))
  }
  const apply = (targets: ReadonlyArray<HostAddresses.Target>) => {
    const addresses = new Set(targets.map(({ address }) => address))
    for (const [address, own] of running) own.isWanted = addresses.has(address)
    for (const address of givenUp) if (!addresses.has(address)) givenUp.delete(address)
    const added = targets.filter(({ address }) => !running.has(address) && !givenUp.has(address))
    return Effect.forEach(added, (target) => start(target, targets.length === 1), { discard: true })
  }
  let failure: RemoteHost.ConnectionFailure | undefined
  const keepFailure = (one: RemoteHost.ConnectionFailure) =>
    Effect.sync(() => {
      failure = one
      listed.failure = one.message
    })
  const first = yield* resolve.pipe(
    Effect.tapError(keepFailure),
    Effect.retry({
      schedule: RemoteHost.announcing(reconnect, { name: listed.name, publish }, () => failure!),
      while: ({ isPermanent }) => !isPermanent
    }),
    Effect.result
  )
  if (Result.isFailure(first)) return yield* giveUp(pool, listed, first.failure.message)
  yield* apply(first.success)
  const refreshing = Effect.sleep(refresh.least).pipe(
    Effect.andThen(Effect.timeoutOption(failed.wait, refresh.usual)),
    Effect.andThen(Effect.option(resolve)),
    Effect.flatMap((targets) => (Option.isNone(targets) ? Effect.void : apply(targets.value)))
  )
  yield* Effect.raceFirst(Effect.forever(refreshing), Deferred.await(allGivenUp))
})

/** Connects to a host of the list, or to those behind its name, until all are given up or it is removed. */
const runListed = Effect.fnUntraced(function* <R>(pool: Pool<R>, listed: Listed) {
  const { name } = listed
  const place = pool.options.parse(name)
  if (Result.isFailure(place)) yield* giveUp(pool, listed, place.failure)
  else if (HostAddresses.isLiteral(place.success)) {
    yield* runHost(pool, listed, { name, place: place.success, isWanted: () => true, onFailure: () => {} })
  } else yield* Effect.raceFirst(runName(pool, listed, place.success), Deferred.await(listed.removed))
  listed.isOver = true
  yield* endIfOver(pool)
})

/** Replaces the list: new hosts are connected, and those that are not in it leave at once. */
const setList = Effect.fnUntraced(function* <R>(pool: Pool<R>, names: ReadonlyArray<string>) {
  const { fibers, listed } = pool
  const wanted = new Set(names)
  for (const [name, { removed }] of listed) {
    if (wanted.has(name)) continue
    listed.delete(name)
    yield* Deferred.succeed(removed, undefined)
  }
  for (const name of wanted) {
    if (listed.has(name)) continue
    const added: Listed = { name, removed: Deferred.makeUnsafe(), failure: undefined, isOver: false }
    listed.set(name, added)
    yield* FiberSet.run(fibers, runListed(pool, added))
  }
})

/** Emits the workers from the given id, then those that join, and ends with the pool. */
const joiningFrom = <R>({ members }: Pool<R>, firstId: number): Stream.Stream<Worker> =>
  SubscriptionRef.changes(members).pipe(
    Stream.takeUntil(({ hasEnded }) => hasEnded),
    Stream.mapAccum(
      () => firstId,
      (next, { nextId, workers }) => [nextId, workers.flatMap(({ id, worker }) => (id < next ? [] : [worker]))]
    )
  )

/** Returns why each host of the list is not connected. */
const causesOf = <R>({ listed }: Pool<R>): ReadonlyArray<string> => {
  const causes = Array.from(listed.values(), ({ failure = "no connection in time", name }) =>
    failure.startsWith(name) ? failure : `${name}: ${failure}`
  )
  return causes.length === 0 ? ["the list of hosts is empty"] : causes
}

/**
 * Makes the pool, which connects to its hosts until the scope closes. It waits until one host is ready, and fails with
 * `NoWorkers` once none can ever be, or after the given time. Without a time it does not wait.
 */
export const make = Effect.fnUntraced(function* <R>(
  options: Options<R>,
  waitMillis: number | undefined
): Effect.fn.Return<WorkerPool, FarmError, R | Requirements | Scope.Scope> {
  const initial: Members = { workers: [], gone: [], nextId: 0, hasBegun: false, hasEnded: false }
  const pool: Pool<R> = {
    ...{ options, members: yield* SubscriptionRef.make(initial), listed: new Map(), fibers: yield* FiberSet.make() },
    mayChange: true
  }
  const following = Stream.runForEach(options.lists, (names) => setList(pool, names)).pipe(
    Effect.andThen(
      Effect.suspend(() => {
        pool.mayChange = false
        return endIfOver(pool)
      })
    )
  )
  yield* Effect.forkScoped(following)
  if (waitMillis !== undefined) {
    const decided = Stream.filter(
      SubscriptionRef.changes(pool.members),
      ({ hasBegun, hasEnded }) => hasBegun || hasEnded
    )
    yield* Effect.timeoutOption(Stream.runHead(decided), waitMillis)
    const { hasBegun } = yield* SubscriptionRef.get(pool.members)
    if (!hasBegun) return yield* new FarmError({ reason: new NoWorkers({ causes: causesOf(pool) }) })
  }
  const { nextId, workers } = yield* SubscriptionRef.get(pool.members)
  return { workers: workers.map(({ worker }) => worker), joining: joiningFrom(pool, nextId) }
})
