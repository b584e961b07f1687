/** The workers on other machines. Loaded only with `--hosts`. */
import type * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as HostFile from "../../../farm/tcp/HostFile.ts"
import * as TcpWorkers from "../../../farm/tcp/TcpWorkers.ts"
import type { Workers } from "../../../farm/Worker.ts"
import * as NodeFiles from "../../../network/files/NodeFiles.ts"
import * as CourseWorkers from "../../../primes/CourseWorkers.ts"
import * as PrimeJob from "../../../primes/PrimeJob.ts"
import { CannotCount, UsageError } from "../../common/CliErrors.ts"
import * as network from "../common/network.ts"
import * as crypto from "./crypto.ts"

/** The flags of the connections to hosts. */
export interface ConnectionFlags {
  readonly connectTimeout?: Duration.Duration | undefined
  readonly lease?: Duration.Duration | undefined
  readonly reconnect?: Duration.Duration | undefined
}

interface Options extends ConnectionFlags {
  readonly hosts: string
  readonly dialect: "course" | undefined
  readonly key: Redacted.Redacted | undefined
  /** True if the run has other workers, and need not wait for a host. */
  readonly mayBeEmpty: boolean
  readonly beforeLog: Effect.Effect<void>
}

/** Lists of hosts, each of which replaces the one before. */
type Lists = Stream.Stream<ReadonlyArray<string>, never, FileSystem.FileSystem>

const usage = (message: string) => new UsageError({ message: `--hosts: ${message}` })

/** The word that stands for the servers that announce themselves. */
const discoverWord = "discover"

/** Finds the servers that announce themselves. */
const discovered = Effect.fnUntraced(function* (key: Redacted.Redacted | undefined) {
  const { discover } = yield* Effect.promise(() => import("./discovery.ts"))
  return yield* Effect.mapError(
    discover({ name: "primes-count", key }),
    ({ message }) => new CannotCount({ message: `--hosts discover: ${message}` })
  )
})

/** Returns the lists of a file. Fails if it cannot be read now. */
const ofFile = Effect.fnUntraced(function* (path: string) {
  yield* Effect.mapError(HostFile.read(path), ({ message }) => usage(`@${path}: ${message}`))
  return HostFile.watch(path)
})

const sourceOf = Effect.fnUntraced(function* (word: string, key: Redacted.Redacted | undefined) {
  const lists: Lists = word === discoverWord ? yield* discovered(key) : yield* ofFile(word.slice(1))
  return lists
})

/** Joins the latest lists of several sources. */
const joined = (sources: ReadonlyArray<Lists>): Lists => {
  const numbered = sources.map((source, index) => Stream.map(source, (hosts) => ({ hosts, index })))
  return Stream.mergeAll(numbered, { concurrency: "unbounded" }).pipe(
    Stream.mapAccum(
      (): ReadonlyArray<ReadonlyArray<string>> => sources.map(() => []),
      (lists, { hosts, index }) => {
        const next = lists.with(index, hosts)
        return [next, [next.flat()]]
      }
    )
  )
}

/** Parses `--hosts`: hosts, files of hosts, and the servers that are found. */
const parse = Effect.fnUntraced(function* ({ hosts, key }: Pick<Options, "hosts" | "key">) {
  const words = hosts.split(",").map((word) => word.trim())
  const isSource = (word: string) => word === discoverWord || word.startsWith("@")
  const names = words.filter((word) => !isSource(word))
  for (const name of names) {
    const place = TcpWorkers.parseHost(name)
    if (Result.isFailure(place)) return yield* usage(place.failure)
  }
  if (names.length === words.length) return names
  const sources = yield* Effect.forEach(words.filter(isSource), (word) => sourceOf(word, key))
  return joined([Stream.succeed(names), ...sources])
})

/** Returns the delays before a host is connected again, for this time at most. */
const reconnectFor = (limit: Duration.Duration) =>
  Duration.isZero(limit) ? Schedule.recurs(0) : Schedule.upTo(TcpWorkers.reconnect, { duration: limit })

/** Parses the list of hosts, and makes their pool: it connects when the run begins. */
export const open = Effect.fnUntraced(function* (options: Options) {
  const { beforeLog, connectTimeout, dialect, key, lease, mayBeEmpty, reconnect } = options
  if (dialect === "course" && key !== undefined) {
    return yield* new UsageError({
      message: "--key does not work with --dialect course: the course's protocol has no authentication"
    })
  }
  const context = yield* Layer.build(Layer.mergeAll(network.layer, NodeFiles.layer, crypto.layer(key)))
  const hosts = yield* Effect.provideContext(parse(options), context)
  const events = yield* Queue.unbounded<TcpWorkers.Event, Cause.Done>()
  const logging = Stream.runForEach(Stream.fromQueue(events), (event) =>
    Effect.andThen(beforeLog, TcpWorkers.logEvent(event))
  )
  const logger = yield* Effect.forkDetach(logging)
  yield* Effect.addFinalizer(() => Effect.andThen(Queue.end(events), Fiber.await(logger)))
  const hostOptions: TcpWorkers.HostOptions = {
    ...{ hosts: Stream.isStream(hosts) ? Stream.provideContext(hosts, context) : hosts, events },
    ...{ connectTimeout, lease, mayBeEmpty },
    reconnect: reconnect === undefined ? undefined : reconnectFor(reconnect)
  }
  const workers =
    dialect === "course" ? CourseWorkers.make(hostOptions) : TcpWorkers.make({ ...hostOptions, job: PrimeJob.job, key })
  const open: Workers = Effect.provide(workers, context)
  return open
})
