/**
 * The state of a process for browsers: services register sources of rows, and browsers receive what has changed.
 *
 * Sources are read four times a second while a browser watches, and never otherwise. A browser that reads slowly gets
 * the newest state, not all states. Each update is encoded once, however many browsers watch.
 *
 * **Example** (A service on the page)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 * import { PageHub, type PageState } from "effect-inet/web"
 *
 * const echo: PageState.Service = {
 *   name: "echo",
 *   state: "ready",
 *   address: "127.0.0.1:7",
 *   restarts: 0,
 *   sinceMillis: 0,
 *   figures: [{ name: "clients", value: 3, unit: "count" }],
 *   hasPackets: false,
 *   canRestart: false
 * }
 *
 * const program = Effect.gen(function* () {
 *   const hub = yield* PageHub.make
 *   yield* hub.register({ services: Effect.succeed([echo]) })
 *   const [update] = yield* Stream.runCollect(Stream.take(hub.updates, 1))
 *   update?.services?.[0]?.name // => "echo"
 *   update?.connections // => { rows: [], omitted: 0 }
 * })
 *
 * await Effect.runPromise(Effect.scoped(program))
 * ```
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { EncodedUpdate } from "./EncodedUpdate.ts"
import * as PageSections from "./PageSections.ts"
import type * as PageState from "./PageState.ts"

/** Rows of a source: all of them, or the first ones and the number of the others. @category models @since 0.1.0 */
export type Rows<Row> = ReadonlyArray<Row> | PageSections.List<Row>

/**
 * A source of rows of the page. An effect that does not return in 200 ms leaves the rows as they were; one that dies
 * gives none, with one warning in the log.
 *
 * @category models
 * @since 0.1.0
 */
export interface Source {
  readonly services?: Effect.Effect<ReadonlyArray<PageState.Service>> | undefined
  readonly connections?: Effect.Effect<Rows<PageState.Connection>> | undefined
  /** Totals count the transfers of the service, of which there may be more than rows. Default: those of the rows. */
  readonly transfers?: Effect.Effect<ReadonlyArray<PageState.Transfer> | PageState.Snapshot["transfers"]> | undefined
  readonly peers?: Effect.Effect<Rows<PageState.Peer>> | undefined
  readonly farms?: Effect.Effect<Rows<PageState.Farm>> | undefined
}

/** The state of a process for browsers. @category models @since 0.1.0 */
export interface PageHub {
  /** Adds a source until the scope closes. Its rows follow those of the sources before it. */
  readonly register: (source: Source) => Effect.Effect<void, never, Scope.Scope>
  /** Emits all sections at once, and then those that change. Each run of the stream is a browser that watches. */
  readonly updates: Stream.Stream<PageState.Update>
  /** Emits as `updates`, with the JSON text. */
  readonly encodedUpdates: Stream.Stream<EncodedUpdate>
}

/** Options of a hub. @category models @since 0.1.0 */
export interface Options {
  /** Time between two samples of the sources. Default 250 ms. */
  readonly interval?: Duration.Input | undefined
}

/** Time that a source has to return its rows. */
const sourceTimeout = "200 millis"

/** A registered source with the rows that it has returned last. */
interface Entry {
  readonly source: Source
  readonly latest: Map<PageSections.Name, PageSections.List<unknown>>
}

const toList = (rows: Rows<unknown>): PageSections.List<unknown> => ("rows" in rows ? rows : { rows, omitted: 0 })

/** Returns an effect that logs a warning about a section, once for each section. */
const makeWarning = () => {
  const warned = new Set<string>()
  return (name: PageSections.Name, why: string, cause?: Cause.Cause<never>) =>
    Effect.suspend(() => {
      if (warned.has(`${name} ${why}`)) return Effect.void
      warned.add(`${name} ${why}`)
      const line = `page: ${name}: ${why}`
      return cause === undefined ? Effect.logWarning(line) : Effect.logWarning(line, cause)
    })
}

/** Returns an effect that reads all sources at the same time. */
const makeReader = (entries: ReadonlySet<Entry>, warn: ReturnType<typeof makeWarning>) => {
  const readOne = ({ latest, source }: Entry, name: PageSections.Name) => {
    const rows: Effect.Effect<Rows<unknown>> | undefined = source[name]
    if (rows === undefined) return Effect.void
    return rows.pipe(
      Effect.timeoutOption(sourceTimeout),
      Effect.map((found) => {
        if (Option.isSome(found)) latest.set(name, toList(found.value))
      }),
      Effect.catchCause((cause) => {
        if (Cause.hasInterruptsOnly(cause)) return Effect.failCause(cause)
        latest.delete(name)
        return warn(name, "a source of rows failed, which are left out", cause)
      })
    )
  }
  const rowsOf = (name: PageSections.Name) =>
    Array.from(entries, ({ latest }) => latest.get(name)).filter((list) => list !== undefined)
  return Effect.gen(function* () {
    const reads = Array.from(entries).flatMap((entry) => PageSections.names.map((name) => readOne(entry, name)))
    yield* Effect.all(reads, { concurrency: "unbounded", discard: true })
    const snapshot: Record<PageSections.Name, unknown> = {
      services: rowsOf("services").flatMap(({ rows }) => rows),
      connections: PageSections.join(rowsOf("connections")),
      transfers: PageSections.joinTransfers(rowsOf("transfers") as ReadonlyArray<PageState.Snapshot["transfers"]>),
      peers: PageSections.join(rowsOf("peers")),
      farms: PageSections.join(rowsOf("farms"))
    }
    // The types of the rows are those of the members of `Source`, and each sample is checked by their schemas.
    return snapshot as unknown as PageState.Snapshot
  })
}

/** The samples of a hub, from which each browser takes what it has not seen. */
const makeSamples = () => {
  let sections = PageSections.empty
  let sampledAtMillis = 0
  /** The updates of the last sample by the version that its browser has seen: most browsers have seen the same. */
  const encoded = new Map<number | undefined, EncodedUpdate | undefined>()
  return {
    add: (snapshot: PageState.Snapshot, atMillis: number) => {
      const [next, invalid] = PageSections.sample(sections, snapshot)
      sections = next
      sampledAtMillis = atMillis
      encoded.clear()
      return invalid
    },
    version: () => sections.version,
    since: (version: number | undefined) => {
      if (!encoded.has(version)) encoded.set(version, PageSections.since(sections, version, sampledAtMillis))
      return encoded.get(version)
    }
  }
}

/** Makes a hub. @category constructors @since 0.1.0 */
export const makeWith = Effect.fnUntraced(function* (options: Options): Effect.fn.Return<PageHub, never, Scope.Scope> {
  const interval = Duration.fromInputUnsafe(options.interval ?? "250 millis")
  const entries = new Set<Entry>()
  const warn = makeWarning()
  const read = makeReader(entries, warn)
  const samples = makeSamples()
  const hasWatchers = Latch.makeUnsafe(false)
  const sampled = Latch.makeUnsafe(false)
  let watchers = 0
  /** False while the last sample is older than the interval, because nobody has watched. */
  let isFresh = false

  const cycle = Effect.gen(function* () {
    if (watchers === 0) {
      isFresh = false
      yield* hasWatchers.await
    }
    const invalid = samples.add(yield* read, yield* Clock.currentTimeMillis)
    for (const name of invalid) yield* warn(name, "rows that the page cannot show are left out")
    isFresh = true
    yield* sampled.release
    yield* Effect.sleep(interval)
  })
  yield* Effect.forkScoped(Effect.forever(cycle), { startImmediately: true })

  const subscribe = Effect.acquireRelease(
    Effect.sync(() => {
      watchers++
      hasWatchers.openUnsafe()
      let seen: number | undefined
      const next: Effect.Effect<EncodedUpdate> = Effect.suspend(() => {
        const update = isFresh ? samples.since(seen) : undefined
        if (update === undefined) return Effect.andThen(sampled.await, next)
        seen = samples.version()
        return Effect.succeed(update)
      })
      return next
    }),
    () =>
      Effect.sync(() => {
        watchers--
        if (watchers === 0) hasWatchers.closeUnsafe()
      })
  )
  const encodedUpdates = Stream.unwrap(Effect.map(subscribe, Stream.fromEffectRepeat))

  return {
    register: (source) =>
      Effect.asVoid(
        Effect.acquireRelease(
          Effect.sync(() => {
            const entry: Entry = { source, latest: new Map() }
            entries.add(entry)
            return entry
          }),
          (entry) => Effect.sync(() => entries.delete(entry))
        )
      ),
    updates: Stream.map(encodedUpdates, ({ update }) => update),
    encodedUpdates
  }
})

/** Makes a hub with the default options. @category constructors @since 0.1.0 */
export const make: Effect.Effect<PageHub, never, Scope.Scope> = Effect.suspend(() => makeWith({}))
