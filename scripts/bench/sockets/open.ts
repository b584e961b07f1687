/** Opens connections to itself, prints their number, and holds them until its input ends: open.ts CONNECTIONS */
import { once } from "node:events"
import * as Net from "node:net"

const count = Number(process.argv[2])

const server = Net.createServer((connection) => void connection.on("error", () => {}))
// An address of its own: the ports of 127.0.0.1 are those of other programs.
server.listen({ port: 0, host: "127.0.0.79", backlog: count })
await once(server, "listening")
const { port } = server.address() as Net.AddressInfo

let accepted = 0
const allAccepted = new Promise<void>((resolve) => {
  server.on("connection", () => {
    if (++accepted === count) resolve()
  })
})
for (let opened = 0; opened < count; opened += 100) {
  const clients = Array.from({ length: Math.min(100, count - opened) }, () => Net.connect(port, "127.0.0.79"))
  await Promise.all(
    clients.map((client) =>
      once(
        client.on("error", () => {}),
        "connect"
      )
    )
  )
}
await allAccepted
process.stdout.write(`${2 * count}\n`)
process.stdin.on("end", () => process.exit()).resume()
