/** The clients of a load, in a separate thread, so that other work does not delay their measurements. */
import * as Net from "node:net"
import { parentPort, workerData } from "node:worker_threads"
import type { LoadJob, LoadResult } from "./NodeLoadGenerator.ts"

const { clients, port, turns }: LoadJob = workerData

/** A guess below every number, so that the game continues. */
const guessLine = "0\n"
const answerLine = "too small\n"

const turnMillis = new Float64Array(clients * turns)
let answered = 0

const play = () =>
  new Promise<void>((resolve, reject) => {
    const socket = Net.connect({ host: "127.0.0.1", port, noDelay: true })
    let left = turns
    let received = ""
    let startMillis = 0
    const sendGuess = () => {
      startMillis = performance.now()
      socket.write(guessLine)
    }
    socket.setEncoding("latin1")
    socket.once("connect", sendGuess)
    socket.on("data", (text) => {
      received += text
      if (received.length < answerLine.length) return
      if (received !== answerLine)
        return void socket.destroy(new Error(`unexpected answer ${JSON.stringify(received)}`))
      turnMillis[answered++] = performance.now() - startMillis
      received = ""
      if (--left > 0) return sendGuess()
      socket.end()
    })
    socket.once("error", reject)
    socket.once("close", () => (left === 0 ? resolve() : reject(new Error(`${left} turns without an answer`))))
  })

const post = (result: LoadResult) => parentPort!.postMessage(result)

const startMillis = performance.now()
try {
  await Promise.all(Array.from({ length: clients }, play))
  post({ millis: performance.now() - startMillis, turns: turnMillis })
} catch (error) {
  post(error instanceof Error ? error.message : String(error))
}
