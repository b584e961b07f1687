/**
 * Servers of the course as workers of a farm that counts primes. Each host counts one range after the other, below
 * 2^31. A first request for the range 0..2 shows whether a host counts 0 and 1 as primes, as the originals do; the farm
 * then subtracts these, so that the sum is exact with any host.
 */
import * as Bytes from "effect/Bytes"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Pull from "effect/Pull"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { errorText, type FarmError } from "../farm/FarmError.ts"
import * as HostAddresses from "../farm/tcp/HostAddresses.ts"
import type { ConnectionFailure, HostConnection, OnOutcomes } from "../farm/tcp/RemoteHost.ts"
import * as TcpWorkers from "../farm/tcp/TcpWorkers.ts"
import type { Requirements } from "../farm/tcp/WorkerServerConnection.ts"
import type { Task, TaskOutcome, WorkerPool } from "../farm/Worker.ts"
import * as Monotonic from "../network/Monotonic.ts"
import type { Connection } from "../network/Network.ts"
import * as Signal from "../network/Signal.ts"
import * as TcpClient from "../network/TcpClient.ts"
import * as CourseProtocol from "./CourseProtocol.ts"
import { job, Packet } from "./PrimeJob.ts"

/** The options of a pool. @category models @since 0.1.0 */
export interface Options extends TcpWorkers.HostOptions {
  /** Requests in flight to one host. Default 2, which covers the round trip; the course's client uses 1. */
  readonly maxPendingRanges?: number | undefined
}

/** A range in flight. */
interface PendingRange extends CourseProtocol.Request {
  readonly id: number
  readonly sentAt: number
}

const decode = Schema.decodeUnknownOption(Packet)

const failureOf = (error: { readonly message: string }): ConnectionFailure => ({
  message: error.message,
  isPermanent: HostAddresses.isServiceError(error)
})

const connectionFailure = (message: string, isPermanent = false): ConnectionFailure => ({ message, isPermanent })

const closed = () => Effect.fail(connectionFailure("the host closed the connection"))

const probe: CourseProtocol.Request = { min: 0, max: 2 }

/** Returns true if a host counts 0 and 1 as primes. */
const probeHost = Effect.fnUntraced(function* (
  connection: Pick<Connection, "pull" | "write">,
  decoder: CourseProtocol.Decoder<number>
) {
  yield* connection.write(CourseProtocol.encodeRequest(probe))
  let responses: ReadonlyArray<number> = []
  while (responses.length === 0) responses = decoder.push(yield* connection.pull)
  const [count, unsolicited] = responses
  if (unsolicited !== undefined) {
    return yield* Effect.fail(connectionFailure(`unsolicited response: ${unsolicited}`, true))
  }
  if (count === 0 || count === 2) return count === 2
  return yield* Effect.fail(connectionFailure(`not a prime server: it counts ${count} primes in 0..2`, true))
})

/** Connection to a host. Times are in milliseconds. */
interface CourseHost {
  readonly connection: Pick<Connection, "pull" | "write">
  readonly decoder: CourseProtocol.Decoder<number>
  readonly isOvercounting: boolean
  readonly now: () => number
  /** Ranges in flight, in the order of their responses. */
  readonly pendingRanges: Array<PendingRange>
  readonly hasOutput: Signal.Signal
  outgoing: ReadonlyArray<Uint8Array>
  lastResponseAt: number
}

const outcomeOf = (host: CourseHost, count: number): TaskOutcome | ConnectionFailure => {
  const range = host.pendingRanges.shift()
  if (range === undefined) return connectionFailure(`unsolicited response: ${count}`)
  const result = count - (host.isOvercounting ? CourseProtocol.overcount(range) : 0)
  // Of two neighbours one is even, and 2 is the only even prime.
  if (!(result >= 0 && result <= (range.max - range.min) / 2 + 1)) {
    return connectionFailure(`impossible count ${count} for the range ${range.min}..${range.max}`)
  }
  const now = host.now()
  const millis = now - Math.max(range.sentAt, host.lastResponseAt)
  host.lastResponseAt = now
  return { _tag: "Done", id: range.id, result, millis }
}

const receive = (host: CourseHost, onOutcomes: OnOutcomes) =>
  Effect.flatMap(host.connection.pull, (bytes) => {
    const outcomes: Array<TaskOutcome> = []
    for (const count of host.decoder.push(bytes)) {
      const outcome = outcomeOf(host, count)
      if ("isPermanent" in outcome) return Effect.fail(outcome)
      outcomes.push(outcome)
    }
    return Effect.mapError(Effect.fromResult(onOutcomes(outcomes)), ({ id }) =>
      connectionFailure(`response to an unknown range: id ${id}`)
    )
  })

/** Sends a task; returns its outcome if the course's protocol cannot express its range. */
const send = (host: CourseHost, { id, packet }: Task): ReadonlyArray<TaskOutcome> => {
  const decoded = decode(packet)
  if (Option.isNone(decoded)) return [{ _tag: "Failed", id, error: errorText("the packet is not a range") }]
  const { from: min, to: max } = decoded.value
  if (max > CourseProtocol.upperLimit) {
    const message = `range end ${max} is too large for the course's protocol (limit 2^31 - 1)`
    return [{ _tag: "Failed", id, error: errorText(message) }]
  }
  host.pendingRanges.push({ id, min, max, sentAt: host.now() })
  host.outgoing = [...host.outgoing, CourseProtocol.encodeRequest({ min, max })]
  host.hasOutput.notify()
  return []
}

const flush = (host: CourseHost) =>
  Effect.andThen(
    host.hasOutput.wait,
    Effect.suspend(() => {
      const requests = Bytes.concat(host.outgoing)
      host.outgoing = []
      return host.connection.write(requests)
    })
  )

const open = Effect.fnUntraced(function* (
  address: { readonly host: string; readonly service: string | number },
  { timeoutMillis }: { readonly timeoutMillis: number },
  maxPendingRanges: number
): Effect.fn.Return<HostConnection, ConnectionFailure, Requirements | Scope.Scope> {
  const now = yield* Monotonic.millis
  const start = now()
  const decoder = CourseProtocol.responseDecoder()
  const { connection, isOvercounting } = yield* Effect.gen(function* () {
    const connection = yield* TcpClient.connect(address)
    return { connection, isOvercounting: yield* probeHost(connection, decoder) }
  }).pipe(
    Pull.catchDone(closed),
    Effect.timeoutOrElse({
      duration: timeoutMillis,
      orElse: () => Effect.fail(connectionFailure(`timed out: no response within ${timeoutMillis / 1_000} s`))
    }),
    Effect.mapError((error) => ("isPermanent" in error ? error : failureOf(error)))
  )
  const host: CourseHost = {
    ...{ connection, decoder, isOvercounting, now, pendingRanges: [], outgoing: [], lastResponseAt: 0 },
    hasOutput: Signal.make()
  }
  const hostConnection: HostConnection = {
    threads: 1,
    capacity: maxPendingRanges,
    latencyMillis: now() - start,
    reportsEachBegin: false,
    send: (tasks) => tasks.flatMap((task) => send(host, task)),
    // The protocol has no cancel message: the response is awaited and discarded.
    cancel: () => {},
    serve: (onOutcomes) =>
      Effect.raceFirst(Effect.forever(receive(host, onOutcomes)), Effect.forever(flush(host))).pipe(
        Pull.catchDone(closed),
        Effect.mapError((error) => ("isPermanent" in error ? error : failureOf(error)))
      )
  }
  return hostConnection
})

/**
 * Connects to hosts until the scope closes: one worker for each. Fails with `NoWorkers` if none can be used, or none is
 * ready in time.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Effect.Effect<WorkerPool, FarmError, Requirements | Scope.Scope> =>
  TcpWorkers.makeWith({ ...options, job }, (place, times) =>
    open(place, times, Math.max(1, options.maxPendingRanges ?? 2))
  )
