/** Workers in virtual time that run a job, each at a given speed. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Schema from "effect/Schema"
import type { Work } from "../../src/farm/Job.ts"
import * as Worker from "../../src/farm/Worker.ts"

export interface Pool {
  readonly workers: Worker.Workers
  /** The tasks sent, with the worker and the virtual time in milliseconds. */
  readonly sent: Array<{ readonly worker: number; readonly id: number; readonly packet: unknown; readonly at: number }>
  readonly cancelled: Array<number>
  /** Sends reports in the name of a worker. */
  readonly report: (worker: number, reports: ReadonlyArray<Worker.Report>) => void
}

/** Makes a worker for each speed: milliseconds for one unit of `cost`. A worker with Infinity never finishes. */
export const make = <Packet, Result>(
  work: Work<Packet, Result>,
  speeds: ReadonlyArray<number>,
  cost: (packet: Packet) => number
): Pool => {
  const sent: Pool["sent"] = []
  const cancelled: Array<number> = []
  const listeners: Array<((reports: ReadonlyArray<Worker.Report>) => void) | undefined> = []
  const worker = Effect.fnUntraced(function* (speed: number, index: number) {
    const clock = yield* Clock.Clock
    const run = yield* FiberSet.makeRuntime<never>()
    const queue: Array<Worker.Task> = []
    const report = (one: Worker.Report) => Effect.sync(() => listeners[index]?.([one]))
    let busy = false
    const next = Effect.gen(function* () {
      for (let task = queue.shift(); task !== undefined; task = queue.shift()) {
        const packet = Schema.decodeUnknownSync(work.packet)(task.packet)
        const millis = cost(packet) * speed
        if (!Number.isFinite(millis)) return yield* Effect.never
        yield* Effect.sleep(millis)
        const result = Schema.encodeSync(work.result)(work.work(packet, { stopped: () => false }))
        yield* report({ _tag: "Done", id: task.id, result, millis })
      }
      busy = false
    })
    const simulated: Worker.Worker = {
      name: `worker ${index}`,
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
        if (busy) return
        busy = true
        run(next)
      },
      cancel: (ids) => void cancelled.push(...ids)
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
