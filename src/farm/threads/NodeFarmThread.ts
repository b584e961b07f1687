/** The entry module of a thread: loads a job, and works on the received packets in order. */
import { parentPort, workerData } from "node:worker_threads"
import { type Batch, OutcomeCode, type ThreadData, type ThreadMessage } from "./NodeFarmMessage.ts"
import * as NodeJobLoader from "./NodeJobLoader.ts"

const { flags, module } = workerData as ThreadData
const runningIndex = flags.length - 1

/** The time for which outcomes are collected into one message. */
const maxBatchMillis = 5

const post = (message: ThreadMessage) => parentPort!.postMessage(message)

interface Ended {
  readonly _tag: "Ended"
  readonly slots: Array<number>
  readonly outcomes: Array<number>
  readonly values: Array<unknown>
  readonly millis: Array<number>
}

const emptyBatch = (): Ended => ({ _tag: "Ended", slots: [], outcomes: [], values: [], millis: [] })

/** Sends outcomes. If a result cannot be cloned, each is sent alone, and that one as failed. */
const send = (ended: Ended) => {
  try {
    post(ended)
  } catch (cause) {
    const { outcomes, millis, slots, values } = ended
    if (slots.length === 1) {
      return post({
        ...ended,
        outcomes: [OutcomeCode.failed],
        values: [`the result cannot be sent: ${NodeJobLoader.singleLine(cause)}`]
      })
    }
    for (const [at, slot] of slots.entries()) {
      send({ _tag: "Ended", slots: [slot], outcomes: [outcomes[at]!], values: [values[at]], millis: [millis[at]!] })
    }
  }
}

const serve =
  (work: NodeJobLoader.EncodedWork) =>
  ({ packets, slots }: Batch) => {
    let ended = emptyBatch()
    let sent = performance.now()
    let before = sent
    for (const [at, slot] of slots.entries()) {
      const stopped = () => Atomics.load(flags, slot) === 1
      let outcome: number = OutcomeCode.done
      let value: unknown
      if (!stopped()) {
        Atomics.store(flags, runningIndex, slot + 1)
        try {
          value = work(packets[at], { stopped })
        } catch (cause) {
          outcome = OutcomeCode.failed
          value = NodeJobLoader.singleLine(cause)
        }
        Atomics.store(flags, runningIndex, 0)
      }
      if (stopped()) {
        outcome = OutcomeCode.stopped
        value = undefined
      }
      const now = performance.now()
      ended.slots.push(slot)
      ended.outcomes.push(outcome)
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
  const { job, work } = await NodeJobLoader.load(module)
  parentPort!.on("message", serve(work))
  post({ _tag: "Ready", name: job.name, version: job.version })
} catch (cause) {
  post({ _tag: "Refused", detail: NodeJobLoader.singleLine(cause) })
}
