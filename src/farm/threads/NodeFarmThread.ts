/** A thread of a pool: it loads a job, and works on the packets that it is sent, in their order. */
import { parentPort, workerData } from "node:worker_threads"
import { type Batch, OutcomeCode, type ThreadData, type ThreadMessage } from "./NodeFarmMessage.ts"
import * as NodeJob from "./NodeJob.ts"

const { flags, module } = workerData as ThreadData
const runningIndex = flags.length - 1

/** Results are kept back so long, in milliseconds, to go together. */
const maxBatchMillis = 5

const post = (message: ThreadMessage) => parentPort!.postMessage(message)

interface Ended {
  readonly _tag: "Ended"
  readonly slots: Array<number>
  readonly endings: Array<number>
  readonly values: Array<unknown>
  readonly millis: Array<number>
}

const emptyBatch = (): Ended => ({ _tag: "Ended", slots: [], endings: [], values: [], millis: [] })

/** Sends what ended; what cannot be cloned takes nothing else with it. */
const send = (ended: Ended) => {
  try {
    post(ended)
  } catch (cause) {
    const { endings, millis, slots, values } = ended
    if (slots.length === 1) {
      return post({
        ...ended,
        endings: [OutcomeCode.failed],
        values: [`the result cannot be sent: ${NodeJob.singleLine(cause)}`]
      })
    }
    for (const [at, slot] of slots.entries()) {
      send({ _tag: "Ended", slots: [slot], endings: [endings[at]!], values: [values[at]], millis: [millis[at]!] })
    }
  }
}

const serve =
  (work: NodeJob.EncodedWork) =>
  ({ packets, slots }: Batch) => {
    let ended = emptyBatch()
    let sent = performance.now()
    let before = sent
    for (const [at, slot] of slots.entries()) {
      const stopped = () => Atomics.load(flags, slot) === 1
      let ending: number = OutcomeCode.done
      let value: unknown
      if (!stopped()) {
        Atomics.store(flags, runningIndex, slot + 1)
        try {
          value = work(packets[at], { stopped })
        } catch (cause) {
          ending = OutcomeCode.failed
          value = NodeJob.singleLine(cause)
        }
        Atomics.store(flags, runningIndex, 0)
      }
      if (stopped()) {
        ending = OutcomeCode.stopped
        value = undefined
      }
      const now = performance.now()
      ended.slots.push(slot)
      ended.endings.push(ending)
      ended.values.push(value)
      ended.millis.push(now - before)
      before = now
      if (now - sent < maxBatchMillis) continue
      send(ended)
      ended = emptyBatch()
      sent = now
    }
    if (ended.slots.length > 0) send(ended)
  }

try {
  const { job, work } = await NodeJob.load(module)
  parentPort!.on("message", serve(work))
  post({ _tag: "Ready", name: job.name, version: job.version })
} catch (cause) {
  post({ _tag: "Refused", detail: NodeJob.singleLine(cause) })
}
