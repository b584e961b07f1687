/**
 * A host as workers of a farm, whatever it speaks: it outlives its connections. When one breaks, all that the host had
 * is lost, and it is connected again after a while, and after ever longer if nothing comes of it.
 *
 * A farm reckons with workers that do one thing at a time, so a host of n threads is n workers over one connection.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Monotonic from "../../network/Monotonic.ts"
import type { Report, Task, Worker } from "../Worker.ts"

/** How a task ended. */
export type Ending = Extract<Report, { readonly id: number }>

/** Is told how tasks ended; gives the id of one that nobody knows, and then nothing of these counts. */
export type Tell = (endings: ReadonlyArray<Ending>) => number | undefined

/** Why there is no connection. What is final will not be better next time. */
export interface Failure {
  readonly message: string
  readonly isFinal: boolean
}

/** A connection to a host that is ready. */
export interface Line {
  readonly threads: number
  /** Packets for each thread. */
  readonly capacity: number
  /** Of a round trip, in milliseconds. */
  readonly latency: number
  /** Puts tasks on their way; gives the endings of those that cannot be sent. */
  readonly send: (tasks: ReadonlyArray<Task>) => ReadonlyArray<Ending>
  readonly cancel: (ids: ReadonlyArray<number>) => void
  /** Talks until the connection breaks. */
  readonly serve: (tell: Tell) => Effect.Effect<never, Failure>
}

/** What happens to a host of a pool. @category models @since 0.1.0 */
export type Event =
  | { readonly _tag: "Connected"; readonly host: string; readonly threads: number }
  /** It could not be reached, or does not do this work; the others are used. */
  | { readonly _tag: "Ignored"; readonly host: string; readonly message: string }
  /** Its packets go to others while it is connected again. */
  | { readonly _tag: "Lost"; readonly host: string; readonly message: string }
  /** It is not tried any more. */
  | { readonly _tag: "Gone"; readonly host: string; readonly message: string }

/** What a host is made from. */
export interface Options<R> {
  readonly name: string
  readonly job: Worker["job"]
  readonly open: Effect.Effect<Line, Failure, R | Scope.Scope>
  /** Milliseconds that the host may take to end what was cancelled. */
  readonly lease: number
  /** The delays before it is connected again; its end is to give up. It begins anew when a result has come. */
  readonly reconnect: Schedule.Schedule<unknown>
  readonly onEvent: (event: Event) => Effect.Effect<void>
}

type Listener = (reports: ReadonlyArray<Report>) => void

/** A task on the wire, under an id of its own: two workers of a host may have the same packet. */
interface Flight {
  readonly seat: Seat
  readonly listener: Listener
  readonly id: number
  cancelled: number | undefined
}

interface Seat {
  listener: Listener | undefined
  /** Packets at the host, and their ids on the wire. */
  readonly wires: Map<number, number>
  /** Is told when there are none. */
  emptied: () => void
}

/** Milliseconds that the end of a run waits for a host to stop its work. */
const patience = 500

const ignored = () => {}

const never = (message: string): Failure => ({ message, isFinal: false })

/** Connects to a host; it is let go of with the scope. Fails if the first connection does. */
export const make = Effect.fnUntraced(function* <R>(
  options: Options<R>
): Effect.fn.Return<ReadonlyArray<Worker>, Failure, R | Scope.Scope> {
  const { job, lease, name, onEvent, open, reconnect } = options
  const now = yield* Monotonic.millis
  const started = yield* Deferred.make<Line, Failure>()
  const run = yield* FiberSet.makeRuntime<never>()
  const flights = new Map<number, Flight>()
  const seats: Array<Seat> = []
  let line: Line | undefined
  let last = ""
  let gone = false
  let worked = false
  let ids = 0

  const tellAll = (report: Report) => {
    for (const { listener } of seats) listener?.([report])
  }

  const tell: Tell = (endings) => {
    const reports = new Map<Listener, Array<Report>>()
    const seen = new Set<number>()
    const unknown = endings.find(({ id }) => !flights.has(id) || seen.size === seen.add(id).size)
    if (unknown !== undefined) return unknown.id
    for (const ending of endings) {
      const { id, listener, seat } = flights.get(ending.id)!
      flights.delete(ending.id)
      if (ending._tag === "Done") worked = true
      if (seat.wires.get(id) === ending.id) seat.wires.delete(id)
      if (seat.wires.size === 0) seat.emptied()
      // The run that wanted it may be over.
      if (seat.listener !== listener) continue
      const all = reports.get(listener) ?? []
      all.push({ ...ending, id })
      reports.set(listener, all)
    }
    for (const [listener, all] of reports) listener(all)
    return undefined
  }

  const lose = (message: string) => {
    flights.clear()
    for (const { emptied, wires } of seats) {
      wires.clear()
      emptied()
    }
    last = message
    line = undefined
    tellAll({ _tag: "Lost", message })
  }

  const overdue = Effect.suspend(() => {
    const time = now()
    const late = [...flights.values()].some(({ cancelled }) => cancelled !== undefined && time - cancelled > lease)
    return late ? Effect.fail(never(`it does not end what was cancelled ${lease / 1_000} s ago`)) : Effect.void
  })
  const watching = Effect.forever(Effect.andThen(Effect.sleep(lease / 4), overdue))

  const connected = Effect.fnUntraced(function* (opened: Line) {
    line = opened
    tellAll({ _tag: "Ready" })
    yield* onEvent({ _tag: "Connected", host: name, threads: opened.threads })
    yield* Deferred.succeed(started, opened)
    return yield* Effect.raceFirst(opened.serve(tell), watching)
  })
  const attempt = Effect.flip(Effect.scoped(Effect.flatMap(open, connected)))

  const living = Effect.gen(function* () {
    let step = yield* Schedule.toStep(reconnect)
    let failure = yield* attempt
    while (true) {
      if (yield* Deferred.fail(started, failure)) return
      if (line !== undefined) {
        lose(failure.message)
        yield* onEvent({ _tag: "Lost", host: name, message: failure.message })
      }
      if (worked) step = yield* Schedule.toStep(reconnect)
      worked = false
      last = failure.message
      const delay = failure.isFinal
        ? undefined
        : yield* step(now(), undefined).pipe(
            Effect.map(([, after]) => after),
            Pull.catchDone(() => Effect.undefined)
          )
      if (delay === undefined) break
      yield* Effect.sleep(delay)
      failure = yield* attempt
    }
    gone = true
    tellAll({ _tag: "Gone", message: last })
    yield* onEvent({ _tag: "Gone", host: name, message: last })
  })
  yield* Effect.forkScoped(living)

  const cancel = (seat: Seat, wanted: Iterable<number>) => {
    const wires: Array<number> = []
    for (const id of wanted) {
      const wire = seat.wires.get(id)
      const flight = wire === undefined ? undefined : flights.get(wire)
      if (flight === undefined || flight.cancelled !== undefined) continue
      flight.cancelled = now()
      wires.push(wire!)
    }
    if (wires.length > 0) line?.cancel(wires)
  }

  const workerOf = (seat: Seat, title: string, { capacity, latency }: Line): Worker => ({
    name: title,
    job,
    capacity,
    latency,
    attach: (listener) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          seat.listener = listener
          if (line === undefined) listener([{ _tag: gone ? "Gone" : "Lost", message: last }])
        }),
        () =>
          Effect.callback<void>((resume) => {
            seat.listener = undefined
            cancel(seat, [...seat.wires.keys()])
            seat.emptied = () => resume(Effect.void)
            if (seat.wires.size === 0) seat.emptied()
          }).pipe(
            Effect.interruptible,
            Effect.timeoutOption(Math.min(lease, patience)),
            Effect.map(() => {
              seat.wires.clear()
              seat.emptied = ignored
            })
          )
      ),
    run: (tasks) => {
      const { listener } = seat
      if (line === undefined || listener === undefined) return
      const unsent = line.send(
        tasks.map(({ id, packet }) => {
          const wire = ids++
          flights.set(wire, { seat, listener, id, cancelled: undefined })
          seat.wires.set(id, wire)
          return { id: wire, packet }
        })
      )
      if (unsent.length > 0)
        run(
          Effect.andThen(
            Effect.yieldNow,
            Effect.sync(() => tell(unsent))
          )
        )
    },
    cancel: (wanted) => cancel(seat, wanted)
  })

  const first = yield* Deferred.await(started)
  return Array.from({ length: first.threads }, (_, index) => {
    const seat: Seat = { listener: undefined, wires: new Map(), emptied: ignored }
    seats.push(seat)
    return workerOf(seat, first.threads === 1 ? name : `${name} #${index + 1}`, first)
  })
})
