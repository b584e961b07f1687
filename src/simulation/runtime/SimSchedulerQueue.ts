/**
 * One queue for all fibers, from which chance or a list of decisions takes the next. Every decision has a name that it
 * keeps when others are left out, so that a failing run can be made smaller.
 */
import * as Context from "effect/Context"
import type * as Fiber from "effect/Fiber"
import type * as Scheduler from "effect/Scheduler"
import * as FaultRandom from "../faults/FaultRandom.ts"

/**
 * Where a run leaves the plain order. `2.7` is the seventh check of fiber 2, at which it is preempted; `2.7/0` is the
 * first choice after it, and the number the place in the queue that is taken instead of the first.
 */
export type Decision = readonly [point: string, choice: number]

/** A stretch in which one fiber runs and no other. */
export interface Turn {
  /** Fibers count from 1, in the order of their creation. */
  readonly fiber: number
  /** What `label` calls it. */
  readonly name: string | undefined
  /** The steps, spans and functions it was in. */
  readonly did: ReadonlyArray<string>
  /** `left`: it waits, or wakes another. */
  readonly end: "preempted" | "ended" | "left"
  /** What it was in, or about to begin, when it was preempted. */
  readonly at: string | undefined
}

/** Who decides: chance, or what was decided before. */
export type Strategy =
  | { readonly seed: FaultRandom.Seed; readonly preempt: number }
  | { readonly decisions: ReadonlyArray<Decision> }

/** A step, and the one that it is part of. */
export interface Doing {
  readonly text: string
  readonly outer: Doing | undefined
}

/** What fibers were called by `label`; others are called as the fiber that made them. */
export const names = new WeakMap<Fiber.Fiber<unknown, unknown>, string>()

/** What fibers are called that a fiber makes, and what it is doing. */
export const Name = Context.Reference<string | undefined>("effect-inet/SimScheduler/Name", {
  defaultValue: () => undefined
})
export const Doing = Context.Reference<Doing | undefined>("effect-inet/SimScheduler/Doing", {
  defaultValue: () => undefined
})

interface Member {
  readonly fiber: Fiber.Fiber<unknown, unknown>
  /** The name it was made with. */
  readonly inherited: string | undefined
  doing: Doing | undefined
  /** Tells it from the others, in the order of creation or else of appearance. */
  readonly number: number
  /** Operations before which it could be preempted. */
  checks: number
  /** How many more of its operations belong to a preemption. */
  resumes: number
}

interface OpenTurn {
  readonly member: Member
  readonly did: Array<string>
  end: Turn["end"]
  at: string | undefined
}

interface Task {
  readonly run: () => void
  readonly priority: number
}

/** Decisions that are remembered, more than there are operations in most runs. */
const maxDecisions = 1_000_000

/** A preempted fiber wakes, and then comes to the same operation again. */
const resumption = 2

/** Turns that are remembered; a run that takes more is not one that anybody reads. */
const maxTurns = 10_000

const doingOf = (fiber: Fiber.Fiber<unknown, unknown>): Doing | undefined => {
  const doing = fiber.getRef(Doing)
  if (doing !== undefined) return doing
  const span = fiber.cache.span
  const text = span?._tag === "Span" ? span.name : fiber.cache.stackFrame?.name
  return text === undefined ? undefined : { text, outer: undefined }
}

/** Whether a step is the same as another, or that one is a part of it. */
const isWhole = (doing: Doing, part: Doing | undefined): boolean =>
  part !== undefined &&
  (part === doing || (part.outer === doing.outer && part.text === doing.text) || isWhole(doing, part.outer))

const nameOf = ({ fiber, inherited }: Member) => names.get(fiber) ?? inherited

/** Answers yes to questions of chance, and remembers which. */
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

/**
 * A queue, for so many operations at most. `isAlone`: no other program makes fibers meanwhile, so that they can be told
 * apart by the order of their creation, which is the same in more runs than that of their appearance. `arm` is told
 * that there is something to run.
 */
export const make = (strategy: Strategy, maxSteps: number, isAlone: boolean, arm: () => void = () => {}) => {
  const { isPreempted, made, pick } = makeStrategy(strategy)
  const tasks: Array<Task> = []
  const members = new Map<number, Member>()
  const turns: Array<OpenTurn> = []
  const points: Array<string> = []
  let isFull = false
  let room = maxTurns
  let steps = 0
  /** The fiber that ran last, and how many tasks were chosen since. */
  let last: Member | undefined
  let chosen = 0
  /** In a task, the fiber it is for once that is known. */
  let isRunning = false
  let owner: Member | undefined
  let first = 0
  let met = 0

  /** Those who have ended, in a run of very many. */
  const forget = () => {
    for (const [id, { fiber }] of members) if (fiber.pollUnsafe() !== undefined) members.delete(id)
    room = 2 * members.size + maxTurns
  }
  const meet = (fiber: Fiber.Fiber<unknown, unknown>): Member => {
    const known = members.get(fiber.id)
    if (known !== undefined) return known
    if (first === 0) first = fiber.id
    const number = isAlone ? fiber.id - first + 1 : ++met
    if (members.size >= room) forget()
    const member: Member = { fiber, inherited: fiber.getRef(Name), doing: undefined, number, checks: 0, resumes: 0 }
    members.set(fiber.id, member)
    return member
  }
  const settle = (turn: OpenTurn | undefined) => {
    if (turn?.end === "left" && turn.member.fiber.pollUnsafe() !== undefined) turn.end = "ended"
  }
  const turnOf = (member: Member): OpenTurn => {
    const last = turns.at(-1)
    if (last?.member === member && !isFull) return last
    const turn: OpenTurn = { member, did: [], end: "left", at: undefined }
    settle(last)
    isFull ||= turns.length === maxTurns
    if (!isFull) turns.push(turn)
    return turn
  }
  const note = (member: Member): OpenTurn => {
    const { fiber } = member
    const before = member.doing
    const doing = doingOf(fiber)
    const turn = turnOf(member)
    member.doing = doing
    turn.end = "left"
    if (doing === undefined || turn.did.length >= maxTurns) return turn
    // Back in a step of which a part was done, it begins nothing.
    if (turn.did.length === 0 || !isWhole(doing, before)) turn.did.push(doing.text)
    return turn
  }
  const pointOf = ({ checks, number }: Member) => `${number}.${checks}`

  const shouldYield = (fiber: Fiber.Fiber<unknown, unknown>): boolean => {
    const member = meet(fiber)
    const isFirst = owner === undefined
    steps++
    // Who is woken from outside takes its place in the queue like all others.
    if (!isRunning || steps > maxSteps) return true
    const turn = note(member)
    last = member
    chosen = 0
    if (isFirst) owner = member
    // To go on after a preemption is no operation: the points that follow keep their names when it is left out.
    if (member.resumes > 0) {
      member.resumes--
      return false
    }
    member.checks++
    // It has only just been chosen, or nobody else could run.
    if (isFirst || (owner === member && tasks.length === 0)) return false
    const isOver = fiber.currentOpCount >= fiber.cache.maxOpsBeforeYield
    const point = pointOf(member)
    if (points.length < maxTurns) points.push(point)
    if (!isOver && !isPreempted(point)) return false
    member.resumes = resumption
    turn.end = "preempted"
    turn.at = member.doing?.text
    return true
  }

  const take = (): Task => {
    const least = tasks.reduce((least, { priority }) => Math.min(least, priority), Number.POSITIVE_INFINITY)
    const ready = tasks.filter(({ priority }) => priority === least)
    const point = last === undefined ? `0/${chosen++}` : `${pointOf(last)}/${chosen++}`
    const task = ready[ready.length === 1 ? 0 : pick(point, ready.length)]!
    tasks.splice(tasks.indexOf(task), 1)
    return task
  }
  /** Runs what is ready, and what becomes ready meanwhile, at most so many tasks; a run that is spent stops. */
  const run = (most = Number.POSITIVE_INFINITY, stop = () => false) => {
    if (isRunning) return
    for (let done = 0; done < most && tasks.length > 0 && !stop() && steps++ <= maxSteps; done++) {
      const task = take()
      isRunning = true
      owner = undefined
      try {
        task.run()
      } finally {
        isRunning = false
      }
    }
  }

  const soon = (run: () => void, priority = 0) => {
    tasks.push({ run, priority })
    if (!isRunning) arm()
  }
  const numbers = () => {
    const all = new Set([...members.values(), ...turns.map(({ member }) => member)])
    return new Map([...all].sort((a, b) => a.number - b.number).map((member, index) => [member, index + 1]))
  }
  const scheduler: Scheduler.Scheduler = {
    executionMode: "async",
    shouldYield,
    makeDispatcher: () => ({ scheduleTask: soon, flush: () => run() })
  }
  return {
    scheduler,
    run,
    isEmpty: () => tasks.length === 0,
    isSpent: () => steps > maxSteps,
    steps: () => steps,
    decisions: made,
    /** Where a fiber could be preempted; the first of these points. */
    points: points as ReadonlyArray<string>,
    trace: (): ReadonlyArray<Turn> => {
      settle(turns.at(-1))
      const numberOf = numbers()
      return turns.map(({ at, did, end, member }) => ({
        fiber: numberOf.get(member)!,
        name: nameOf(member),
        did: [...did],
        end,
        at: end === "preempted" ? at : undefined
      }))
    },
    /** Fibers that have not ended. */
    waiting: () => {
      const numberOf = numbers()
      return [...members.values()]
        .filter(({ fiber }) => fiber.pollUnsafe() === undefined)
        .map((member) => ({ fiber: numberOf.get(member)!, name: nameOf(member), doing: member.doing?.text }))
        .sort((a, b) => a.fiber - b.fiber)
    }
  }
}
