/**
 * The tasks of an agent, and its threads. Those of a job are started with its first task, and ended when the job had no
 * task for a minute. A thread that crashes fails the task that it worked on; those behind it wait for its replacement.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { type ErrorText, errorText, type FarmError } from "../farm/FarmError.ts"
import type { Report, Worker, Workers } from "../farm/Worker.ts"
import * as Monotonic from "../network/Monotonic.ts"
import * as Signal from "../network/Signal.ts"
import { type ExchangeCall, formatJob, type JobName, type LostJob, type Outcome, type Task } from "./FarmPool.ts"
import type { Entry, JobModules } from "./JobModules.ts"
import * as JsonText from "./JsonText.ts"

/** A task in hand. `id` is its own for each task of this process, `number` comes from the host. */
interface HeldTask extends Task {
  readonly id: number
}

/** A thread of a job. */
interface JobThread {
  readonly slot: number
  /** The tasks that the thread has or will get, by id, in their order. */
  readonly tasks: Map<number, HeldTask>
  worker: Worker | undefined
  /** `waiting`: it starts, or is replaced after a crash. `lost`: it has no replacement. */
  state: "waiting" | "ready" | "lost"
  /** The error of the last crash. */
  lostMessage: string
}

/** The threads of a job. */
interface JobThreads {
  readonly job: JobName
  readonly packet: JsonText.JsonText
  readonly result: JsonText.JsonText
  readonly threads: ReadonlyArray<JobThread>
  readonly scope: Scope.Closeable
  usedAtMillis: number
}

/** The options of the tasks. */
export interface Options {
  readonly threads: number
  readonly find: JobModules["Service"]["find"]
  /** Starts the threads of a module. */
  readonly workers: (module: string) => Workers
}

/** The tasks of an agent. */
export interface AgentTasks {
  readonly options: Options
  /** Wakes the agent when an outcome is there. */
  readonly signal: Signal.Signal
  readonly jobs: Map<string, JobThreads>
  /** The tasks in hand, by the number of the host. */
  readonly held: Map<number, readonly [thread: JobThread, task: HeldTask]>
  readonly now: () => number
  /** Starts an effect that ends with the agent. */
  readonly fork: (effect: Effect.Effect<void>) => void
  readonly open: (entry: Entry) => JobThreads
  outcomes: Array<Outcome>
  lostJobs: Array<LostJob>
  nextId: number
}

const failed = (number: number, error: ErrorText, kind?: Extract<Report, { _tag: "Failed" }>["kind"]): Outcome => ({
  ...{ _tag: "Failed", number, error },
  ...(kind === undefined ? {} : { kind })
})

const addOutcome = (tasks: AgentTasks, thread: JobThread, task: HeldTask, outcome: Outcome) => {
  thread.tasks.delete(task.id)
  tasks.held.delete(task.number)
  tasks.outcomes.push(outcome)
  tasks.signal.notify()
}

const doneOf = ({ result: codec }: JobThreads, number: number, result: unknown, millis: number): Outcome => {
  const { text } = JsonText.writeWithin(codec, "result", result)
  if (typeof text === "string") return { _tag: "Done", number, result: text, millis }
  const { error, kind } = text
  if (kind === "TooLarge") return failed(number, error, kind)
  return failed(number, { name: "InvalidResult", message: `the result does not fit its schema: ${error.message}` })
}

/** Gives a thread tasks, whose packets are decoded only now. */
const run = (tasks: AgentTasks, job: JobThreads, thread: JobThread, added: Iterable<HeldTask>) => {
  const decoded: Array<{ readonly id: number; readonly packet: unknown }> = []
  for (const task of added) {
    try {
      decoded.push({ id: task.id, packet: job.packet.read(task.packet) })
    } catch (cause) {
      addOutcome(tasks, thread, task, failed(task.number, errorText(cause)))
    }
  }
  if (decoded.length > 0) thread.worker?.run(decoded)
}

const loseThread = (tasks: AgentTasks, { job }: JobThreads, thread: JobThread, message: string) => {
  thread.state = "lost"
  thread.lostMessage = message
  for (const { number } of thread.tasks.values()) tasks.held.delete(number)
  thread.tasks.clear()
  tasks.lostJobs.push({ slot: thread.slot, job, message })
  tasks.signal.notify()
}

/** Fails the tasks that a thread worked on when it crashed; by default the oldest. */
const crash = (
  tasks: AgentTasks,
  thread: JobThread,
  { message, running }: Extract<Report, { _tag: "Lost" | "Gone" }>
) => {
  thread.state = "waiting"
  for (const id of running ?? [...thread.tasks.keys()].slice(0, 1)) {
    const task = thread.tasks.get(id)
    if (task !== undefined) addOutcome(tasks, thread, task, failed(task.number, { name: "ThreadCrashed", message }))
  }
}

const receive = (tasks: AgentTasks, job: JobThreads, thread: JobThread, report: Report) => {
  job.usedAtMillis = tasks.now()
  switch (report._tag) {
    case "Working":
    case "Alive":
      return
    case "Ready":
      thread.state = "ready"
      return run(tasks, job, thread, [...thread.tasks.values()])
    case "Lost":
      return crash(tasks, thread, report)
    case "Gone":
      crash(tasks, thread, report)
      return loseThread(tasks, job, thread, report.message)
  }
  const task = thread.tasks.get(report.id)
  if (task === undefined) return
  const { number } = task
  if (report._tag === "Done") {
    return addOutcome(tasks, thread, task, doneOf(job, number, report.result, report.millis))
  }
  const outcome: Outcome =
    report._tag === "Failed" ? failed(number, report.error, report.kind) : { _tag: "Stopped", number }
  addOutcome(tasks, thread, task, outcome)
}

/** Starts the threads of a job, and gives them the tasks that have come meanwhile. */
const start = (tasks: AgentTasks, job: JobThreads, module: string): Effect.Effect<void> =>
  Scope.provide(
    Effect.gen(function* () {
      const { workers } = yield* tasks.options.workers(module)
      for (const [index, worker] of workers.entries()) {
        const thread = job.threads[index]!
        thread.worker = worker
        let isLost = false
        yield* worker.attach((reports) => {
          isLost = reports.some(({ _tag }) => _tag === "Lost" || _tag === "Gone")
          for (const report of reports) receive(tasks, job, thread, report)
        })
        if (!isLost) receive(tasks, job, thread, { _tag: "Ready" })
      }
    }),
    job.scope
  ).pipe(
    Effect.catch(({ message }: FarmError) =>
      Effect.andThen(
        Effect.logWarning(`no work on ${formatJob(job.job)}: ${message}`),
        Effect.sync(() => {
          for (const thread of job.threads) loseThread(tasks, job, thread, message)
        })
      )
    )
  )

const makeThreads = ({ job: { name, packet, result, version } }: Entry, count: number, scope: Scope.Closeable) => {
  const threads = Array.from({ length: count }, (_, slot): JobThread => {
    return { slot, tasks: new Map(), worker: undefined, state: "waiting", lostMessage: "" }
  })
  const texts = { packet: JsonText.make(packet), result: JsonText.make(result) }
  const made: JobThreads = { job: { name, version }, ...texts, threads, scope, usedAtMillis: 0 }
  return made
}

/** The time without a task after which the threads of a job end. */
const idleMillis = 60_000

const endIdle = (tasks: AgentTasks): Effect.Effect<void> =>
  Effect.suspend(() => {
    const before = tasks.now() - idleMillis
    const isUsed = ({ threads, usedAtMillis }: JobThreads) =>
      usedAtMillis > before || threads.some((thread) => thread.tasks.size > 0 || thread.state === "lost")
    const idle = [...tasks.jobs].filter(([, job]) => !isUsed(job))
    for (const [name] of idle) tasks.jobs.delete(name)
    return Effect.forEach(idle, ([, { scope }]) => Scope.close(scope, Exit.void), { discard: true })
  })

/** Makes the tasks of an agent, whose threads end with the scope. */
export const make = Effect.fnUntraced(function* (options: Options) {
  const now = yield* Monotonic.millis
  const scope = yield* Scope.Scope
  const runFork = Effect.runForkWith(yield* Effect.context<never>())
  const tasks: AgentTasks = {
    ...{ options, signal: Signal.make(), jobs: new Map(), held: new Map(), now },
    fork: (effect) => void runFork(Effect.forkIn(effect, scope)),
    open: (entry) => {
      const job = makeThreads(entry, options.threads, Scope.forkUnsafe(scope))
      tasks.jobs.set(formatJob(job.job), job)
      tasks.fork(start(tasks, job, entry.module))
      return job
    },
    ...{ outcomes: [], lostJobs: [], nextId: 0 }
  }
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(idleMillis / 4), endIdle(tasks))))
  return tasks
})

const threadsOf = (tasks: AgentTasks, job: JobName) => {
  const open = tasks.jobs.get(formatJob(job))
  if (open !== undefined) return open
  const entry = tasks.options.find(job)
  return entry === undefined ? undefined : tasks.open(entry)
}

/** Adds the tasks of an answer. */
export const add = (tasks: AgentTasks, added: ReadonlyArray<Task>): void => {
  const ready = new Map<JobThread, readonly [job: JobThreads, tasks: Array<HeldTask>]>()
  for (const task of added) {
    const job = threadsOf(tasks, task.job)
    const thread = job?.threads[task.slot]
    if (job === undefined || thread === undefined || thread.state === "lost") {
      const message = thread?.lostMessage ?? `no module of ${formatJob(task.job)}, or no thread ${task.slot}`
      tasks.outcomes.push(failed(task.number, { name: "JobMissing", message }))
      continue
    }
    const held: HeldTask = { ...task, id: tasks.nextId++ }
    job.usedAtMillis = tasks.now()
    thread.tasks.set(held.id, held)
    tasks.held.set(held.number, [thread, held])
    if (thread.state !== "ready") continue
    const batch = ready.get(thread)
    if (batch === undefined) ready.set(thread, [job, [held]])
    else batch[1].push(held)
  }
  for (const [thread, [job, batch]] of ready) run(tasks, job, thread, batch)
}

/** Stops tasks, given by the number of the host. One that no thread has yet ends at once. */
export const cancel = (tasks: AgentTasks, numbers: Iterable<number>): void => {
  for (const number of numbers) {
    const held = tasks.held.get(number)
    if (held === undefined) continue
    const [thread, task] = held
    if (thread.state === "ready") thread.worker?.cancel([task.id])
    else addOutcome(tasks, thread, task, { _tag: "Stopped", number })
  }
}

/** Stops all tasks, whose outcomes nobody needs any more. */
export const dropAll = (tasks: AgentTasks): void => {
  for (const [thread, { id }] of tasks.held.values()) {
    thread.tasks.delete(id)
    if (thread.state === "ready") thread.worker?.cancel([id])
  }
  tasks.held.clear()
  tasks.outcomes = []
  tasks.lostJobs = []
}

/** Takes the outcomes that the host does not know. */
export const take = (tasks: AgentTasks): Pick<ExchangeCall, "lostJobs" | "outcomes"> => {
  const { lostJobs, outcomes } = tasks
  const [sent, left] = firstOf(outcomes)
  tasks.outcomes = left
  tasks.lostJobs = []
  return { outcomes: sent, lostJobs }
}

/** The bytes of results in one call after which it is sent. */
const maxCallBytes = 4 * 1_024 * 1_024

/** Splits outcomes into those that fit into one call, at least one, and those left. */
const firstOf = (outcomes: Array<Outcome>): readonly [sent: Array<Outcome>, left: Array<Outcome>] => {
  let bytes = 0
  const end = outcomes.findIndex((outcome) => {
    if (bytes > maxCallBytes) return true
    bytes += outcome._tag === "Done" ? JsonText.byteLength(outcome.result) : 0
    return false
  })
  return end === -1 ? [outcomes, []] : [outcomes.slice(0, end), outcomes.slice(end)]
}

/** Returns the numbers of the tasks that threads work on: the oldest of each that is ready. */
export const working = ({ jobs }: AgentTasks): ReadonlyArray<number> =>
  [...jobs.values()].flatMap(({ threads }) =>
    threads.flatMap(({ state, tasks }) => {
      const [first] = tasks.values()
      return state === "ready" && first !== undefined ? [first.number] : []
    })
  )

/** Returns true if no task is in hand. */
export const isIdle = ({ held, outcomes }: AgentTasks): boolean => held.size === 0 && outcomes.length === 0

/** Returns true if an outcome, or a lost job, waits for the next call. */
export const hasOutcomes = ({ lostJobs, outcomes }: AgentTasks): boolean => outcomes.length > 0 || lostJobs.length > 0
