/** Workers in virtual time that run a job, each at a given speed. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Schema from "effect/Schema"
import { errorText } from "../../src/farm/FarmError.ts"
import { neverStopped, type Work } from "../../src/farm/Job.ts"
import * as Worker from "../../src/farm/Worker.ts"
import * as Signal from "../../src/network/Signal.ts"

export interface Pool {
  readonly workers: Worker.Workers
  /** The tasks sent, with the worker and the virtual time in milliseconds. */
  readonly sent: Array<{ readonly worker: number; readonly id: number; readonly packet: unknown; readonly at: number }>
  readonly cancelled: Array<number>
  /** Sends reports in the name of a worker. */
  readonly report: (worker: number, reports: ReadonlyArray<Worker.Report>) => void
}

/** Makes a worker for each speed: milliseconds for a unit of `cost`. One with Infinity is silent and never finishes. */
export const make = <Packet, Result>(
  work: Work<Packet, Result>,
  speeds: ReadonlyArray<number>,
  cost: (packet: Packet) => number,
  host?: string
): Pool => {
  const sent: Pool["sent"] = []
  const cancelled: Array<number> = []
  const listeners: Array<((reports: ReadonlyArray<Worker.Report>) => void) | undefined> = []
  const worker = Effect.fnUntraced(function* (speed: number, index: number) {
    const clock = yield* Clock.Clock
    const run = yield* FiberSet.makeRuntime<never>()
    const queue: Array<Worker.Task> = []
    const report = (one: Worker.Report) => Effect.sync(() => listeners[index]?.([one]))
    let isRunning = false
    /** False until it has begun a packet after idling. */
    let busy = false
    let running: Worker.Task | undefined
    const isStopped = Signal.make()
    /** Returns the report of a packet that has taken its time. */
    const outcome = ({ id }: Worker.Task, packet: Packet, millis: number): Worker.Report => {
      try {
        const result = Schema.encodeSync(work.result)(work.work(packet, neverStopped) as Result)
        return { _tag: "Done", id, result, millis }
      } catch (cause) {
        return { _tag: "Failed", id, error: errorText(cause) }
      }
    }
    const next = Effect.gen(function* () {
      for (let task = queue.shift(); task !== undefined; task = queue.shift()) {
        running = task
        const packet = Schema.decodeUnknownSync(work.packet)(task.packet)
        const millis = cost(packet) * speed
        const working = report({ _tag: "Working", id: task.id })
        if (!busy) yield* working
        busy = true
        if (!Number.isFinite(millis)) return yield* Effect.never
        const beats = Effect.forever(Effect.andThen(Effect.sleep("1 second"), working))
        const stopped = Effect.as(isStopped.wait, { _tag: "Stopped", id: task.id } as const)
        const ended = Effect.as(Effect.sleep(millis), undefined)
        const early = yield* Effect.raceFirst(millis > 1_000 ? Effect.raceFirst(ended, beats) : ended, stopped)
        running = undefined
        yield* report(early ?? outcome(task, packet, millis))
      }
      busy = false
      isRunning = false
    })
    const cancel = (ids: ReadonlyArray<number>) => {
      cancelled.push(...ids)
      const waiting = queue.filter(({ id }) => ids.includes(id))
      queue.splice(0, queue.length, ...queue.filter(({ id }) => !ids.includes(id)))
      for (const { id } of waiting) run(Effect.andThen(Effect.yieldNow, report({ _tag: "Stopped", id })))
      if (running !== undefined && ids.includes(running.id)) isStopped.notify()
    }
    const simulated: Worker.Worker = {
      name: `worker ${index}`,
      host,
      job: work,
      capacity: 2,
      latencyMillis: 0,
      attach: (listener) =>
        Effect.acquireRelease(
          Effect.sync(() => {
            listeners[index] = listener
          }),
          () =>
            Effect.sync(() => {
              listeners[index] = undefined
            })
        ),
      run: (tasks) => {
        for (const { id, packet } of tasks)
          sent.push({ worker: index, id, packet, at: clock.currentTimeMillisUnsafe() })
        queue.push(...tasks)
        if (isRunning) return
        isRunning = true
        run(next)
      },
      cancel
    }
    return simulated
  })
  return {
    workers: Effect.map(Effect.forEach(speeds, worker), Worker.pool),
    sent,
    cancelled,
    report: (index, reports) => listeners[index]!(reports)
  }
}
