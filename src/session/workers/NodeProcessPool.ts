/**
 * The child processes of a server: a pool, or one for each client with a spare one waiting, since a process takes
 * longer to start than a client likes to wait. Clients go to the child that has fewest.
 *
 * A connection stays open here until the child says that it has it: one whose child dies before goes to the next.
 */
import * as ChildProcess from "node:child_process"
import * as Os from "node:os"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type { NodeConnection } from "../../network/node/NodeConnection.ts"
import * as NodeModuleUrl from "../../process/NodeModuleUrl.ts"
import { SessionError } from "../Session.ts"
import type * as SharedStateServer from "./SharedStateServer.ts"
import * as Message from "./WorkerMessage.ts"

/** A client on its way to a child, or there. */
export interface Seat {
  readonly own: NodeConnection
  readonly local: Message.Place
  readonly remote: Message.Place
  id: number
  child: Child | undefined
  taken: boolean
  moved: Message.Moved
  done: () => void
}

interface Child {
  readonly process: ChildProcess.ChildProcess
  readonly counter: SharedStateServer.Counter
  readonly born: number
  readonly seats: Map<number, Seat>
  /** Those who wait for a report. */
  readonly counting: Set<() => void>
  state: "starting" | "ready" | "leaving" | "lost"
  timedOut: number
}

const program = fileURLToPath(NodeModuleUrl.beside(import.meta.url, "NodeSessionProcess"))

/** How long a child may take to start, and a cut client to leave it, in milliseconds. */
const startTime = 30_000
const grace = 1_000

/** How long stats wait for a child that is busy, in milliseconds. */
const countTime = 250

const ignored = () => {}

/** Starts the children; they have ended once the scope has closed. */
export const make = Effect.fnUntraced(function* (
  start: Message.Start,
  pool: number | undefined,
  desk: SharedStateServer.Desk
) {
  const once = pool === undefined
  const children = new Set<Child>()
  const waiting: Array<Seat> = []
  const delayOf = Message.restarts()
  const run = yield* FiberSet.makeRuntime<never>()
  const after = (millis: number, then: () => void) => void run(Effect.delay(Effect.sync(then), millis))
  let timedOut = 0
  let closing = false
  let paused = false
  let begun: ((failure: string | undefined) => void) | undefined
  let emptied = ignored

  const ofState = (state: Child["state"]) => [...children].filter((child) => child.state === state)

  const give = (child: Child, seat: Seat) => {
    const { id, local, own, remote } = seat
    child.seats.set(id, seat)
    seat.child = child
    if (once) child.state = "leaving"
    const serve: Message.ToChild = { _tag: "Serve", id, local, remote }
    child.process.send(serve, own.socket, { keepOpen: true }, ignored)
  }
  const assign = () => {
    while (waiting.length > 0) {
      const [first, ...others] = ofState("ready")
      if (first === undefined) break
      const child = others.reduce((least, one) => (one.seats.size < least.seats.size ? one : least), first)
      const seat = waiting.shift()!
      if (seat.own.socket.destroyed) seat.done()
      else give(child, seat)
    }
    refill()
  }
  const refill = () => {
    if (closing || paused) return
    const starting = ofState("starting").length
    const missing = once
      ? Math.min(waiting.length + 1 - ofState("ready").length, Os.availableParallelism()) - starting
      : pool - children.size
    for (let count = 0; count < missing && !paused; count++) spawn()
  }
  /** A child that could not start, or did not last. */
  const stumble = (why: string, lived: number) => {
    if (begun !== undefined) return begun(`${start.module}: a child process ${why} before it was ready`)
    run(Effect.logWarning(`a child process ${why}: it is replaced`))
    paused = true
    after(delayOf(lived), () => {
      paused = false
      assign()
    })
  }

  const lose = (child: Child, why: string) => {
    if (child.state === "lost") return
    const spent = child.state === "leaving"
    child.state = "lost"
    children.delete(child)
    child.counter.close()
    for (const counted of [...child.counting]) counted()
    for (const seat of child.seats.values()) {
      if (seat.taken || closing) seat.done()
      else waiting.unshift(Object.assign(seat, { child: undefined }))
    }
    if (children.size === 0) emptied()
    if (closing) return
    if (!spent) return stumble(why, performance.now() - child.born)
    if (child.seats.size > 0) run(Effect.logWarning(`a child process ${why}, and its client with it`))
    assign()
  }

  const receive = (child: Child, message: Message.FromChild) => {
    switch (message._tag) {
      case "Ready":
        if (child.state === "starting") child.state = "ready"
        if (once || ofState("starting").length === 0) begun?.(undefined)
        return assign()
      case "Failed":
        if (begun !== undefined) return begun(message.message)
        if (!closing) run(Effect.logError(message.message))
        return
      case "Taken": {
        const seat = child.seats.get(message.id)
        if (seat === undefined) return
        seat.taken = true
        return void seat.own.socket.destroy()
      }
      case "Gone": {
        timedOut += message.timedOut - child.timedOut
        child.timedOut = message.timedOut
        const seat = child.seats.get(message.id)
        if (seat === undefined) return
        child.seats.delete(message.id)
        seat.moved = message.moved
        return seat.done()
      }
      case "Report": {
        child.counter.heard(message.heard)
        timedOut += message.stats.timedOut - child.timedOut
        child.timedOut = message.stats.timedOut
        for (const moved of message.moved) {
          const seat = child.seats.get(moved[0])
          if (seat !== undefined) seat.moved = moved
        }
        for (const counted of [...child.counting]) counted()
        return
      }
      case "Drained":
        return
      default:
        return child.counter.receive(message)
    }
  }

  const spawn = () => {
    let spawned: ChildProcess.ChildProcess
    try {
      // What a child logs goes where logs go: its stdout would be taken for results.
      spawned = ChildProcess.fork(program, [], {
        stdio: ["ignore", 2, 2, "ipc"],
        execArgv: process.execArgv.filter((flag) => !flag.startsWith("--inspect"))
      })
    } catch (cause) {
      return stumble(`could not be started (${(cause as Error).message})`, 0)
    }
    const kill = () => void spawned.kill("SIGKILL")
    const child: Child = {
      process: spawned,
      counter: desk.counter((message) => void spawned.send(message, ignored), kill),
      born: performance.now(),
      seats: new Map(),
      counting: new Set(),
      state: "starting",
      timedOut: 0
    }
    children.add(child)
    spawned.on("message", (message) => receive(child, message as Message.FromChild))
    spawned.once("disconnect", kill)
    spawned.on("error", (cause) => {
      if (spawned.pid === undefined) lose(child, `could not be started (${cause.message})`)
    })
    // Only now has all been read that it sent.
    spawned.once("close", (code, signal) => lose(child, `ended with ${signal ?? `code ${code}`}`))
    // Without descriptors for the channel there is none, and the error comes later.
    if (spawned.connected) spawned.send(start, ignored)
  }

  const kill = yield* Effect.cached(
    Effect.callback<void>((resume) => {
      closing = true
      for (const seat of waiting.splice(0)) seat.done()
      emptied = () => resume(Effect.void)
      if (children.size === 0) return emptied()
      for (const child of children) child.process.kill("SIGKILL")
    })
  )
  yield* Effect.addFinalizer(() => kill)

  const failed = (message: string) => new SessionError({ message })
  yield* Effect.callback<void, SessionError>((resume) => {
    begun = (failure) => {
      begun = undefined
      resume(failure === undefined ? Effect.void : Effect.fail(failed(failure)))
    }
    refill()
  }).pipe(
    Effect.timeoutOrElse({
      duration: startTime,
      orElse: () => Effect.fail(failed(`${start.module}: no child process was ready after ${startTime / 1_000} s`))
    }),
    Effect.onError(() => kill)
  )

  /** A client that is cut while its child cannot hear takes a child of its own with it. */
  const leave = (seat: Seat) => {
    const at = waiting.indexOf(seat)
    if (at >= 0) waiting.splice(at, 1)
    const { child } = seat
    if (child === undefined || child.state === "lost" || !child.seats.delete(seat.id)) return
    child.counter.post({ _tag: "Abort", id: seat.id })
    if (once) after(grace, () => child.process.kill("SIGKILL"))
  }

  const countOne = (child: Child) =>
    Effect.callback<void>((resume) => {
      const counted = () => {
        child.counting.delete(counted)
        resume(Effect.void)
      }
      child.counting.add(counted)
      child.process.send({ _tag: "Count" } satisfies Message.ToChild, ignored)
      return Effect.sync(() => child.counting.delete(counted))
    })

  return {
    kill,
    /** Ends when the client has gone; a client whose fiber is interrupted is cut. */
    serve: (seat: Seat) =>
      Effect.callback<void>((resume) => {
        if (closing) return resume(Effect.void)
        seat.done = () => resume(Effect.void)
        waiting.push(seat)
        assign()
        return Effect.sync(() => leave(seat))
      }),
    /** Brings the stats up to date; those of children that are busy stay as they were. */
    count: Effect.suspend(() => {
      const busy = [...children].filter(({ seats }) => seats.size > 0)
      return Effect.timeoutOption(
        Effect.forEach(busy, countOne, { concurrency: "unbounded", discard: true }),
        countTime
      )
    }),
    timedOut: () => timedOut
  }
})
