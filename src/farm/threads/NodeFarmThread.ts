/** The entry module of a thread: loads a job, and works on the received packets in order. */
import { parentPort, type Transferable, workerData } from "node:worker_threads"
import { errorText, singleLine } from "../FarmError.ts"
import { type Ended, type ThreadData, type ThreadMessage, type ToThread, unsendable } from "./NodeFarmMessage.ts"
import * as NodeJobLoader from "./NodeJobLoader.ts"
import * as NodeThreadQueue from "./NodeThreadQueue.ts"

const { firstPosition, flags, maxPacketBytes, module } = workerData as ThreadData

const post = (message: ThreadMessage, transfer: ReadonlyArray<Transferable> = []) =>
  parentPort!.postMessage(message, transfer)

/** Sends outcomes. If a result cannot be sent, each is sent alone, and that one as failed. */
const send = (ended: Ended, transfer: ReadonlyArray<ArrayBufferLike>) => {
  try {
    post(ended, transfer as ReadonlyArray<ArrayBuffer>)
  } catch (cause) {
    const { millis, outcomes, values } = ended
    if (outcomes.length === 1) {
      const { error, outcome } = unsendable("result", cause)
      return post({ ...ended, outcomes: [outcome], values: [error] })
    }
    for (const [at, outcome] of outcomes.entries()) {
      const one: Ended = { _tag: "Ended", outcomes: [outcome], values: [values[at]], millis: [millis[at]!] }
      send(one, [])
    }
  }
}

/** Releases the services of the job, and ends the thread: no timer that the job has left keeps it. */
const end = async (release: NodeJobLoader.LoadedJob["release"]) => {
  await release?.()
  process.exit()
}

try {
  const { job, release, work } = await NodeJobLoader.load(module)
  const queue = NodeThreadQueue.make({
    ...{ flags, firstPosition, maxPacketBytes, work, send },
    now: () => performance.now()
  })
  parentPort!.on("message", (message: ToThread) => {
    if (message === "Cancelled") return NodeThreadQueue.cancel(queue)
    if (message === "End") return end(release)
    NodeThreadQueue.add(queue, message)
  })
  post({ _tag: "Ready", name: job.name, version: job.version, hasServices: release !== undefined })
} catch (cause) {
  post({ _tag: "Refused", detail: singleLine(errorText(cause)) })
}
