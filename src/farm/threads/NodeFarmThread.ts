/** The entry module of a thread: loads a job, and works on the received packets in order. */
import { parentPort, workerData } from "node:worker_threads"
import { errorText } from "../FarmError.ts"
import { type Batch, type Ended, OutcomeCode, type ThreadData, type ThreadMessage } from "./NodeFarmMessage.ts"
import * as NodeJobLoader from "./NodeJobLoader.ts"
import * as ThreadTasks from "./ThreadTasks.ts"

const { flags, module } = workerData as ThreadData
const runningIndex = ThreadTasks.runningIndex(flags)

/** The time for which outcomes are collected into one message. */
const maxBatchMillis = 5

const post = (message: ThreadMessage) => parentPort!.postMessage(message)

const emptyBatch = (): Ended => ({ _tag: "Ended", outcomes: [], values: [], millis: [] })

/** Sends outcomes. If a result cannot be cloned, each is sent alone, and that one as failed. */
const send = (ended: Ended) => {
  try {
    post(ended)
  } catch (cause) {
    const { millis, outcomes, values } = ended
    if (outcomes.length === 1) {
      const message = `the result cannot be sent: ${NodeJobLoader.singleLine(cause)}`
      return post({ ...ended, outcomes: [OutcomeCode.failed], values: [errorText(message)] })
    }
    for (const [at, outcome] of outcomes.entries()) {
      send({ _tag: "Ended", outcomes: [outcome], values: [values[at]], millis: [millis[at]!] })
    }
  }
}

const serve = (work: NodeJobLoader.EncodedWork) => {
  let receivedCount = 0

  /** Works on a packet, unless it is cancelled. */
  const outcomeOf = (packet: unknown, error: string | undefined): readonly [outcome: number, value: unknown] => {
    const flag = ThreadTasks.flagIndex(flags, receivedCount++)
    const stopped = () => Atomics.load(flags, flag) === 1
    if (error !== undefined) return [OutcomeCode.failed, errorText(error)]
    if (stopped()) return [OutcomeCode.stopped, undefined]
    Atomics.store(flags, runningIndex, flag + 1)
    try {
      const value = work(packet, { stopped })
      return stopped() ? [OutcomeCode.stopped, undefined] : [OutcomeCode.done, value]
    } catch (cause) {
      return stopped() ? [OutcomeCode.stopped, undefined] : [OutcomeCode.failed, errorText(cause)]
    } finally {
      Atomics.store(flags, runningIndex, 0)
    }
  }

  return ({ error, packets }: Batch) => {
    let ended = emptyBatch()
    let sentAt = performance.now()
    let before = sentAt
    for (const packet of packets) {
      const [outcome, value] = outcomeOf(packet, error)
      const now = performance.now()
      ended.outcomes.push(outcome)
      ended.values.push(value)
      ended.millis.push(now - before)
      before = now
      if (now - sentAt < maxBatchMillis) continue
      send(ended)
      ended = emptyBatch()
      sentAt = now
    }
    if (ended.outcomes.length > 0) send(ended)
  }
}

try {
  const { job, work } = await NodeJobLoader.load(module)
  parentPort!.on("message", serve(work))
  post({ _tag: "Ready", name: job.name, version: job.version })
} catch (cause) {
  post({ _tag: "Refused", detail: NodeJobLoader.singleLine(cause) })
}
