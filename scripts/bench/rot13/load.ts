/**
 * Load generator: a client on `node:net` in its own process, the same for every server. It reads requests as lines of
 * JSON, answers with lines of JSON, and exits at the end of its input.
 *
 * It reads into one buffer for all its sockets, so that it costs less than any server it drives. Every reply is
 * checked: a server that does not rotate, or loses a byte, gets no result.
 */
import * as Net from "node:net"
import * as Readline from "node:readline"
import { setTimeout as sleep } from "node:timers/promises"
import * as Rot13 from "../../../src/rot13/Rot13.ts"

export interface Request {
  readonly kind: "roundTrips" | "throughput" | "connections" | "hold" | "drop" | "rotation"
  readonly port: number
  /** Number of concurrent connections; for `hold`, the number to open and keep. */
  readonly connections: number
  /** Warm-up and measured time, in milliseconds. */
  readonly warm: number
  readonly measure: number
}

export type Answer = { readonly figure: number } | { readonly error: string }

const small = Buffer.alloc(64, "a")
const large = Buffer.alloc(64 * 1024, "a")
const buffer = Buffer.allocUnsafeSlow(64 * 1024)

/** Bytes queued beyond the kernel's buffers, so that a stream of writes never runs dry. */
const queuedBytes = 1024 * 1024

const open = (port: number, onBytes: (length: number, socket: Net.Socket) => void) =>
  new Promise<Net.Socket>((resolve, reject) => {
    const callback = (length: number) => {
      if (buffer[0] !== 0x6e || buffer[length - 1] !== 0x6e) socket.destroy(new Error("an answer is not rotated"))
      onBytes(length, socket)
      return true
    }
    const options = { host: "127.0.0.1", port, noDelay: true, writableHighWaterMark: queuedBytes }
    const socket: Net.Socket = Net.connect({ ...options, onread: { buffer, callback } }, () => resolve(socket))
    socket.once("error", reject)
  })

const closed = (socket: Net.Socket) =>
  new Promise<void>((resolve, reject) => {
    if (socket.destroyed) return reject(new Error("the server closed a connection"))
    socket.once("error", reject)
    socket.once("close", () => resolve())
    socket.end()
  })

/** Measures the growth of `count` per second. */
const rate = async ({ measure, warm }: Request, count: () => number) => {
  await sleep(warm)
  const [from, before] = [performance.now(), count()]
  await sleep(measure)
  return ((count() - before) / (performance.now() - from)) * 1_000
}

const roundTrips = async (request: Request) => {
  let count = 0
  let going = true
  const client = () => {
    let pending = small.length
    return open(request.port, (length, socket) => {
      pending -= length
      if (pending > 0) return
      pending = small.length
      count++
      if (going) socket.write(small)
    })
  }
  const sockets = await Promise.all(Array.from({ length: request.connections }, client))
  for (const socket of sockets) socket.write(small)
  const figure = await rate(request, () => count)
  going = false
  await Promise.all(sockets.map(closed))
  return figure
}

/** Measures the bytes received per second; as many are sent. */
const throughput = async (request: Request) => {
  let [sent, received, going] = [0, 0, true]
  const socket = await open(request.port, (length) => {
    received += length
  })
  const send = () => {
    for (let more = true; going && more; sent += large.length) more = socket.write(large)
  }
  socket.on("drain", send)
  send()
  const figure = await rate(request, () => received)
  going = false
  await closed(socket)
  if (sent !== received) throw new Error(`${sent} bytes went out and ${received} came back`)
  return figure
}

/**
 * Measures connections with one round trip of 64 B: each worker opens its next connection after the last has closed.
 */
const connections = async (request: Request) => {
  let [count, going] = [0, true]
  const client = async () => {
    let pending = small.length
    const socket = await open(request.port, (length, socket) => {
      pending -= length
      if (pending === 0) socket.end()
    })
    socket.write(small)
    await new Promise((resolve) => socket.once("close", resolve))
    if (pending !== 0) throw new Error("a connection ended before its answer")
    count++
  }
  const lane = async () => {
    while (going) await client()
  }
  const lanes = Promise.all(Array.from({ length: request.connections }, lane))
  const figure = await Promise.race([rate(request, () => count), lanes.then(() => 0)])
  going = false
  await lanes
  return figure
}

const held = new Set<Net.Socket>()

/** Opens idle connections. Each has had a reply, so the server has accepted it and its handler waits. */
const hold = async ({ connections, port }: Request) => {
  let left = connections
  const client = async () => {
    const answered = Promise.withResolvers<void>()
    const socket = await open(port, () => answered.resolve())
    socket.once("close", () => answered.reject(new Error("an idle connection was closed")))
    held.add(socket)
    socket.write(small)
    await answered.promise
  }
  const lane = async () => {
    while (left-- > 0) await client()
  }
  await Promise.all(Array.from({ length: 64 }, lane))
  return held.size
}

const drop = async () => {
  await Promise.all([...held].map(closed))
  held.clear()
  return 0
}

/** Measures the cipher alone, over the same chunks in memory. */
const rotation = async ({ measure, warm }: Request) => {
  const chunk = Buffer.from(large)
  const spin = (time: number) => {
    const from = performance.now()
    let rounds = 0
    for (; performance.now() - from < time; rounds++) Rot13.rotate(chunk)
    return (rounds * chunk.length * 1_000) / (performance.now() - from)
  }
  spin(warm)
  return spin(measure)
}

const kinds: Readonly<Record<Request["kind"], (request: Request) => Promise<number>>> = {
  roundTrips,
  throughput,
  connections,
  hold,
  drop,
  rotation
}

const answer = async (line: string): Promise<Answer> => {
  try {
    const request = JSON.parse(line) as Request
    return { figure: await kinds[request.kind](request) }
  } catch (error) {
    return { error: (error as Error).message }
  }
}

Readline.createInterface(process.stdin)
  .on("line", async (line) => process.stdout.write(`${JSON.stringify(await answer(line))}\n`))
  .on("close", () => process.exit())
process.stdout.write("ready\n")
