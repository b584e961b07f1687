/** A thread of a pool: it loads a job, and works on the packets that it is sent, in their order. */
import { parentPort, workerData } from "node:worker_threads"
import { type Batch, Ending, type FromThread, type Start } from "./NodeFarmMessage.ts"
import * as NodeJob from "./NodeJob.ts"

const { flags, module } = workerData as Start
const running = flags.length - 1

/** Results are kept back so long, in milliseconds, to go together. */
const patience = 5

const post = (message: FromThread) => parentPort!.postMessage(message)

interface Ended {
  readonly _tag: "Ended"
  readonly slots: Array<number>
  readonly endings: Array<number>
  readonly values: Array<unknown>
  readonly millis: Array<number>
}

const none = (): Ended => ({ _tag: "Ended", slots: [], endings: [], values: [], millis: [] })

/** Sends what ended; what cannot be cloned takes nothing else with it. */
const send = (ended: Ended) => {
  try {
    post(ended)
  } catch (cause) {
    const { endings, millis, slots, values } = ended
    if (slots.length === 1) {
      return post({
        ...ended,
        endings: [Ending.failed],
        values: [`the result cannot be sent: ${NodeJob.textOf(cause)}`]
      })
    }
    for (const [at, slot] of slots.entries()) {
      send({ _tag: "Ended", slots: [slot], endings: [endings[at]!], values: [values[at]], millis: [millis[at]!] })
    }
  }
}

const serve =
  (work: NodeJob.Encoded) =>
  ({ packets, slots }: Batch) => {
    let ended = none()
    let sent = performance.now()
    let before = sent
    for (const [at, slot] of slots.entries()) {
      const stopped = () => Atomics.load(flags, slot) === 1
      let ending: number = Ending.done
      let value: unknown
      if (!stopped()) {
        Atomics.store(flags, running, slot + 1)
        try {
          value = work(packets[at], { stopped })
        } catch (cause) {
          ending = Ending.failed
          value = NodeJob.textOf(cause)
        }
        Atomics.store(flags, running, 0)
      }
      if (stopped()) {
        ending = Ending.stopped
        value = undefined
      }
      const now = performance.now()
      ended.slots.push(slot)
      ended.endings.push(ending)
      ended.values.push(value)
      ended.millis.push(now - before)
      before = now
      if (now - sent < patience) continue
      send(ended)
      ended = none()
      sent = now
    }
    if (ended.slots.length > 0) send(ended)
  }

try {
  const { job, work } = await NodeJob.load(module)
  parentPort!.on("message", serve(work))
  post({ _tag: "Ready", name: job.name, version: job.version })
} catch (cause) {
  post({ _tag: "Refused", detail: NodeJob.textOf(cause) })
}
