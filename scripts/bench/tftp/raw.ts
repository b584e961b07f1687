/**
 * A load generator: concurrent downloads, each restarted at its end, whose content is discarded. It checks only block
 * numbers, so that it costs less than any server. It prints `ready`, and then for every line on its input the number of
 * bytes received in order since the previous line.
 *
 *     node raw.ts ADDRESS PORT FILE DOWNLOADS BLKSIZE WINDOWSIZE
 */
import * as Dgram from "node:dgram"
import * as Readline from "node:readline"

const [address = "", port = "", file = "", downloads = "1", blksize = "512", windowsize = "1"] = process.argv.slice(2)

const request = Buffer.from(`\0\x01${file}\0octet\0blksize\0${blksize}\0windowsize\0${windowsize}\0`, "latin1")
const window = Number(windowsize)

/** The time without a packet after which the last one is resent. */
const timeoutMillis = 200

let bytes = 0
const clients = new Set<{ readonly checkTimeout: (now: number) => void }>()

const fail = (reason: string) => {
  process.stderr.write(`raw.ts: ${reason}\n`)
  process.exit(1)
}

const download = () => {
  const socket = Dgram.createSocket("udp4")
  let received = 0
  let acked = 0
  let size = 512
  /** The latest block out of order: a lower one begins a new pass over the window. */
  let outOfOrder = 0
  let serverPort: number | undefined
  let lastPacketAt = performance.now()
  const reply = () => {
    if (serverPort === undefined) return socket.send(request, Number(port), address)
    const ack = Buffer.allocUnsafe(4)
    ack.writeUInt32BE(0x4_0000 + (received & 0xffff))
    acked = received
    socket.send(ack, serverPort, address)
  }
  const checkTimeout = (now: number) => {
    if (now - lastPacketAt < timeoutMillis) return
    lastPacketAt = now
    outOfOrder = 0
    reply()
  }
  const client = { checkTimeout }
  const onData = (packet: Buffer) => {
    const ahead = (packet.readUInt16BE(2) - received) & 0xffff
    if (ahead !== 1) {
      if (ahead === 0 || ahead > window) return
      if (outOfOrder === 0 || received + ahead <= outOfOrder) reply()
      outOfOrder = received + ahead
      return
    }
    received++
    bytes += packet.length - 4
    const isLast = packet.length - 4 < size
    if (isLast || received - acked >= window) {
      outOfOrder = 0
      reply()
    }
    if (!isLast) return
    clients.delete(client)
    socket.close()
    download()
  }
  socket.on("message", (packet, peer) => {
    lastPacketAt = performance.now()
    serverPort ??= peer.port
    if (packet[1] === 3) onData(packet)
    else if (packet[1] === 5) fail(packet.toString("latin1", 4))
    else if (packet[1] === 6 && received === 0) {
      size = Number(/blksize\0(\d+)/i.exec(packet.toString("latin1"))?.[1] ?? 512)
      reply()
    }
  })
  clients.add(client)
  reply()
}

for (let i = 0; i < Number(downloads); i++) download()
setInterval(() => {
  const now = performance.now()
  for (const client of clients) client.checkTimeout(now)
}, timeoutMillis / 4)

process.stdout.write("ready\n")
Readline.createInterface(process.stdin)
  .on("line", () => {
    process.stdout.write(`${bytes}\n`)
    bytes = 0
  })
  .on("close", () => process.exit())
process.on("SIGTERM", () => process.exit())
