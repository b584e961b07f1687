/** A thread that adds one to a shared number, `count` times, and posts the milliseconds it took. */
import { parentPort, workerData } from "node:worker_threads"
import { cellIndex, type MutexJob, threadCount, updateMethods } from "./NodeMutex.ts"

const { count, memory, way }: MutexJob = workerData
const update = updateMethods[way]

// All begin at the same time: threads that run one after the other do not conflict.
Atomics.add(memory, cellIndex.arrived, 1)
while (Atomics.load(memory, cellIndex.arrived) < threadCount) {}
const startMillis = performance.now()
for (let i = 0; i < count; i++) update(memory)
parentPort!.postMessage(performance.now() - startMillis)
