/** The threads of the demonstration `threads`: each task ends in a different way. */
import { parentPort, Worker, workerData } from "node:worker_threads"
import { finishedIndex, type Job } from "./NodeDemoThreads.ts"

const job: Job = workerData
const post = (text: unknown) => parentPort!.postMessage(text)

switch (job.task) {
  case "exit":
    post("child thread says hi!")
    process.exit(99)
    break
  case "return":
    post(6 * 7)
    break
  case "loop":
    try {
      process.on("exit", () => Atomics.store(job.memory, finishedIndex, 1))
      post("running")
      for (;;) Atomics.load(job.memory, finishedIndex)
    } finally {
      Atomics.store(job.memory, finishedIndex, 1)
    }
    break
  case "toil":
    post("running")
    Atomics.wait(job.memory, finishedIndex, 0, job.millis)
    Atomics.store(job.memory, finishedIndex, 1)
    break
  case "wait":
    parentPort!.once("message", () => {})
    post("running")
    break
  case "parent": {
    const data: Job = { task: "toil", memory: job.memory, millis: job.millis }
    const child = new Worker(new URL(import.meta.url), { workerData: data })
    child.once("message", () => {
      post("running")
      if (job.detached) child.unref()
    })
  }
}
