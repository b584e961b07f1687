/**
 * One queue for all fibers, from which random numbers or a list of decisions select the next. Each decision has a name
 * that does not change when others are removed, so that a failing run can be shrunk.
 */
import * as Context from "effect/Context"
import type * as Fiber from "effect/Fiber"
import { constFalse, constVoid } from "effect/Function"
import type * as Scheduler from "effect/Scheduler"
import * as FaultRandom from "../faults/FaultRandom.ts"

/**
 * A deviation from the default order. `2.7` is the seventh check of fiber 2, at which it is preempted; `2.7/0` is the
 * first selection after it, with the position in the queue of the task that is taken instead of the first.
 */
export type Decision = readonly [point: string, choice: number]

/** A slice of a run in which one fiber runs and no other. */
export interface Slice {
  /** Number of the fiber, from 1, in the order of creation. */
  readonly fiber: number
  /** Name given by `label`. */
  readonly name: string | undefined
  /** Steps, spans and functions that the fiber was in. */
  readonly steps: ReadonlyArray<string>
  /** `suspended`: the fiber waits, or resumes another. */
  readonly end: "preempted" | "ended" | "suspended"
  /** Step that the fiber was in, or about to begin, when it was preempted. */
  readonly preemptedAt: string | undefined
}

/** Source of the decisions: random numbers, or a list. */
export type Strategy =
  | { readonly seed: FaultRandom.Seed; readonly preempt: number }
  | { readonly decisions: ReadonlyArray<Decision> }

/** A step, and the step that contains it. */
export interface Step {
  readonly text: string
  readonly outer: Step | undefined
}

/** Names given by `label`; other fibers have the name of the fiber that created them. */
export const names = new WeakMap<Fiber.Fiber<unknown, unknown>, string>()

/** Name that a fiber passes on to the fibers it creates, and its current step. */
export const Name = Context.Reference<string | undefined>("effect-inet/SimScheduler/Name", {
  defaultValue: () => undefined
})
export const Step = Context.Reference<Step | undefined>("effect-inet/SimScheduler/Step", {
  defaultValue: () => undefined
})

interface FiberState {
  readonly fiber: Fiber.Fiber<unknown, unknown>
  /** Name at its creation. */
  readonly inherited: string | undefined
  step: Step | undefined
  /** Number that identifies the fiber, by creation or else by first appearance. */
  readonly number: number
  /** Operations so far at which the fiber could be preempted. */
  checks: number
  /** Operations that still belong to the resumption after a preemption. */
  resumes: number
}

interface OpenSlice {
  readonly state: FiberState
  readonly steps: Array<string>
  end: Slice["end"]
  preemptedAt: string | undefined
}

interface Task {
  readonly run: () => void
  readonly priority: number
}

/** Limit of recorded decisions, more than most runs have operations. */
const maxDecisions = 1_000_000

/** Operations of a resumption: the fiber wakes, and then repeats the operation at which it was preempted. */
const operationsPerResumption = 2

/** Limit of recorded slices; longer traces are not useful to readers. */
const maxSlices = 10_000

/** Returns the step that a fiber is in: its own, its span, or its function. */
export const stepOf = (fiber: Fiber.Fiber<unknown, unknown>): Step | undefined => {
  const step = fiber.getRef(Step)
  if (step !== undefined) return step
  const span = fiber.cache.span
  const text = span?._tag === "Span" ? span.name : fiber.cache.stackFrame?.name
  return text === undefined ? undefined : { text, outer: undefined }
}

/** Returns true if `part` is the step or lies within it. */
const contains = (step: Step, part: Step | undefined): boolean =>
  part !== undefined &&
  (part === step || (part.outer === step.outer && part.text === step.text) || contains(step, part.outer))

const nameOf = ({ fiber, inherited }: FiberState) => names.get(fiber) ?? inherited

/** Creates the source of decisions and records those that differ from the default. */
const makeStrategy = (strategy: Strategy) => {
  const made: Array<Decision> = []
  const isReplay = "decisions" in strategy
  const given = new Map(isReplay ? strategy.decisions : [])
  const random = isReplay ? () => 0 : FaultRandom.sequence(strategy.seed)
  const decide = (point: string, choices: number, drawn: () => number) => {
    const choice = isReplay ? Math.min(given.get(point) ?? 0, choices - 1) : drawn()
    if (choice > 0 && made.length < maxDecisions) made.push([point, choice])
    return choice
  }
  return {
    made: made as ReadonlyArray<Decision>,
    isPreempted: (point: string) => decide(point, 2, () => (random() < (isReplay ? 0 : strategy.preempt) ? 1 : 0)) > 0,
    pick: (point: string, choices: number) => decide(point, choices, () => Math.floor(random() * choices))
  }
}

/** The fibers of a run and the slices in which they ran. */
interface FiberTrace {
  readonly isExclusive: boolean
  readonly fibers: Map<number, FiberState>
  readonly slices: Array<OpenSlice>
  isFull: boolean
  maxFibers: number
  firstFiberId: number
  fiberCount: number
}

const stateOf = (self: FiberTrace, fiber: Fiber.Fiber<unknown, unknown>): FiberState => {
  const known = self.fibers.get(fiber.id)
  if (known !== undefined) return known
  if (self.firstFiberId === 0) self.firstFiberId = fiber.id
  const number = self.isExclusive ? fiber.id - self.firstFiberId + 1 : ++self.fiberCount
  if (self.fibers.size >= self.maxFibers) dropEnded(self)
  const state: FiberState = { fiber, inherited: fiber.getRef(Name), step: undefined, number, checks: 0, resumes: 0 }
  self.fibers.set(fiber.id, state)
  return state
}

/** Removes ended fibers, in a run with very many. */
const dropEnded = (self: FiberTrace) => {
  for (const [id, { fiber }] of self.fibers) if (fiber.pollUnsafe() !== undefined) self.fibers.delete(id)
  self.maxFibers = 2 * self.fibers.size + maxSlices
}

/** Records that a fiber is about to execute an operation, and returns its slice. */
const recordStep = (self: FiberTrace, state: FiberState): OpenSlice => {
  const previous = state.step
  const step = stepOf(state.fiber)
  const slice = sliceOf(self, state)
  state.step = step
  slice.end = "suspended"
  if (step === undefined || slice.steps.length >= maxSlices) return slice
  // A fiber that returns to an outer step begins no step.
  if (slice.steps.length === 0 || !contains(step, previous)) slice.steps.push(step.text)
  return slice
}

const sliceOf = (self: FiberTrace, state: FiberState): OpenSlice => {
  const last = self.slices.at(-1)
  if (last?.state === state && !self.isFull) return last
  const slice: OpenSlice = { state, steps: [], end: "suspended", preemptedAt: undefined }
  closeLastSlice(self)
  self.isFull ||= self.slices.length === maxSlices
  if (!self.isFull) self.slices.push(slice)
  return slice
}

const closeLastSlice = (self: FiberTrace) => {
  const slice = self.slices.at(-1)
  if (slice?.end === "suspended" && slice.state.fiber.pollUnsafe() !== undefined) slice.end = "ended"
}

const numbersOf = (self: FiberTrace) => {
  const all = new Set([...self.fibers.values(), ...self.slices.map(({ state }) => state)])
  return new Map([...all].sort((a, b) => a.number - b.number).map((state, index) => [state, index + 1]))
}

const toSlices = (self: FiberTrace): ReadonlyArray<Slice> => {
  closeLastSlice(self)
  const numbers = numbersOf(self)
  return self.slices.map(({ end, preemptedAt, state, steps }) => ({
    fiber: numbers.get(state)!,
    name: nameOf(state),
    steps: [...steps],
    end,
    preemptedAt: end === "preempted" ? preemptedAt : undefined
  }))
}

/** Returns the fibers that have not ended. */
const waiting = (self: FiberTrace) => {
  const numbers = numbersOf(self)
  return [...self.fibers.values()]
    .filter(({ fiber }) => fiber.pollUnsafe() === undefined)
    .map((state) => ({ fiber: numbers.get(state)!, name: nameOf(state), step: state.step?.text }))
    .sort((a, b) => a.fiber - b.fiber)
}

const pointOf = ({ checks, number }: FiberState) => `${number}.${checks}`

/**
 * The state of a queue, which changes in place. With 8 fibers 1.5 million operations a second pass; if each copied the
 * lists of tasks and points, 0.4 million (two cores of an AMD EPYC, Node 24).
 */
interface State {
  readonly strategy: ReturnType<typeof makeStrategy>
  readonly maxSteps: number
  readonly trace: FiberTrace
  readonly tasks: Array<Task>
  readonly points: Array<string>
  steps: number
  /** The fiber that ran last, and the number of selections since. */
  lastRun: FiberState | undefined
  choices: number
  readonly onSwitch: OnSwitch | undefined
  /** Choice of the task that runs, while its fiber is unknown. */
  chosen: Decision | undefined
  /** True while a task runs; `owner` is its fiber, once it is known. */
  isRunning: boolean
  owner: FiberState | undefined
}

const isExhausted = ({ maxSteps, steps }: State) => steps > maxSteps

const shouldYield = (self: State, fiber: Fiber.Fiber<unknown, unknown>): boolean => {
  const state = stateOf(self.trace, fiber)
  const isFirst = self.owner === undefined
  self.steps++
  // A fiber that is resumed from outside is queued like all others.
  if (!self.isRunning || isExhausted(self)) return true
  const slice = recordStep(self.trace, state)
  if (self.chosen !== undefined) reportChoice(self, self.chosen, state)
  self.lastRun = state
  self.choices = 0
  if (isFirst) self.owner = state
  // The resumption after a preemption does not count as an operation, so that later points keep their names when the
  // preemption is removed.
  if (state.resumes > 0) {
    state.resumes--
    return false
  }
  state.checks++
  // The fiber has just been selected, or no other fiber could run.
  if (isFirst || (self.owner === state && self.tasks.length === 0)) return false
  const isQuantumUsed = fiber.currentOpCount >= fiber.cache.maxOpsBeforeYield
  const point = pointOf(state)
  if (self.points.length < maxSlices) self.points.push(point)
  if (!isQuantumUsed && !self.strategy.isPreempted(point)) return false
  if (!isQuantumUsed) self.onSwitch?.(point, 1, textOf(state), state.step?.text)
  state.resumes = operationsPerResumption
  slice.end = "preempted"
  slice.preemptedAt = state.step?.text
  return true
}

const textOf = (state: FiberState) => nameOf(state) ?? `fiber ${state.number}`

/** Reports a choice once its fiber is known. */
const reportChoice = (self: State, [point, choice]: Decision, state: FiberState) => {
  self.chosen = undefined
  self.onSwitch?.(point, choice, textOf(state), state.step?.text)
}

const takeNext = (self: State): Task => {
  const { tasks } = self
  const minPriority = tasks.reduce((least, { priority }) => Math.min(least, priority), Number.POSITIVE_INFINITY)
  const ready = tasks.filter(({ priority }) => priority === minPriority)
  const point = `${self.lastRun === undefined ? "0" : pointOf(self.lastRun)}/${self.choices++}`
  const choice = ready.length === 1 ? 0 : self.strategy.pick(point, ready.length)
  const task = ready[choice]!
  self.chosen = choice > 0 && self.onSwitch !== undefined ? [point, choice] : undefined
  tasks.splice(tasks.indexOf(task), 1)
  return task
}

/**
 * Runs ready tasks, also those that become ready meanwhile, at most `maxTasks`; stops when `maxSteps` is exceeded.
 */
const run = (self: State, maxTasks = Number.POSITIVE_INFINITY, stop: () => boolean = constFalse) => {
  if (self.isRunning) return
  for (let done = 0; done < maxTasks && self.tasks.length > 0 && !stop() && self.steps++ <= self.maxSteps; done++) {
    const task = takeNext(self)
    self.isRunning = true
    self.owner = undefined
    try {
      task.run()
    } finally {
      self.isRunning = false
    }
  }
}

/** Receives each preemption and each choice of another fiber than the first, with the fiber that it concerns. */
export type OnSwitch = (point: string, choice: number, fiber: string, step: string | undefined) => void

/** A queue of ready tasks. */
export interface SimSchedulerQueue {
  readonly scheduler: Scheduler.Scheduler
  /**
   * Runs ready tasks, also those that become ready meanwhile, at most `maxTasks`; stops when `maxSteps` is exceeded.
   */
  readonly run: (maxTasks?: number, stop?: () => boolean) => void
  readonly isEmpty: () => boolean
  readonly isExhausted: () => boolean
  readonly decisions: () => ReadonlyArray<Decision>
  /** Returns the first points at which a fiber could be preempted. */
  readonly points: () => ReadonlyArray<string>
  /** Returns the number of operations so far. */
  readonly steps: () => number
  readonly slices: () => ReadonlyArray<Slice>
  /** Returns the fibers that have not ended. */
  readonly waiting: () => ReturnType<typeof waiting>
}

/**
 * Creates a queue that runs at most `maxSteps` operations.
 *
 * With `isExclusive`, no other program creates fibers during the run: fibers are then numbered by creation, which is
 * the same in more runs than the order of appearance. `arm` is called when a task is ready, and `onSwitch` at each
 * preemption and each choice of another fiber than the first.
 */
export const make = (
  strategy: Strategy,
  maxSteps: number,
  isExclusive: boolean,
  arm: () => void = constVoid,
  onSwitch?: OnSwitch
): SimSchedulerQueue => {
  const trace: FiberTrace = {
    ...{ isExclusive, fibers: new Map(), slices: [], isFull: false },
    ...{ maxFibers: maxSlices, firstFiberId: 0, fiberCount: 0 }
  }
  const state: State = {
    ...{ strategy: makeStrategy(strategy), maxSteps, trace, tasks: [], points: [], steps: 0 },
    ...{ lastRun: undefined, choices: 0, isRunning: false, owner: undefined, onSwitch, chosen: undefined }
  }
  const scheduleTask = (run: () => void, priority = 0) => {
    state.tasks.push({ run, priority })
    if (!state.isRunning) arm()
  }
  return {
    scheduler: {
      executionMode: "async",
      shouldYield: (fiber) => shouldYield(state, fiber),
      makeDispatcher: () => ({ scheduleTask, flush: () => run(state) })
    },
    run: (maxTasks, stop) => run(state, maxTasks, stop),
    isEmpty: () => state.tasks.length === 0,
    isExhausted: () => isExhausted(state),
    decisions: () => state.strategy.made,
    points: () => state.points,
    steps: () => state.steps,
    slices: () => toSlices(trace),
    waiting: () => waiting(trace)
  }
}
