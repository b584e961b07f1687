/** A thread that adds one to a shared number, many times, and says how many milliseconds it took. */
import { parentPort, workerData } from "node:worker_threads"
import { cell, type Job, threads, ways } from "./NodeMutex.ts"

const { count, memory, way }: Job = workerData
const step = ways[way]

// All begin together: threads that run one after the other cannot get in each other's way.
Atomics.add(memory, cell.arrived, 1)
while (Atomics.load(memory, cell.arrived) < threads) {}
const began = performance.now()
for (let i = 0; i < count; i++) step(memory)
parentPort!.postMessage(performance.now() - began)
