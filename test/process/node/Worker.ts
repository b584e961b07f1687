/** A worker, thread or child process, that fails in the way that its first argument names. */
import { parentPort, workerData } from "node:worker_threads"

export type Mode = "throws" | "exits" | "silent" | "serves"

/** Messages to the worker. `work` is answered, and `drain` ends the worker. */
export type ToWorker = "work" | "drain" | "ignore drains" | "throw" | "exit" | "loop"

const mode: Mode = parentPort === null ? process.argv[2] : workerData

const post = (message: string) => {
  if (parentPort === null) process.send!(message)
  else parentPort.postMessage(message)
}

let ignoresDrains = false

const receive = (message: ToWorker) => {
  if (message === "throw") throw new Error("broken")
  if (message === "loop") for (;;);
  if (message === "exit" || (message === "drain" && !ignoresDrains)) process.exit()
  if (message === "ignore drains") ignoresDrains = true
  post(message)
}

if (mode === "throws") throw new Error("broken on load")
if (mode === "exits") process.exit()
if (parentPort === null) process.on("message", receive)
else parentPort.on("message", receive)
if (mode === "serves") post("ready")
