/**
 * Many peers in one process, each with its own socket, on the loopback broadcast address. Prints one line of JSON: the
 * time until all tables are complete, and the cost from then on.
 *
 * node peers.ts status-peer|raw PEERS SECONDS
 */
import * as Dgram from "node:dgram"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as NodeNetwork from "../../../src/network/node/NodeNetwork.ts"
import * as HostStatus from "../../../src/status/HostStatus.ts"
import * as NodeHostStatus from "../../../src/status/NodeHostStatus.ts"
import * as StatusPeer from "../../../src/status/StatusPeer.ts"
import * as Broadcast from "../../../src/status/transport/Broadcast.ts"

const [contestant = "status-peer", peers = "200", seconds = "10"] = process.argv.slice(2)
const count = Number(peers)
const broadcast = Broadcast.loopback

interface Running {
  /** Returns true if each peer has received from all. */
  readonly isComplete: () => boolean
  readonly received: Effect.Effect<number>
  readonly dropped: Effect.Effect<number>
}

const port = Effect.callback<number>((resume) => {
  const socket = Dgram.createSocket("udp4").bind(0, () => {
    const { port } = socket.address()
    socket.close(() => resume(Effect.succeed(port)))
  })
})

const sum = (numbers: ReadonlyArray<number>) => numbers.reduce((total, one) => total + one, 0)

const statusPeers = Effect.gen(function* () {
  const transport = Broadcast.make({ addresses: [broadcast], port: yield* port })
  const host = yield* NodeHostStatus.sample
  const join = (name: string) =>
    StatusPeer.make({
      name,
      schema: HostStatus.HostStatus,
      payload: { ...HostStatus.initialPosition, ...host },
      transport
    })
  const names = Array.from({ length: count }, (_, at) => `peer-${at}`)
  const all = yield* Effect.forEach(names, join, { concurrency: "unbounded" })
  const stats = Effect.forEach(all, (peer) => peer.stats)
  const running: Running = {
    isComplete: () => all.every(({ peers }) => Effect.runSync(peers.get).length === count),
    received: Effect.map(stats, (stats) => sum(stats.map(({ accepted }) => accepted))),
    dropped: Effect.map(stats, (stats) => sum(stats.map(({ dropped = 0 }) => dropped)))
  }
  return running
})

/** The same with bare sockets and timers: a counter per sender. */
const raw = Effect.gen(function* () {
  const to = yield* port
  const tables = Array.from({ length: count }, () => new Map<number, number>())
  const packet = Buffer.alloc(300)
  for (const [at, table] of tables.entries()) {
    const socket = Dgram.createSocket({ type: "udp4", reuseAddr: true, recvBufferSize: 1 << 20, lookup })
    socket.on("message", (bytes) => {
      const from = bytes.readUInt32BE()
      table.set(from, (table.get(from) ?? 0) + 1)
    })
    socket.bind(to, broadcast, () => {
      socket.setBroadcast(true)
      const send = () => {
        packet.writeUInt32BE(at)
        socket.send(Buffer.from(packet), to, broadcast)
        setTimeout(send, 900 + 100 * Math.random())
      }
      send()
    })
  }
  const running: Running = {
    isComplete: () => tables.every((table) => table.size === count),
    received: Effect.sync(() => sum(tables.map((table) => sum([...table.values()])))),
    dropped: Effect.succeed(0)
  }
  return running
})

const lookup = (name: string, _: unknown, done: (error: null, address: string, family: number) => void) =>
  done(null, name, 4)

Effect.gen(function* () {
  const began = performance.now()
  const { dropped, received, isComplete } = yield* contestant === "status-peer" ? statusPeers : raw
  while (!isComplete()) yield* Effect.sleep(10)
  const full = (performance.now() - began) / 1_000
  // Compilation and garbage of the start are not part of the steady state.
  yield* Effect.sleep("1 second")
  // Reading the kernel's drop counters takes 200 reads of /proc, so it happens outside of the measurement.
  const before = yield* received
  const [cpu, at] = [process.cpuUsage(), performance.now()]
  yield* Effect.sleep(Number(seconds) * 1_000)
  const { system, user } = process.cpuUsage(cpu)
  const elapsedMillis = performance.now() - at
  const [total, droppedTotal] = [yield* received, yield* dropped]
  const rate = (1_000 * (total - before)) / elapsedMillis
  yield* Console.log(
    JSON.stringify({
      full,
      core: (user + system) / 10 / elapsedMillis,
      system: system / 10 / elapsedMillis,
      rate,
      arrived: 100 * (1 - droppedTotal / (total + droppedTotal))
    })
  )
}).pipe(
  Effect.scoped,
  Effect.provide(NodeNetwork.layer),
  Effect.andThen(Effect.sync(() => process.exit())),
  NodeRuntime.runMain
)
