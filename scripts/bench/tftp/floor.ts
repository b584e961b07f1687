/**
 * A minimal TFTP server on `node:dgram` for read requests, with the file in memory and a socket for each transfer. It
 * supports blksize, windowsize and tsize, but has no timers and no checks: a lost packet is resent when the client
 * asks.
 *
 *     node floor.ts ADDRESS PORT ROOT [PROCESSES]
 */
import { fork } from "node:child_process"
import * as Dgram from "node:dgram"
import * as Fs from "node:fs"
import * as Path from "node:path"

const [address = "127.0.0.1", port = "6969", root = ".", processes = "1"] = process.argv.slice(2)

const files = new Map<string, Buffer>()

const load = (name: string) => {
  const file = files.get(name) ?? Fs.readFileSync(Path.join(root, name))
  files.set(name, file)
  return file
}

const failure = (code: number, message: string) => Buffer.from(`\0\x05\0${String.fromCharCode(code)}${message}\0`)

const numberOf = (options: ReadonlyMap<string, string>, name: string, otherwise: number) =>
  Number(options.get(name) ?? otherwise)

const transfer = (socket: Dgram.Socket, file: Buffer, options: ReadonlyMap<string, string>) => {
  const blksize = Math.min(numberOf(options, "blksize", 512), 65_464)
  const windowsize = numberOf(options, "windowsize", 1)
  const last = Math.floor(file.length / blksize) + 1
  let acked = 0
  let isOpen = true
  const end = () => {
    if (isOpen) socket.close()
    isOpen = false
  }
  // An error of the kernel: the client is closed.
  socket.on("error", end)
  const send = () => {
    for (let block = acked + 1; block <= Math.min(acked + windowsize, last); block++) {
      const header = Buffer.allocUnsafe(4)
      header.writeUInt32BE(0x3_0000 + (block & 0xffff))
      socket.send([header, file.subarray((block - 1) * blksize, block * blksize)])
    }
  }
  socket.on("message", (packet) => {
    const ahead = (packet.readUInt16BE(2) - acked) & 0xffff
    if (ahead <= windowsize) acked += ahead
    if (packet[1] !== 4 || acked >= last) end()
    else send()
  })
  const reply = [...options].flatMap(([name, asked]) => {
    const value = { blksize, windowsize, tsize: file.length }[name]
    return value === undefined ? [] : [name, name === "tsize" ? String(value) : asked]
  })
  if (reply.length > 0) socket.send(Buffer.from(`\0\x06${reply.map((text) => `${text}\0`).join("")}`))
  else send()
}

const listener = Dgram.createSocket({ type: "udp4", reusePort: Number(processes) > 1 })
listener.on("message", (request, peer) => {
  const [name = "", , ...rest] = request.toString("latin1", 2).split("\0")
  const options = new Map<string, string>()
  for (let i = 0; i + 1 < rest.length; i += 2) options.set(rest[i]!.toLowerCase(), rest[i + 1]!)
  if (request[1] !== 1 || !Fs.existsSync(Path.join(root, name))) {
    listener.send(failure(1, "No such file"), peer.port, peer.address)
    return
  }
  const socket = Dgram.createSocket("udp4")
  socket.bind(0, address, () => {
    socket.connect(peer.port, peer.address, () => transfer(socket, load(name), options))
  })
})
listener.bind(Number(port), address)

if (process.send === undefined) {
  for (let i = 1; i < Number(processes); i++) fork(import.meta.filename, process.argv.slice(2))
} else {
  process.on("disconnect", () => process.exit())
}
