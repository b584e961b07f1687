/** Piscina on two threads, with so many tasks under way that its threads never wait. */
import { fileURLToPath } from "node:url"
import { Piscina } from "piscina"
import { answer } from "./answer.ts"

// The best of those that were tried, from 1 and 100 up.
const each = 256
const window = 10_000

const pool = new Piscina({
  filename: fileURLToPath(new URL("./empty.ts", import.meta.url)),
  name: "task",
  minThreads: 2,
  maxThreads: 2,
  concurrentTasksPerWorker: each
})

answer(async (packets, done) => {
  let next = 0
  const lane = async () => {
    while (next < packets) {
      const from = next++
      await pool.run({ from, to: from + 1 })
      done()
    }
  }
  await Promise.all(Array.from({ length: window }, lane))
})
