/**
 * The threads of other machines as workers of a farm: of hosts that run a `TcpWorkerServer`. A host that cannot be
 * reached or runs another job is reported, and the pool does without it. A host that violates the protocol or times out
 * is disconnected: its packets go to other workers, and it is reconnected.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { FarmError, InvalidOptions, NoWorkers } from "../FarmError.ts"
import * as Worker from "../Worker.ts"
import * as Auth from "./Auth.ts"
import type * as PayloadCodec from "./PayloadCodec.ts"
import { defaultMaxPacketBytes } from "./Protocol.ts"
import * as RemoteHost from "./RemoteHost.ts"
import * as WorkerServerConnection from "./WorkerServerConnection.ts"

/** A change in the connection to a host. @category models @since 0.1.0 */
export type Event = RemoteHost.Event

/** The hosts of a pool, independent of their protocol. @category models @since 0.1.0 */
export interface HostOptions {
  /** Hosts as `host`, `host:port` or `[::1]:port`: a name or IP literal, and a port number or service name. */
  readonly hosts: ReadonlyArray<string>
  /** The port of hosts without one. Default 1070. */
  readonly port?: number | undefined
  /** The time limit for name resolution, connecting and handshake together. Default 5 seconds. */
  readonly timeout?: Duration.Input | undefined
  /**
   * The time after which a host is disconnected if it sends nothing, or does not end cancelled packets. From 1 ms to
   * 1 hour, default 10 seconds. It must be shorter than the lease of a packet.
   */
  readonly lease?: Duration.Input | undefined
  /**
   * The delays before a host is reconnected; at its end the host is given up. It restarts after a successful packet.
   * Default `reconnect`.
   */
  readonly reconnect?: Schedule.Schedule<unknown> | undefined
  /** Receives changes in the connections to hosts; `Stream.fromQueue` follows it. Default: they are logged. */
  readonly events?: Queue.Enqueue<Event> | undefined
}

/** The options of a pool. @category models @since 0.1.0 */
export interface Options extends HostOptions {
  /** The job of the run: a host that has another job, or another version of it, is ignored. */
  readonly job: PayloadCodec.WireJob
  /** The key that hosts must have. Default: none. */
  readonly key?: Redacted.Redacted | undefined
  /** The most bytes in a packet, and in a result, in binary form. Default 16 MiB. */
  readonly maxPacketBytes?: number | undefined
}

/**
 * The default delays before reconnecting: 0.2, 0.4, 0.8... seconds, each varied by up to a fifth. It ends after six
 * attempts, about 12 seconds.
 *
 * @category schedules
 * @since 0.1.0
 */
export const reconnect: Schedule.Schedule<unknown> = Schedule.exponential("200 millis").pipe(
  Schedule.jittered,
  Schedule.upTo({ times: 6 })
)

/**
 * Logs an event: losses as warnings, connections after one at INFO, first ones at DEBUG.
 *
 * @category constructors
 * @since 0.1.0
 */
export const logEvent = (event: Event): Effect.Effect<void> => {
  switch (event._tag) {
    case "Connected":
      return event.again
        ? Effect.logInfo(`${event.host}: connected again, ${event.threads} threads`)
        : Effect.logDebug(`${event.host}: connected, ${event.threads} threads`)
    case "Ignored":
      return Effect.logWarning(`${event.host}: ignored: ${event.message}`)
    case "Lost":
      return Effect.logWarning(`${event.host}: lost: ${event.message}`)
    case "Gone":
      return Effect.logWarning(`${event.host}: given up: ${event.message}`)
  }
}

/**
 * Parses a host with an optional service; an IPv6 literal with one needs brackets.
 *
 * @category conversions
 * @since 0.1.0
 */
export const parseHost = (
  text: string,
  port = 1070
): Result.Result<{ host: string; service: string | number }, string> => {
  const [, bracketed, plain, service, literal] =
    /^(?:(?:\[([^[\]]+)\]|([^:[\]]+))(?::([^:]+))?$|([\da-f:.]*:[\da-f:.]*:[\da-f:.]*(?:%.+)?)$)/i.exec(text) ?? []
  const host = bracketed ?? plain ?? literal
  return host === undefined
    ? Result.fail(`invalid host ${JSON.stringify(text)}: write host, host:port or [address]:port`)
    : Result.succeed({ host, service: service ?? port })
}

/**
 * Connects to hosts by the given function, whatever protocol it speaks. Fails with `NoWorkers`, with a cause for each
 * host, if none can be used.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeWith = Effect.fnUntraced(function* <R>(
  options: HostOptions & { readonly job: Worker.Worker["job"] },
  open: (
    address: { readonly host: string; readonly service: string | number },
    timeouts: { readonly leaseMillis: number; readonly timeoutMillis: number }
  ) => RemoteHost.Options<R>["open"]
): Effect.fn.Return<Worker.WorkerPool, FarmError, R | Scope.Scope> {
  const { events, hosts, job } = options
  const publish = events === undefined ? logEvent : (event: Event) => Effect.asVoid(Queue.offer(events, event))
  const leaseMillis = Duration.toMillis(options.lease ?? "10 seconds")
  const timeoutMillis = Duration.toMillis(options.timeout ?? "5 seconds")
  if (hosts.length === 0) {
    return yield* new FarmError({ reason: new InvalidOptions({ message: "invalid host count 0: must be at least 1" }) })
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
            publish,
            open: open(address, { leaseMillis, timeoutMillis }),
            reconnect: options.reconnect ?? reconnect
          })
        ),
        Effect.tapError(({ message }) => publish({ _tag: "Ignored", host: name, message })),
        Effect.mapError(({ message }) => (message.startsWith(name) ? message : `${name}: ${message}`)),
        Effect.result
      ),
    { concurrency: "unbounded" }
  )
  const workers = results.flatMap((one) => (Result.isSuccess(one) ? one.success : []))
  if (workers.length > 0) return Worker.pool(workers)
  const causes = results.flatMap((one) => (Result.isFailure(one) ? [one.failure] : []))
  return yield* new FarmError({ reason: new NoWorkers({ causes }) })
})

/**
 * Connects to hosts until the scope closes: a worker for each of their threads. Fails with `NoWorkers` if none can be
 * used, and with `InvalidOptions` for an empty list or an empty key.
 *
 * **Example** (Using hosts if there are any, otherwise the threads of this process)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Queue from "effect/Queue"
 * import { Farm, NodeThreadWorkers, TcpWorkers } from "effect-inet/farm"
 * import { NodeServices } from "effect-inet/network"
 * import { PrimeJob } from "effect-inet/primes"
 *
 * const hosts = Effect.gen(function* () {
 *   const events = yield* Queue.sliding<TcpWorkers.Event>(16)
 *   return yield* TcpWorkers.make({ hosts: ["127.0.0.1:1"], job: PrimeJob.job, events })
 * })
 * const workers = Effect.catch(Effect.provide(hosts, NodeServices.layer), () =>
 *   NodeThreadWorkers.make({ module: PrimeJob.module, threads: 1 })
 * )
 * const program = Farm.run(PrimeJob.job, { from: 0, to: 1_000, kernel: "trial" }, { workers })
 *
 * await Effect.runPromise(program) // => 168
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<Worker.WorkerPool, FarmError, WorkerServerConnection.Requirements | Scope.Scope> {
  const { job, key, maxPacketBytes = defaultMaxPacketBytes } = options
  const auth = key === undefined ? undefined : yield* Auth.make(key)
  return yield* makeWith(options, (address, timeouts) =>
    WorkerServerConnection.open({ ...address, ...timeouts, job, auth, maxPacketBytes })
  )
})
