/** Piscina on two threads, with enough tasks in flight that its threads never wait. */
import { fileURLToPath } from "node:url"
import { Piscina } from "piscina"
import { answer } from "./answer.ts"

// The fastest of the values tried, from 1 and 100 up.
const tasksPerWorker = 256
const tasksInFlightCount = 10_000

const pool = new Piscina({
  filename: fileURLToPath(new URL("./empty.ts", import.meta.url)),
  name: "task",
  minThreads: 2,
  maxThreads: 2,
  concurrentTasksPerWorker: tasksPerWorker
})

answer(async (packets, done) => {
  let next = 0
  const submit = async () => {
    while (next < packets) {
      const from = next++
      await pool.run({ from, to: from + 1 })
      done()
    }
  }
  await Promise.all(Array.from({ length: tasksInFlightCount }, submit))
})
