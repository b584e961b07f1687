/**
 * The files of a server, through a cache. A file is fetched once for all requests that need it at the same time. A kept
 * file is used without a question until its time to live ends, then if the server confirms it, or does not reply.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { FileStoreError, type Reason, RemoteFailed } from "../store/FileStoreError.ts"
import type * as Store from "../store/Store.ts"
import type { Entry } from "./CacheIndex.ts"
import * as ExpiringSet from "./ExpiringSet.ts"
import type { Addition, FallbackCache } from "./FallbackCache.ts"
import type * as Remote from "./Remote.ts"
import * as SharedFetch from "./SharedFetch.ts"

/** The server, the cache, and how long files are used. */
export interface Options {
  readonly remote: Remote.Remote
  readonly cache: FallbackCache
  /** The time after which a kept file is validated again. */
  readonly ttl: Duration.Duration
  /** The longest duration of a fetch. */
  readonly deadline: Duration.Duration
}

/** A URL in use: the first request waits for the reply of the server, or its file is being fetched. */
type Pending =
  | { readonly _tag: "Requested"; readonly done: Deferred.Deferred<void, Reason> }
  | { readonly _tag: "Fetching"; readonly fetch: SharedFetch.SharedFetch }

type Requested = Extract<Pending, { readonly _tag: "Requested" }>

/** The state of a cached remote. */
interface State extends Options {
  readonly pending: Map<string, Pending>
  /** URLs whose files the cache could not keep: they are not kept for a while. */
  readonly unkept: ExpiringSet.ExpiringSet
  /** URLs that the server could not deliver: kept files are used for a while without asking it. */
  readonly unreachable: ExpiringSet.ExpiringSet
  /** Runs an effect until the cached remote is closed. */
  readonly fork: (effect: Effect.Effect<void>) => void
}

/** The time for which a failed attempt is not repeated. */
const retryMillis = 30_000

/** The most URLs whose failures are remembered. */
const maxFailures = 1_000

/** Makes a file of a stream. */
export const toReadable = (size: number | undefined, content: Stream.Stream<Uint8Array, Reason>): Store.Readable => ({
  size,
  body: { _tag: "Stream", stream: Stream.mapError(content, (reason) => new FileStoreError({ reason })) }
})

/** Follows the fetch of a URL; undefined if it is not being fetched. */
const follow = ({ pending }: State, url: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const current = pending.get(url)
      if (current?._tag !== "Fetching") return undefined
      current.fetch.retain()
      return current.fetch
    }),
    (fetch) => fetch?.release ?? Effect.void
  ).pipe(Effect.map((fetch) => fetch && toReadable(fetch.size, fetch.content)))

/** Claims a URL, so that other requests wait for this one. Undefined if another request was faster. */
const claim = ({ pending }: State, url: string) =>
  Effect.sync((): Requested | undefined => {
    if (pending.has(url)) return undefined
    const claimed: Requested = { _tag: "Requested", done: Deferred.makeUnsafe() }
    pending.set(url, claimed)
    return claimed
  })

/** Ends a claim. The requests that wait fail as this one, or try again. */
const settle = ({ pending }: State, url: string, claimed: Requested | undefined, exit: Exit.Exit<unknown, Reason>) =>
  Effect.sync(() => {
    if (claimed === undefined) return
    if (pending.get(url) === claimed) pending.delete(url)
    const failure = Exit.findErrorOption(exit)
    Deferred.doneUnsafe(claimed.done, failure._tag === "Some" ? Exit.fail(failure.value) : Exit.void)
  })

/** Returns the addition with failures of the cache itself reported as such; the URL is then not kept for a while. */
const reported = ({ unkept }: State, url: string, addition: Addition): Addition => {
  const report = <A>(effect: Effect.Effect<A, Reason>) =>
    Effect.catch(
      effect,
      Effect.fnUntraced(function* ({ detail }: Reason): Effect.fn.Return<never, Reason> {
        unkept.add(url, (yield* Clock.currentTimeMillis) + retryMillis)
        return yield* Effect.fail(new RemoteFailed({ url, why: `the cache failed: ${detail}` }))
      })
    )
  return {
    readAt: (position, into) => report(addition.readAt(position, into)),
    write: (bytes) => report(addition.write(bytes)),
    commit: (entry) => report(addition.commit(entry))
  }
}

/** Starts to keep a file, if that is possible. */
const startAddition = Effect.fnUntraced(function* (state: State, url: string, { mayStore, size }: Remote.RemoteFile) {
  const { cache, unkept } = state
  if (!mayStore || unkept.has(url, yield* Clock.currentTimeMillis)) return undefined
  const addition = yield* Effect.catch(cache.add(url, size), ({ detail }) =>
    Effect.as(Effect.logWarning(`fallback: ${url} is not kept: ${detail}`), undefined)
  )
  return addition && reported(state, url, addition)
})

/** Fetches a file to its end and adds it to the cache. */
const fill = (
  { deadline, pending }: State,
  url: string,
  { mustRevalidate, validators }: Remote.RemoteFile,
  fetch: SharedFetch.SharedFetch,
  addition: Addition
) =>
  Effect.gen(function* () {
    yield* Effect.timeoutOrElse(fetch.run, {
      duration: deadline,
      orElse: () => Effect.fail(new RemoteFailed({ url, why: `not complete after ${Duration.format(deadline)}` }))
    })
    yield* addition.commit({ url, ...validators, mustRevalidate, validatedAtMillis: yield* Clock.currentTimeMillis })
  }).pipe(
    Effect.catch(({ detail }) => Effect.logWarning(`fallback: ${detail}`)),
    Effect.ensuring(
      Effect.suspend(() => {
        pending.delete(url)
        return fetch.release
      })
    )
  )

/** Answers a request that the server failed: by a kept file, unless the file does not exist any more. */
const recover = Effect.fnUntraced(function* (
  { cache, unreachable }: State,
  entry: Entry | undefined,
  reason: Reason
): Effect.fn.Return<Store.Readable, Reason, Scope.Scope> {
  if (entry === undefined) return yield* Effect.fail(reason)
  if (reason._tag === "NotFound") yield* cache.remove(entry.url)
  if (reason._tag === "NotFound" || entry.mustRevalidate) return yield* Effect.fail(reason)
  yield* Effect.logWarning(`fallback: ${reason.detail}; the kept file is used`)
  unreachable.add(entry.url, (yield* Clock.currentTimeMillis) + retryMillis)
  return yield* Effect.mapError(cache.open(entry), () => reason)
})

/** Opens a kept file; undefined if it is no longer whole. */
const openKept = ({ cache }: State, entry: Entry) =>
  Effect.catchTag(cache.open(entry), "NotFound", () => Effect.undefined)

/** Requests a file from the server. Returns undefined if the state has changed meanwhile. */
const request = Effect.fnUntraced(function* (
  state: State,
  path: string,
  entry: Entry | undefined
): Effect.fn.Return<Store.Readable | undefined, Reason, Scope.Scope> {
  const { cache, fork, pending, remote } = state
  const url = remote.urlOf(path)
  const opened = yield* Scope.make()
  let isShared = false
  yield* Effect.addFinalizer((exit) => (isShared ? Effect.void : Scope.close(opened, exit)))
  const result = yield* Effect.result(Scope.provide(remote.open(path, entry), opened))
  if (Result.isFailure(result)) {
    yield* Scope.close(opened, Exit.void)
    return yield* recover(state, entry, result.failure)
  }
  const reply = result.success
  if (reply._tag === "NotModified") {
    yield* Scope.close(opened, Exit.void)
    if (entry === undefined) return undefined
    yield* cache.update({ ...entry, validatedAtMillis: yield* Clock.currentTimeMillis })
    return yield* openKept(state, entry)
  }
  const addition = yield* Scope.provide(startAddition(state, url, reply), opened)
  if (addition === undefined) return toReadable(reply.size, reply.stream)
  const fetch = SharedFetch.make(url, reply, addition, opened)
  yield* Effect.sync(() => {
    isShared = true
    fetch.retain()
    pending.set(url, { _tag: "Fetching", fetch })
    fork(fill(state, url, reply, fetch, addition))
  })
  return yield* follow(state, url)
})

const isFresh = ({ ttl, unreachable }: State, { url, validatedAtMillis }: Entry, nowMillis: number) => {
  const ageMillis = nowMillis - validatedAtMillis
  return (ageMillis >= 0 && ageMillis < Duration.toMillis(ttl)) || unreachable.has(url, nowMillis)
}

/** Opens a file by its path: from the fetch in progress, the cache or the server. */
const read = (state: State, path: string): Effect.Effect<Store.Readable, Reason, Scope.Scope> =>
  Effect.gen(function* () {
    const { cache, pending, remote } = state
    const url = remote.urlOf(path)
    const followed = yield* follow(state, url)
    if (followed !== undefined) return followed
    const current = pending.get(url)
    if (current?._tag === "Requested") {
      yield* Deferred.await(current.done)
      return yield* read(state, path)
    }
    const entry = cache.find(url)
    if (entry !== undefined && isFresh(state, entry, yield* Clock.currentTimeMillis)) {
      const kept = yield* openKept(state, entry)
      return kept ?? (yield* read(state, path))
    }
    const fetched = yield* Effect.acquireUseRelease(
      claim(state, url),
      (claimed) => (claimed === undefined ? Effect.undefined : request(state, path, entry)),
      (claimed, exit) => settle(state, url, claimed, exit)
    )
    return fetched ?? (yield* read(state, path))
  })

/** Makes the function that opens files. Fetches end when the scope closes. */
export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<(path: string) => Effect.Effect<Store.Readable, Reason, Scope.Scope>, never, Scope.Scope> {
  const run = yield* FiberSet.makeRuntime<never>()
  const state: State = {
    ...options,
    pending: new Map(),
    unkept: ExpiringSet.make(maxFailures),
    unreachable: ExpiringSet.make(maxFailures),
    fork: (effect) => void run(effect)
  }
  return (path) => read(state, path)
})
