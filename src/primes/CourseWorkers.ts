/**
 * Servers of the course as workers of a farm that counts primes. Each host counts one range after the other, below
 * 2^31. A first request for the range 0..2 shows whether a host counts 0 and 1 as primes, as the originals do; the farm
 * then subtracts these, so that the sum is exact with any host.
 */
import * as Bytes from "effect/Bytes"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import * as Pull from "effect/Pull"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { FarmError } from "../farm/FarmError.ts"
import type { ConnectionFailure, HostConnection, OnOutcomes } from "../farm/tcp/RemoteHost.ts"
import * as TcpWorkers from "../farm/tcp/TcpWorkers.ts"
import type { Requirements } from "../farm/tcp/WorkerServerConnection.ts"
import type { TaskOutcome, Worker } from "../farm/Worker.ts"
import * as Monotonic from "../network/Monotonic.ts"
import type { Connection } from "../network/Network.ts"
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
  isPermanent: false
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
  const latencyMillis = now() - start
  const pendingRanges: Array<PendingRange> = []
  let outgoing: Array<Uint8Array> = []
  const hasOutput = Latch.makeUnsafe(false)
  let lastResponseAt = 0

  const outcomeOf = (count: number): TaskOutcome | ConnectionFailure => {
    const range = pendingRanges.shift()
    if (range === undefined) return connectionFailure(`unsolicited response: ${count}`)
    const result = count - (isOvercounting ? CourseProtocol.overcount(range) : 0)
    // Of two neighbours one is even, and 2 is the only even prime.
    if (!(result >= 0 && result <= (range.max - range.min) / 2 + 1)) {
      return connectionFailure(`impossible count ${count} for the range ${range.min}..${range.max}`)
    }
    const millis = now() - Math.max(range.sentAt, lastResponseAt)
    lastResponseAt = now()
    return { _tag: "Done", id: range.id, result, millis }
  }
  const receive = (onOutcomes: OnOutcomes) => (bytes: Uint8Array) => {
    const outcomes: Array<TaskOutcome> = []
    for (const count of decoder.push(bytes)) {
      const outcome = outcomeOf(count)
      if ("isPermanent" in outcome) return Effect.fail(outcome)
      outcomes.push(outcome)
    }
    onOutcomes(outcomes)
    return Effect.void
  }
  const flush = Effect.suspend(() => {
    hasOutput.closeUnsafe()
    const all = Bytes.concat(outgoing)
    outgoing = []
    return connection.write(all)
  })
  const hostConnection: HostConnection = {
    threads: 1,
    capacity: maxPendingRanges,
    latencyMillis,
    send: (tasks) =>
      tasks.flatMap(({ id, packet }): ReadonlyArray<TaskOutcome> => {
        const decoded = decode(packet)
        if (Option.isNone(decoded)) return [{ _tag: "Failed", id, message: "the packet is not a range" }]
        const { from: min, to: max } = decoded.value
        if (max > CourseProtocol.upperLimit) {
          return [
            { _tag: "Failed", id, message: `range end ${max} is too large for the course's protocol (limit 2^31 - 1)` }
          ]
        }
        pendingRanges.push({ id, min, max, sentAt: now() })
        outgoing.push(CourseProtocol.encodeRequest({ min, max }))
        hasOutput.openUnsafe()
        return []
      }),
    // The protocol has no cancel message: the response is awaited and discarded.
    cancel: () => {},
    serve: (onOutcomes) =>
      Effect.raceFirst(
        Effect.forever(Effect.flatMap(connection.pull, receive(onOutcomes))),
        Effect.forever(Effect.andThen(hasOutput.await, flush))
      ).pipe(
        Pull.catchDone(closed),
        Effect.mapError((error) => ("isPermanent" in error ? error : failureOf(error)))
      )
  }
  return hostConnection
})

/**
 * Connects to hosts until the scope closes: one worker for each. Fails with `NoWorkers` if none can be used.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Effect.Effect<ReadonlyArray<Worker>, FarmError, Requirements | Scope.Scope> =>
  TcpWorkers.makeWith({ ...options, job }, (place, times) =>
    open(place, times, Math.max(1, options.maxPendingRanges ?? 2))
  )
