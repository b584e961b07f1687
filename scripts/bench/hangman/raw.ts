/**
 * The course's hangman on `node:net` alone: one read is one turn. It has no limits, deadlines or framing, so that the
 * difference to our server is the cost of those.
 */
import * as Net from "node:net"
import { control } from "../rot13/control.ts"

const words = ["plane", "garden", "machine", "notebook", "dangerous", "blackboard"]

let games = 0

const server = Net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
  const word = words[games++ % words.length]!
  let mask = "-".repeat(word.length)
  let lives = 12
  const show = () => socket.write(` ${mask}   ${lives}\n`)
  socket.on("data", (bytes) => {
    if (lives === 0 || mask === word) return
    const letter = String.fromCharCode((bytes as Buffer)[0]!)
    if (word.includes(letter)) mask = Array.from(mask, (shown, i) => (word[i] === letter ? letter : shown)).join("")
    else if (--lives === 0) mask = word
    show()
    if (mask === word) socket.end()
  })
  socket.on("end", () => socket.end())
  socket.on("error", () => socket.destroy())
  show()
})

server.listen(0, "127.0.0.1", 511, () => control((server.address() as Net.AddressInfo).port))
