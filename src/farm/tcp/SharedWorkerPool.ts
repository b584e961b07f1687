/**
 * Workers that many clients share: whoever has had the least of their time comes next, so that one who sends much, or
 * large packets, holds nobody else up.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as Pace from "../dispatcher/PacketSizing.ts"
import { FarmError, Invalid } from "../FarmError.ts"
import type { Report, Task, Worker } from "../Worker.ts"

/** How a task ended. */
export type Ending = Extract<Report, { readonly id: number }>

/** A client's place at the pool. Its ids are its own. */
interface Member {
  /** Takes tasks whose ids are not under way. */
  readonly run: (tasks: ReadonlyArray<Task>) => void
  /** Stops these, soon. */
  readonly cancel: (ids: ReadonlyArray<number>) => void
}

/** Workers for many. */
export interface Pool {
  readonly job: Worker["job"]
  readonly threads: number
  /** A client comes, and is told how each of its tasks ended; what is left when the scope closes is stopped. */
  readonly join: (tell: (endings: ReadonlyArray<Ending>) => void) => Effect.Effect<Member, never, Scope.Scope>
  /** Waits until all workers are gone for good. */
  readonly gone: Effect.Effect<string>
}

interface Client {
  readonly tell: (endings: ReadonlyArray<Ending>) => void
  readonly waiting: Array<Job>
  readonly jobs: Map<number, Job>
  /** Milliseconds of work, with a guess for what is under way. */
  used: number
  /** Milliseconds of the last packet. */
  last: number
}

interface Job {
  readonly client: Client
  readonly task: Task
  guess: number
  /** Where it is being done, and under which id. */
  seat: Seat | undefined
  id: number
  cancelled: boolean
  /** The client was told how it ended. */
  told: boolean
}

interface Seat {
  readonly worker: Worker
  readonly pace: Pace.Pace
  readonly jobs: Map<number, Job>
  state: "ready" | "lost" | "gone"
}

const target = 100

/** Takes the workers, of one job, for the life of the scope. Fails if there are none. */
export const make = Effect.fnUntraced(function* (workers: ReadonlyArray<Worker>) {
  const [one] = workers
  if (one === undefined) return yield* new FarmError({ reason: new Invalid({ message: "0 workers: give 1 or more" }) })
  const seats = workers.map((worker): Seat => ({ worker, pace: Pace.make(), jobs: new Map(), state: "ready" }))
  const clients = new Set<Client>()
  const gone = yield* Deferred.make<string>()
  let ids = 0
  /** The share of whoever came last to work: a newcomer begins there, not at what others have had before. */
  let level = 0

  const roomOf = ({ jobs, pace, state, worker }: Seat) =>
    state === "ready" ? Pace.window(pace, worker.capacity, worker.latency) - jobs.size : 0

  const assign = () => {
    const runs = new Map<Seat, Array<Task>>()
    while (true) {
      let seat: Seat | undefined
      for (const other of seats) {
        if (roomOf(other) > 0 && (seat === undefined || other.jobs.size < seat.jobs.size)) seat = other
      }
      let client: Client | undefined
      for (const other of clients) {
        if (other.waiting.length > 0 && (client === undefined || other.used < client.used)) client = other
      }
      if (seat === undefined || client === undefined) break
      const job = client.waiting.shift()!
      level = client.used
      job.guess = client.last
      client.used += job.guess
      job.seat = seat
      job.id = ids++
      seat.jobs.set(job.id, job)
      const tasks = runs.get(seat) ?? []
      tasks.push({ id: job.id, packet: job.task.packet })
      runs.set(seat, tasks)
    }
    for (const [{ worker }, tasks] of runs) worker.run(tasks)
  }

  const tellAll = (endings: Map<Client, Array<Ending>>) => {
    for (const [{ tell }, all] of endings) tell(all)
  }
  const add = (endings: Map<Client, Array<Ending>>, job: Job, ending: Ending) => {
    if (job.told) return
    job.told = true
    const { client, task } = job
    client.jobs.delete(task.id)
    const all = endings.get(client) ?? []
    all.push({ ...ending, id: task.id })
    endings.set(client, all)
  }
  const stopped: Ending = { _tag: "Stopped", id: 0 }

  const lose = (seat: Seat, message: string, running: ReadonlyArray<number>, endings: Map<Client, Array<Ending>>) => {
    const again: Array<Job> = []
    for (const [id, job] of seat.jobs) {
      job.client.used -= job.guess
      job.seat = undefined
      if (job.cancelled) add(endings, job, stopped)
      else if (running.includes(id)) add(endings, job, { _tag: "Failed", id, message })
      else again.push(job)
    }
    seat.jobs.clear()
    for (const job of again.reverse()) job.client.waiting.unshift(job)
  }

  const receive = (seat: Seat, report: Report, endings: Map<Client, Array<Ending>>) => {
    switch (report._tag) {
      case "Ready":
        seat.state = "ready"
        return
      case "Lost":
      case "Gone":
        seat.state = report._tag === "Gone" ? "gone" : "lost"
        lose(seat, report.message, report.running ?? [...seat.jobs.keys()].slice(0, 1), endings)
        if (seats.every(({ state }) => state === "gone")) Deferred.doneUnsafe(gone, Exit.succeed(report.message))
        return
      default: {
        const job = seat.jobs.get(report.id)
        if (job === undefined) return
        seat.jobs.delete(report.id)
        const millis = report._tag === "Done" ? report.millis : 0
        if (report._tag === "Done") Pace.measure(seat.pace, 1, millis, target)
        job.client.used += millis - job.guess
        if (report._tag === "Done") job.client.last = millis
        return add(endings, job, job.cancelled ? stopped : report)
      }
    }
  }

  const cancel = (client: Client, ids: Iterable<number>) => {
    const endings = new Map<Client, Array<Ending>>()
    for (const id of ids) {
      const job = client.jobs.get(id)
      if (job === undefined || job.cancelled) continue
      job.cancelled = true
      job.seat?.worker.cancel([job.id])
      if (job.seat === undefined) client.waiting.splice(client.waiting.indexOf(job), 1)
      // What waits behind another is as good as stopped, however long that takes.
      if (job.seat?.jobs.keys().next().value !== job.id) add(endings, job, stopped)
    }
    return endings
  }

  yield* Effect.forEach(
    seats,
    (seat) =>
      seat.worker.attach((reports) => {
        const endings = new Map<Client, Array<Ending>>()
        for (const report of reports) receive(seat, report, endings)
        tellAll(endings)
        assign()
      }),
    { concurrency: "unbounded", discard: true }
  )

  const enter = (tell: Client["tell"]) => {
    const client: Client = { tell, waiting: [], jobs: new Map(), used: 0, last: 0 }
    clients.add(client)
    return client
  }
  const pool: Pool = {
    job: one.job,
    threads: seats.length,
    gone: Deferred.await(gone),
    join: (tell) =>
      Effect.acquireRelease(
        Effect.sync(() => enter(tell)),
        (client) =>
          Effect.sync(() => {
            clients.delete(client)
            const left = [...client.jobs.values()]
            cancel(client, [...client.jobs.keys()])
            for (const job of left) job.told = true
          })
      ).pipe(
        Effect.map((client) => ({
          run: (tasks) => {
            if (client.jobs.size === 0) client.used = Math.max(client.used, level)
            for (const task of tasks) {
              const job: Job = { client, task, guess: 0, seat: undefined, id: -1, cancelled: false, told: false }
              client.jobs.set(task.id, job)
              client.waiting.push(job)
            }
            assign()
          },
          cancel: (ids) => tellAll(cancel(client, ids))
        }))
      )
  }
  return pool
})
