/**
 * The threads of other machines as workers of a farm: those of hosts that run a `TcpWorkerServer`. A host that cannot
 * be reached or does other work is reported, and the others are used; one that breaks the protocol or falls silent is
 * disconnected, its packets go to others, and it is connected again.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { FarmError, InvalidOptions, NoWorkers } from "../FarmError.ts"
import type { Worker } from "../Worker.ts"
import * as Auth from "./Auth.ts"
import * as FarmConnection from "./FarmConnection.ts"
import { frameLimitBytes } from "./Protocol.ts"
import * as RemoteHost from "./RemoteHost.ts"

/** What happens to a host. @category models @since 0.1.0 */
export type Event = RemoteHost.Event

/** Which hosts, whatever they speak, and how they are treated. @category models @since 0.1.0 */
export interface HostOptions {
  /** `host`, `host:port`, `[::1]:port`: a name or an IP literal, a port or the name of a service. */
  readonly hosts: ReadonlyArray<string>
  /** The port of hosts that are given without one. Default 1070. */
  readonly port?: number | undefined
  /** How long a host may take to be found, to answer and to greet. Default 5 seconds. */
  readonly timeout?: Duration.Input | undefined
  /**
   * So long a host may be silent, or keep packets that were cancelled, before it is disconnected: to be shorter than
   * the lease of a packet. 1 ms to 1 hour, default 10 seconds.
   */
  readonly lease?: Duration.Input | undefined
  /**
   * The delays before a host is connected again; the end is to give it up. It begins anew when a result has come.
   * Default `reconnect`.
   */
  readonly reconnect?: Schedule.Schedule<unknown> | undefined
  /** Is told what happens to hosts. Default `logEvent`. */
  readonly onEvent?: ((event: Event) => Effect.Effect<void>) | undefined
}

/** Which hosts, and what they are asked to do. @category models @since 0.1.0 */
export interface Options extends HostOptions {
  /** The job; a host that does another, or another version, is ignored. */
  readonly job: { readonly name: string; readonly version: number }
  /** The key that hosts must know. Default: none. */
  readonly key?: Redacted.Redacted | undefined
  /** Bytes in a packet or a result with its envelope. Default 1 MiB. */
  readonly maxFrameBytes?: number | undefined
}

/**
 * Connects again after 0.2, 0.4, 0.8... seconds, give or take a fifth; gives up after six times, some 12 seconds.
 *
 * @category schedules
 * @since 0.1.0
 */
export const reconnect: Schedule.Schedule<unknown> = Schedule.exponential("200 millis").pipe(
  Schedule.jittered,
  Schedule.upTo({ times: 6 })
)

/** Logs what happens: what is bad as a warning, what is good at DEBUG. @category constructors @since 0.1.0 */
export const logEvent = (event: Event): Effect.Effect<void> => {
  switch (event._tag) {
    case "Connected":
      return Effect.logDebug(`${event.host}: connected, ${event.threads} threads`)
    case "Ignored":
      return Effect.logWarning(`${event.host}: ignored: ${event.message}`)
    case "Lost":
      return Effect.logWarning(`${event.host}: lost: ${event.message}`)
    case "Gone":
      return Effect.logWarning(`${event.host}: given up: ${event.message}`)
  }
}

/** A host and its service; an IPv6 literal needs brackets to have one. @category conversions @since 0.1.0 */
export const parseHost = (
  text: string,
  port = 1070
): Result.Result<{ host: string; service: string | number }, string> => {
  const [, bracketed, plain, service, literal] =
    /^(?:(?:\[([^[\]]+)\]|([^:[\]]+))(?::([^:]+))?$|([\da-f:.]*:[\da-f:.]*:[\da-f:.]*(?:%.+)?)$)/i.exec(text) ?? []
  const host = bracketed ?? plain ?? literal
  return host === undefined
    ? Result.fail(`${JSON.stringify(text)} is no host: give host, host:port or [address]:port`)
    : Result.succeed({ host, service: service ?? port })
}

/**
 * Hosts as workers, by whatever connects to one. Fails with `NoWorkers` if there is none, saying why for each.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeWith = Effect.fnUntraced(function* <R>(
  options: HostOptions & Pick<Options, "job">,
  open: (
    address: { readonly host: string; readonly service: string | number },
    timeouts: { readonly leaseMillis: number; readonly timeoutMillis: number }
  ) => RemoteHost.Options<R>["open"]
): Effect.fn.Return<ReadonlyArray<Worker>, FarmError, R | Scope.Scope> {
  const { hosts, job, onEvent = logEvent } = options
  const leaseMillis = Duration.toMillis(options.lease ?? "10 seconds")
  const timeoutMillis = Duration.toMillis(options.timeout ?? "5 seconds")
  if (hosts.length === 0) {
    return yield* new FarmError({ reason: new InvalidOptions({ message: "0 hosts: give 1 or more" }) })
  }
  const results = yield* Effect.forEach(
    hosts,
    (name) =>
      Effect.fromResult(
        Result.mapError(parseHost(name, options.port), (message) => ({ message, isPermanent: true }))
      ).pipe(
        Effect.flatMap((address) =>
          RemoteHost.make<R>({
            name,
            job,
            leaseMillis,
            onEvent,
            open: open(address, { leaseMillis, timeoutMillis }),
            reconnect: options.reconnect ?? reconnect
          })
        ),
        Effect.tapError(({ message }) => onEvent({ _tag: "Ignored", host: name, message })),
        Effect.mapError(({ message }) => `${name}: ${message}`),
        Effect.result
      ),
    { concurrency: "unbounded" }
  )
  const workers = results.flatMap((one) => (Result.isSuccess(one) ? one.success : []))
  if (workers.length > 0) return workers
  const causes = results.flatMap((one) => (Result.isFailure(one) ? [one.failure] : []))
  return yield* new FarmError({ reason: new NoWorkers({ causes }) })
})

/**
 * Connects to hosts, which are let go of with the scope: a worker for each of their threads. Fails with `NoWorkers` if
 * none can be used, `Invalid` for an empty list or key.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<ReadonlyArray<Worker>, FarmError, FarmConnection.Requirements | Scope.Scope> {
  const { job, key, maxFrameBytes = frameLimitBytes.session } = options
  const auth = key === undefined ? undefined : yield* Auth.make(key)
  return yield* makeWith(options, (address, timeouts) =>
    FarmConnection.open({ ...address, ...timeouts, job, auth, maxFrameBytes })
  )
})
