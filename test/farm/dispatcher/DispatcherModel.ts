/** Workers that are late, crash, hang, repeat themselves and are cut off: all from one seed, in virtual time. */
import * as Dispatcher from "../../../src/farm/dispatcher/Dispatcher.ts"
import type { Action, Event, Options } from "../../../src/farm/dispatcher/DispatcherEvent.ts"
import * as Job from "../../../src/farm/Job.ts"

type Range = { readonly from: number; readonly to: number }

/** How bad a worker is: each fault a chance for each packet, 0 to 1. */
export interface Nature {
  readonly capacity: number
  /** Milliseconds for a unit. */
  readonly slow: number
  /** Milliseconds at most that a message is under way. */
  readonly delay: number
  readonly crash: number
  readonly hang: number
  readonly twice: number
  readonly garbage: number
  readonly throws: number
  /** What it says is held up for longer than the lease. */
  readonly partition: number
  /** It does not come back after a crash. */
  readonly mortal: boolean
  /** Never says how a packet ended that it hangs on, even when it is told to stop. */
  readonly deaf: boolean
}

export const sound: Nature = {
  ...{ capacity: 4, slow: 1, delay: 3, crash: 0, hang: 0, twice: 0, garbage: 0, throws: 0, partition: 0 },
  ...{ mortal: false, deaf: false }
}

export interface Plan extends Partial<Omit<Options<Range>, "workers" | "cut" | "total">> {
  readonly seed: number
  readonly units: number
  readonly natures: ReadonlyArray<Nature>
  /** Packets with this unit kill whoever works on them. */
  readonly deadly?: number | undefined
}

export interface Outcome {
  readonly end: Extract<Action<Range, number>, { readonly _tag: "Finished" | "Poison" | "NoWorkers" }> | undefined
  readonly merged: ReadonlyArray<Range>
  /** Rules that were broken. */
  readonly broken: ReadonlyArray<string>
  /** Milliseconds of virtual time, how many packets were sent, and how many faults happened. */
  readonly elapsed: number
  readonly sent: number
  readonly faults: number
  /** What each worker was sent. */
  readonly sentTo: ReadonlyArray<number>
}

const random = (seed: number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** After so many things have happened, it is a hang. */
const patience = 60_000

export const run = (plan: Plan): Outcome => {
  const chance = random(plan.seed)
  const { attempts = 1_000, buffer = 64, hold = false, lease = 1_000, ordered = false, units } = plan
  const splitter = Job.range(0, units)
  const merged: Array<Range> = []
  const broken: Array<string> = []
  const ids = new Set<number>()
  const agenda: Array<{ readonly at: number; readonly order: number; readonly act: () => void }> = []
  const workers = plan.natures.map((nature) => ({
    nature,
    epoch: 0,
    up: true,
    gone: false,
    busy: false,
    queue: [] as Array<{ readonly id: number; readonly packet: Range }>,
    /** What was sent to it, and has not ended as far as the dispatcher was told. */
    held: new Set<number>(),
    cancelled: new Set<number>(),
    /** When the last message to it and from it arrives: they keep their order. */
    heard: 0,
    last: 0
  }))
  let now = 0
  let order = 0
  let cut = 0
  let taken = 0
  let sent = 0
  /** Workers that the dispatcher knows to be gone. */
  const buried = new Set<number>()
  const sentTo = workers.map(() => 0)
  let faults = 0
  let end: Outcome["end"]

  const after = (millis: number, act: () => void) => void agenda.push({ at: now + millis, order: order++, act })
  const dispatcher = Dispatcher.make<Range, number>({
    ...{ lease, attempts, ordered, hold, buffer, target: 50, first: 1, total: units, size: plan.size },
    workers: plan.natures.map(({ capacity }, index) => ({ name: `worker ${index}`, capacity, latency: 5 })),
    cut: (size) => {
      const next = splitter.next(size)
      if (next !== undefined) cut++
      return next
    }
  })

  const feed = (events: ReadonlyArray<Event<number>>) => {
    for (const event of events) {
      if ("id" in event) workers[event.worker]!.held.delete(event.id)
      if (event._tag === "Lost" || event._tag === "Gone") workers[event.worker]!.held.clear()
      if (event._tag === "Gone") buried.add(event.worker)
    }
    for (const action of dispatcher.step(events, now)) perform(action)
    if (cut - taken > buffer) broken.push(`${cut - taken} packets are under way, not ${buffer} at most`)
  }
  const perform = (action: Action<Range, number>) => {
    switch (action._tag) {
      case "Merge": {
        const { from, to } = action.packet
        if (ids.has(action.id)) broken.push(`packet ${action.id} is merged twice`)
        if (ordered && action.id !== ids.size) broken.push(`packet ${action.id} comes after ${ids.size - 1}`)
        if (action.result !== to - from) broken.push(`packet ${action.id} has the result of another`)
        ids.add(action.id)
        merged.push(action.packet)
        if (!hold) taken++
        else {
          after(chance() * 40, () => {
            taken++
            feed([{ _tag: "Taken", count: 1 }])
          })
        }
        return
      }
      case "Run": {
        const worker = workers[action.worker]!
        for (const { id } of action.tasks) {
          if (worker.held.has(id)) broken.push(`packet ${id} is sent twice to worker ${action.worker}`)
          worker.held.add(id)
          sent++
          sentTo[action.worker]!++
        }
        if (buried.has(action.worker)) broken.push(`worker ${action.worker} is gone and gets a packet`)
        if (worker.held.size > worker.nature.capacity) broken.push(`worker ${action.worker} holds ${worker.held.size}`)
        return hear(action.worker, () => {
          worker.queue.push(...action.tasks)
          begin(action.worker)
        })
      }
      case "Cancel": {
        const worker = workers[action.worker]!
        return hear(action.worker, () => {
          const [first] = worker.queue
          for (const { id } of worker.queue) if (action.ids.includes(id)) worker.cancelled.add(id)
          if (worker.busy && action.ids.includes(first!.id) && !worker.nature.deaf) stop(action.worker)
        })
      }
      default:
        if (end !== undefined) broken.push(`${end._tag}, and then ${action._tag}`)
        end = action
    }
  }

  const hear = (index: number, act: () => void) => {
    const worker = workers[index]!
    const { epoch } = worker
    worker.heard = Math.max(worker.heard, now + chance() * worker.nature.delay)
    after(worker.heard - now, () => epoch === worker.epoch && act())
  }

  /** Reports come in the order in which they were made. */
  const say = (index: number, events: ReadonlyArray<Event<number>>, more = 0) => {
    const worker = workers[index]!
    const { epoch } = worker
    worker.last = Math.max(worker.last, now + more + chance() * worker.nature.delay)
    after(worker.last - now, () => epoch === worker.epoch && feed(events))
  }
  const stop = (index: number) => {
    const worker = workers[index]!
    const { id } = worker.queue.shift()!
    worker.busy = false
    worker.cancelled.delete(id)
    say(index, [{ _tag: "Stopped", worker: index, id }])
    begin(index)
  }
  const crash = (index: number) => {
    const worker = workers[index]!
    const running = worker.queue.slice(0, 1).map(({ id }) => id)
    const message = "it crashed"
    worker.epoch++
    Object.assign(worker, { queue: [], busy: false, last: now })
    worker.cancelled.clear()
    worker.gone = worker.nature.mortal
    const told = plan.deadly !== undefined || chance() < 0.5 ? running : undefined
    say(index, [{ _tag: worker.gone ? "Gone" : "Lost", worker: index, message, running: told }])
    if (!worker.gone) say(index, [{ _tag: "Ready", worker: index }], chance() * 200)
  }
  const begin = (index: number) => {
    const worker = workers[index]!
    const { nature } = worker
    const [first] = worker.queue
    if (worker.busy || first === undefined || worker.gone) return
    worker.busy = true
    if (worker.cancelled.has(first.id)) return stop(index)
    const fault = (rate: number) => chance() < rate && ++faults > 0
    const { from, to } = first.packet
    const deadly = plan.deadly !== undefined && from <= plan.deadly && plan.deadly < to
    if (fault(nature.hang) && !deadly) return
    const { epoch } = worker
    const millis = (to - from) * nature.slow * (0.5 + chance())
    after(millis, () => {
      if (epoch !== worker.epoch || !worker.busy || worker.queue[0] !== first) return
      if (deadly || fault(nature.crash)) return crash(index)
      worker.queue.shift()
      worker.busy = false
      worker.cancelled.delete(first.id)
      const done: Event<number> = { _tag: "Done", worker: index, id: first.id, result: to - from, millis }
      const late = fault(nature.partition) ? 1.5 * lease * chance() : 0
      if (fault(nature.throws)) {
        say(index, [{ _tag: "Failed", worker: index, id: first.id, kind: "Threw", message: "it threw" }], late)
      } else say(index, [done], late)
      if (fault(nature.twice)) say(index, [done, done])
      if (fault(nature.garbage)) say(index, [{ ...done, id: Math.floor(chance() * 2 * cut) + 1_000_000 }])
      begin(index)
    })
  }
  const tick = () => {
    feed([{ _tag: "Tick" }])
    if (end === undefined) after(50, tick)
  }

  feed([])
  after(50, tick)
  let happened = 0
  while (end === undefined && happened++ < patience) {
    let first = 0
    for (const [at, one] of agenda.entries()) {
      const least = agenda[first]!
      if (one.at < least.at || (one.at === least.at && one.order < least.order)) first = at
    }
    const [next] = agenda.splice(first, 1)
    now = next!.at
    next!.act()
  }
  return { end, merged, broken, elapsed: now, sent, faults, sentTo }
}

/** What is wrong with the pieces of `0 <= n < units`: each number must be in one of them. */
export const missing = (pieces: ReadonlyArray<Range>, units: number) => {
  let at = 0
  for (const { from, to } of [...pieces].sort((one, two) => one.from - two.from)) {
    if (from !== at) return `${from} follows ${at}`
    at = to
  }
  return at === units ? undefined : `it ends at ${at}, not ${units}`
}
