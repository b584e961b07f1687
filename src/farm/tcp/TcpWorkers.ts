/**
 * The threads of other machines as workers of a farm: of hosts that run a `TcpWorkerServer`. Hosts come and go: a run
 * begins with the first one that is ready, and the others join when they are. A host that is down is tried again for
 * the whole run. One that violates the protocol or times out is disconnected: its packets go to other workers, and it
 * is connected again. Only a host that can never be used, such as one with another job or key, is given up: with a key,
 * after three equal refusals in a row, since a refusal is not authenticated, and altered bytes may be its cause.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Quantity from "../../network/Quantity.ts"
import { FarmError, InvalidOptions } from "../FarmError.ts"
import type * as Worker from "../Worker.ts"
import type { Place } from "./HostAddresses.ts"
import * as HostPool from "./HostPool.ts"
import type * as RemoteHost from "./RemoteHost.ts"
import * as WorkerServerConnection from "./WorkerServerConnection.ts"
import * as Auth from "./wire/Auth.ts"
import type * as PayloadCodec from "./wire/PayloadCodec.ts"
import { defaultMaxPacketBytes } from "./wire/Protocol.ts"

/** A change in the connection to a host. @category models @since 0.1.0 */
export type Event = RemoteHost.Event

/** The hosts of a pool, independent of their protocol. @category models @since 0.1.0 */
export interface HostOptions {
  /**
   * Hosts as `host`, `host:port` or `[::1]:port`: a name or IP literal, and a port number or service name. Of a name
   * with several IPv4 addresses each is a host; without any, each IPv6 address is. It is resolved again each 30 seconds
   * and when a connection fails: new addresses join, and others leave when their connection ends.
   *
   * A stream emits lists, each of which replaces the one before: hosts that are not in it leave at once.
   */
  readonly hosts: ReadonlyArray<string> | Stream.Stream<ReadonlyArray<string>>
  /** The port of hosts without one. Default 1070. */
  readonly port?: number | undefined
  /** The time limit of one attempt: for resolving a name, and for connecting and handshake. Default 5 seconds. */
  readonly timeout?: Duration.Input | undefined
  /** The time within which one host must be ready, else the pool fails with `NoWorkers`. Default 10 seconds. */
  readonly connectTimeout?: Duration.Input | undefined
  /**
   * True for a pool that begins without a host, and waits for none: all join. It is for a pool that is combined with
   * other workers. Default false.
   */
  readonly mayBeEmpty?: boolean | undefined
  /**
   * The time after which a host is disconnected if it sends nothing, or does not end cancelled packets. From 1 ms to
   * 1 hour, default 10 seconds. It must be shorter than the lease of a packet.
   */
  readonly lease?: Duration.Input | undefined
  /**
   * The delays before a host that is down or was lost is connected again; at its end the host is given up. It restarts
   * after a connection with a result, and one of 10 seconds in which the host said that it works on a packet, or was
   * idle. A host that is silent about its packets does not restart it. Default `reconnect`, which does not end.
   */
  readonly reconnect?: Schedule.Schedule<unknown> | undefined
  /** Receives changes in the connections to hosts; `Stream.fromQueue` follows it. Default: they are logged. */
  readonly events?: Queue.Enqueue<Event> | undefined
}

/** The options of a pool. @category models @since 0.1.0 */
export interface Options extends HostOptions {
  /** The job of the run: a host that has another job, or another version of it, is given up. */
  readonly job: PayloadCodec.WireJob
  /** The key that hosts must have; one with another key is given up after three attempts. Default: none. */
  readonly key?: Redacted.Redacted | undefined
  /** The most bytes in a packet, and in a result, in binary form. Default 16 MiB. */
  readonly maxPacketBytes?: number | undefined
}

/**
 * The default delays before a host is connected again: 0.2, 0.4, 0.8... seconds and 10 at most, each varied by up to a
 * fifth. It does not end.
 *
 * @category schedules
 * @since 0.1.0
 */
export const reconnect: Schedule.Schedule<unknown> = Schedule.min([
  Schedule.exponential("200 millis"),
  Schedule.spaced("10 seconds")
]).pipe(Schedule.jittered)

/** Returns the message of an event without the host at its begin, which precedes it in the log. */
const reasonOf = ({ host, message }: { readonly host: string; readonly message: string }) =>
  message.startsWith(`${host}: `) ? message.slice(host.length + 2) : message

/**
 * Logs an event: hosts that are down, lost or given up as warnings, connections at INFO, the first ones at DEBUG.
 *
 * @category constructors
 * @since 0.1.0
 */
export const logEvent = (event: Event): Effect.Effect<void> => {
  switch (event._tag) {
    case "Connected": {
      const threads = Quantity.format(event.threads, "thread")
      return event.again
        ? Effect.logInfo(`${event.host}: connected again, ${threads}`)
        : Effect.logDebug(`${event.host}: connected, ${threads}`)
    }
    case "Unreachable":
      return Effect.logWarning(`${event.host}: not connected yet, trying again: ${reasonOf(event)}`)
    case "Lost":
      return Effect.logWarning(`${event.host}: lost: ${reasonOf(event)}`)
    case "Gone":
      return Effect.logWarning(`${event.host}: given up: ${reasonOf(event)}`)
    case "Left":
      return Effect.logInfo(`${event.host}: left: ${reasonOf(event)}`)
  }
}

/**
 * Parses a host with an optional service; an IPv6 literal with one needs brackets. Fails for a port that no host has.
 *
 * @category conversions
 * @since 0.1.0
 */
export const parseHost = (text: string, port = 1070): Result.Result<Place, string> => {
  const [, bracketed, plain, service, literal] =
    /^(?:(?:\[([^[\]]+)\]|([^:[\]]+))(?::([^:]+))?$|([\da-f:.]*:[\da-f:.]*:[\da-f:.]*(?:%.+)?)$)/i.exec(text) ?? []
  const host = bracketed ?? plain ?? literal
  if (host === undefined) {
    return Result.fail(`invalid host ${JSON.stringify(text)}: write host, host:port or [address]:port`)
  }
  const place = { host, service: service ?? port }
  return isImpossiblePort(`${place.service}`)
    ? Result.fail(`invalid port ${place.service} of ${host}: must be a whole number from 1 to 65535`)
    : Result.succeed(place)
}

/** Returns true for a number to which nothing can connect; a name may be that of a service. */
const isImpossiblePort = (service: string) =>
  /^[-+.\d]+$/.test(service) && !(/^\d+$/.test(service) && Number(service) >= 1 && Number(service) <= 0xffff)

/** The limits of `lease` in milliseconds. */
const leaseLimits = { minimum: 1, maximum: 3_600_000 }

const invalid = (message: string) => new FarmError({ reason: new InvalidOptions({ message }) })

/** Returns the error of invalid options. */
const problemOf = ({ hosts }: HostOptions, leaseMillis: number, connectMillis: number) => {
  if (!Stream.isStream(hosts) && hosts.length === 0) return invalid("invalid host count 0: must be at least 1")
  if (!(leaseMillis >= leaseLimits.minimum && leaseMillis <= leaseLimits.maximum)) {
    return invalid(`invalid lease ${leaseMillis} ms of hosts: must be 1 ms to 1 hour`)
  }
  return connectMillis > 0 ? undefined : invalid(`invalid connectTimeout ${connectMillis} ms: must be more than 0`)
}

/**
 * Connects to hosts by the given function, whatever protocol it speaks. Fails with `NoWorkers`, with a cause for each
 * host, if none can be used, or none is ready in time.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeWith = Effect.fnUntraced(function* <R>(
  options: HostOptions & { readonly job: Worker.Worker["job"] },
  open: (
    place: Place,
    timeouts: { readonly leaseMillis: number; readonly timeoutMillis: number }
  ) => RemoteHost.Options<R>["open"]
): Effect.fn.Return<Worker.WorkerPool, FarmError, R | WorkerServerConnection.Requirements | Scope.Scope> {
  const { events, hosts, job, mayBeEmpty = false, port } = options
  const leaseMillis = Duration.toMillis(options.lease ?? "10 seconds")
  const connectMillis = Duration.toMillis(options.connectTimeout ?? "10 seconds")
  const timeoutMillis = Duration.toMillis(options.timeout ?? "5 seconds")
  const problem = problemOf(options, leaseMillis, connectMillis)
  if (problem !== undefined) return yield* problem
  return yield* HostPool.make<R>(
    {
      ...{ job, leaseMillis, timeoutMillis, reconnect: options.reconnect ?? reconnect },
      lists: Stream.isStream(hosts) ? hosts : Stream.succeed(hosts),
      parse: (host) => parseHost(host, port),
      open: (place) => open(place, { leaseMillis, timeoutMillis }),
      publish: events === undefined ? logEvent : (event) => Effect.asVoid(Queue.offer(events, event))
    },
    mayBeEmpty ? undefined : connectMillis
  )
})

/**
 * Connects to hosts until the scope closes: a worker for each of their threads. Fails with `NoWorkers` if none can be
 * used or none is ready in time, and with `InvalidOptions` for an empty list or an empty key.
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
 *   const options = { hosts: ["127.0.0.1:1"], job: PrimeJob.job, events }
 *   return yield* TcpWorkers.make({ ...options, connectTimeout: "100 millis" })
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
