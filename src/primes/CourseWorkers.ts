/**
 * The course's servers as workers of a farm that counts primes: each host does one packet after the other, below 2^31.
 * A host is first asked for the primes from 0 to 1, which tells whether it counts both, as the originals do; that is
 * then taken off, so that the sum is right whoever counts.
 */
import * as Bytes from "effect/Bytes"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import * as Pull from "effect/Pull"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { FarmError } from "../farm/FarmError.ts"
import type { Needs } from "../farm/tcp/FarmConnection.ts"
import type { Ending, Failure, Line, Tell } from "../farm/tcp/RemoteHost.ts"
import * as TcpWorkers from "../farm/tcp/TcpWorkers.ts"
import type { Worker } from "../farm/Worker.ts"
import * as Monotonic from "../network/Monotonic.ts"
import type { Connection } from "../network/Network.ts"
import * as TcpClient from "../network/TcpClient.ts"
import * as CourseProtocol from "./CourseProtocol.ts"
import { job, Packet } from "./PrimeJob.ts"

/** Which hosts, and how they are asked. @category models @since 0.1.0 */
export interface Options extends TcpWorkers.HostOptions {
  /** Ranges on their way to a host at a time: 2 hide the round trip. Default 2; 1 is what the course's client does. */
  readonly pipeline?: number | undefined
}

/** A range that was asked for. */
interface Asked extends CourseProtocol.Request {
  readonly id: number
  readonly sent: number
}

const decode = Schema.decodeUnknownOption(Packet)

const failure = (error: { readonly message: string }): Failure => ({ message: error.message, isFinal: false })

const broken = (message: string, isFinal = false): Failure => ({ message, isFinal })

const closed = () => Effect.fail(broken("it closed the connection"))

const probe: CourseProtocol.Request = { min: 0, max: 2 }

/** Whether the host counts 0 and 1. */
const ask = Effect.fnUntraced(function* (
  connection: Pick<Connection, "pull" | "write">,
  cutter: CourseProtocol.Cutter<number>
) {
  yield* connection.write(CourseProtocol.encodeRequest(probe))
  let answers: ReadonlyArray<number> = []
  while (answers.length === 0) answers = cutter.push(yield* connection.pull)
  const [count, unasked] = answers
  if (unasked !== undefined) return yield* Effect.fail(broken(`it answers ${unasked} unasked`, true))
  if (count === 0 || count === 2) return count === 2
  return yield* Effect.fail(broken(`it counts ${count} primes from 0 to 1: it is no server of primes`, true))
})

const open = Effect.fnUntraced(function* (
  place: { readonly host: string; readonly service: string | number },
  { timeout }: { readonly timeout: number },
  pipeline: number
): Effect.fn.Return<Line, Failure, Needs | Scope.Scope> {
  const now = yield* Monotonic.millis
  const start = now()
  const cutter = CourseProtocol.answers()
  const { connection, isCourse } = yield* Effect.gen(function* () {
    const connection = yield* TcpClient.connect(place)
    return { connection, isCourse: yield* ask(connection, cutter) }
  }).pipe(
    Pull.catchDone(closed),
    Effect.timeoutOrElse({
      duration: timeout,
      orElse: () => Effect.fail(broken(`no answer within ${timeout / 1_000} s`))
    }),
    Effect.mapError((error) => ("isFinal" in error ? error : failure(error)))
  )
  const latency = now() - start
  const asked: Array<Asked> = []
  let unsent: Array<Uint8Array> = []
  const wanted = Latch.makeUnsafe(false)
  let last = 0

  const endingOf = (count: number): Ending | Failure => {
    const range = asked.shift()
    if (range === undefined) return broken(`it answers ${count} unasked`)
    const result = count - (isCourse ? CourseProtocol.excess(range) : 0)
    // Of any two neighbours one is even, and only 2 is a prime then.
    if (!(result >= 0 && result <= (range.max - range.min) / 2 + 1)) {
      return broken(`it counts ${count} primes from ${range.min} to ${range.max - 1}`)
    }
    const millis = now() - Math.max(range.sent, last)
    last = now()
    return { _tag: "Done", id: range.id, result, millis }
  }
  const receive = (tell: Tell) => (bytes: Uint8Array) => {
    const endings: Array<Ending> = []
    for (const count of cutter.push(bytes)) {
      const ending = endingOf(count)
      if ("isFinal" in ending) return Effect.fail(ending)
      endings.push(ending)
    }
    tell(endings)
    return Effect.void
  }
  const flush = Effect.suspend(() => {
    wanted.closeUnsafe()
    const all = Bytes.concat(unsent)
    unsent = []
    return connection.write(all)
  })
  const line: Line = {
    threads: 1,
    capacity: pipeline,
    latency,
    send: (tasks) =>
      tasks.flatMap(({ id, packet }): ReadonlyArray<Ending> => {
        const decoded = decode(packet)
        if (Option.isNone(decoded)) return [{ _tag: "Failed", id, message: "the packet is no range" }]
        const { from: min, to: max } = decoded.value
        if (max > CourseProtocol.largest) {
          return [
            { _tag: "Failed", id, message: `${max} is too large for the course's dialect: ranges end below 2^31` }
          ]
        }
        asked.push({ id, min, max, sent: now() })
        unsent.push(CourseProtocol.encodeRequest({ min, max }))
        wanted.openUnsafe()
        return []
      }),
    // The dialect has no word for it: the answer is waited for, and thrown away.
    cancel: () => {},
    serve: (tell) =>
      Effect.raceFirst(
        Effect.forever(Effect.flatMap(connection.pull, receive(tell))),
        Effect.forever(Effect.andThen(wanted.await, flush))
      ).pipe(
        Pull.catchDone(closed),
        Effect.mapError((error) => ("isFinal" in error ? error : failure(error)))
      )
  }
  return line
})

/**
 * Connects to hosts, which are let go of with the scope: a worker for each. Fails with `NoWorkers` if none can be used.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Effect.Effect<ReadonlyArray<Worker>, FarmError, Needs | Scope.Scope> =>
  TcpWorkers.makeWith({ ...options, job }, (place, times) => open(place, times, Math.max(1, options.pipeline ?? 2)))
