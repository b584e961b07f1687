/** The clients of a load, in a thread of their own: what they measure is not held up by what others do. */
import * as Net from "node:net"
import { parentPort, workerData } from "node:worker_threads"
import type { Job, Told } from "./NodeLoadGenerator.ts"

const { clients, port, turns }: Job = workerData

/** No number is as small: the game goes on. */
const guess = "0\n"
const answer = "too small\n"

const times = new Float64Array(clients * turns)
let answered = 0

const play = () =>
  new Promise<void>((resolve, reject) => {
    const socket = Net.connect({ host: "127.0.0.1", port, noDelay: true })
    let left = turns
    let said = ""
    let began = 0
    const ask = () => {
      began = performance.now()
      socket.write(guess)
    }
    socket.setEncoding("latin1")
    socket.once("connect", ask)
    socket.on("data", (text) => {
      said += text
      if (said.length < answer.length) return
      if (said !== answer) return void socket.destroy(new Error(`not the answer: ${JSON.stringify(said)}`))
      times[answered++] = performance.now() - began
      said = ""
      if (--left > 0) return ask()
      socket.end()
    })
    socket.once("error", reject)
    socket.once("close", () => (left === 0 ? resolve() : reject(new Error(`${left} turns were not answered`))))
  })

const tell = (told: Told) => parentPort!.postMessage(told)

const began = performance.now()
try {
  await Promise.all(Array.from({ length: clients }, play))
  tell({ millis: performance.now() - began, turns: times })
} catch (error) {
  tell(error instanceof Error ? error.message : String(error))
}
