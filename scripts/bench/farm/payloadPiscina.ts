/** Buffers in piscina, on two threads. */
import { fileURLToPath } from "node:url"
import { Piscina } from "piscina"
import { packetsOf } from "./payload.ts"
import { answer } from "./payloadAnswer.ts"

/** The fewest with which both threads are always busy: more use more memory. */
const tasksInFlightCount = 4

const pool = new Piscina({
  filename: fileURLToPath(new URL("./payload.ts", import.meta.url)),
  name: "task",
  minThreads: 2,
  maxThreads: 2
})

answer(async (payload, isMoved) => {
  let done = 0
  const packets = packetsOf(payload)
  const submit = async () => {
    for (const packet of packets) {
      await pool.run(packet, isMoved ? { transferList: [packet.data.buffer] } : {})
      done++
    }
  }
  await Promise.all(Array.from({ length: tasksInFlightCount }, submit))
  return done
})
