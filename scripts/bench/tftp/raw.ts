/**
 * A load of downloads: so many at a time, each begun anew when it is done, with nothing kept of what arrives. It looks
 * at nothing but block numbers, so that it costs less than any server. Says `ready`, and then for every line on its
 * input how many bytes have come in order since the line before.
 *
 *     node raw.ts ADDRESS PORT FILE DOWNLOADS BLKSIZE WINDOWSIZE
 */
import * as Dgram from "node:dgram"
import * as Readline from "node:readline"

const [address = "", port = "", file = "", downloads = "1", blksize = "512", windowsize = "1"] = process.argv.slice(2)

const request = Buffer.from(`\0\x01${file}\0octet\0blksize\0${blksize}\0windowsize\0${windowsize}\0`, "latin1")
const window = Number(windowsize)

/** Milliseconds without a packet after which the last one of ours was lost, or the server's. */
const silence = 200

let bytes = 0
const clients = new Set<{ readonly awaken: (now: number) => void }>()

const fail = (why: string) => {
  process.stderr.write(`raw.ts: ${why}\n`)
  process.exit(1)
}

const download = () => {
  const socket = Dgram.createSocket("udp4")
  let received = 0
  let acked = 0
  let size = 512
  /** The last block that came too early: one below it begins a new pass over the window. */
  let early = 0
  let answered: number | undefined
  let heard = performance.now()
  const say = () => {
    if (answered === undefined) return socket.send(request, Number(port), address)
    const ack = Buffer.allocUnsafe(4)
    ack.writeUInt32BE(0x4_0000 + (received & 0xffff))
    acked = received
    socket.send(ack, answered, address)
  }
  const awaken = (now: number) => {
    if (now - heard < silence) return
    heard = now
    early = 0
    say()
  }
  const client = { awaken }
  const onData = (packet: Buffer) => {
    const ahead = (packet.readUInt16BE(2) - received) & 0xffff
    if (ahead !== 1) {
      if (ahead === 0 || ahead > window) return
      if (early === 0 || received + ahead <= early) say()
      early = received + ahead
      return
    }
    received++
    bytes += packet.length - 4
    const isLast = packet.length - 4 < size
    if (isLast || received - acked >= window) {
      early = 0
      say()
    }
    if (!isLast) return
    clients.delete(client)
    socket.close()
    download()
  }
  socket.on("message", (packet, peer) => {
    heard = performance.now()
    answered ??= peer.port
    if (packet[1] === 3) onData(packet)
    else if (packet[1] === 5) fail(packet.toString("latin1", 4))
    else if (packet[1] === 6 && received === 0) {
      size = Number(/blksize\0(\d+)/i.exec(packet.toString("latin1"))?.[1] ?? 512)
      say()
    }
  })
  clients.add(client)
  say()
}

for (let i = 0; i < Number(downloads); i++) download()
setInterval(() => {
  const now = performance.now()
  for (const client of clients) client.awaken(now)
}, silence / 4)

process.stdout.write("ready\n")
Readline.createInterface(process.stdin)
  .on("line", () => {
    process.stdout.write(`${bytes}\n`)
    bytes = 0
  })
  .on("close", () => process.exit())
process.on("SIGTERM", () => process.exit())
