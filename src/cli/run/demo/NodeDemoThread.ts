/** The threads of a demonstration, each of which ends in a way of its own. */
import { parentPort, Worker, workerData } from "node:worker_threads"
import { finished, type Job } from "./NodeDemoThreads.ts"

const job: Job = workerData
const say = (text: unknown) => parentPort!.postMessage(text)

switch (job.task) {
  case "exit":
    say("child thread says hi!")
    process.exit(99)
    break
  case "return":
    say(6 * 7)
    break
  case "loop":
    try {
      process.on("exit", () => Atomics.store(job.memory, finished, 1))
      say("running")
      for (;;) Atomics.load(job.memory, finished)
    } finally {
      Atomics.store(job.memory, finished, 1)
    }
    break
  case "toil":
    say("running")
    Atomics.wait(job.memory, finished, 0, job.millis)
    Atomics.store(job.memory, finished, 1)
    break
  case "wait":
    parentPort!.once("message", () => {})
    say("running")
    break
  case "parent": {
    const data: Job = { task: "toil", memory: job.memory, millis: job.millis }
    const child = new Worker(new URL(import.meta.url), { workerData: data })
    child.once("message", () => {
      say("running")
      if (job.detached) child.unref()
    })
  }
}
