/** Random datagrams to a TFTP server during honest transfers: what it must survive. */
import * as V8 from "node:v8"
import * as Vm from "node:vm"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import type * as Endpoint from "../../../src/network/Endpoint.ts"
import * as Packet from "../../../src/tftp/protocol/Packet.ts"
import * as MemoryStore from "../../../src/tftp/store/MemoryStore.ts"
import type * as TftpServer from "../../../src/tftp/TftpServer.ts"
import { Hosts, pseudoRandomBytes } from "../../support/Hosts.ts"
import * as TftpHosts from "../../support/tftp/TftpHosts.ts"

V8.setFlagsFromString("--expose-gc")
const collect = Vm.runInNewContext("gc") as () => void

/** Returns the mebibytes in use after a garbage collection. */
const heap = Effect.sync(() => {
  collect()
  collect()
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return (heapUsed + arrayBuffers) / 2 ** 20
})

export const files = { f: pseudoRandomBytes(400_000), small: pseudoRandomBytes(700) }

const { encode } = Packet

const options = [
  ["blksize", "8"],
  ["tsize", "0"],
  ["windowsize", "16"],
  ["timeout", "1"]
] as const

/** The valid packets that are mutated. */
const seeds: ReadonlyArray<Uint8Array> = [
  encode({ _tag: "RRQ", filename: "f", mode: "octet", options }),
  encode({ _tag: "RRQ", filename: "small", mode: "netascii", options: [] }),
  encode({ _tag: "RRQ", filename: "../../etc/passwd", mode: "octet", options: [] }),
  encode({ _tag: "WRQ", filename: "g", mode: "octet", options }),
  encode({ _tag: "WRQ", filename: "g", mode: "netascii", options: [] }),
  encode({ _tag: "DATA", block: 1, bytes: pseudoRandomBytes(512) }),
  encode({ _tag: "DATA", block: 2, bytes: pseudoRandomBytes(8) }),
  encode({ _tag: "ACK", block: 0 }),
  encode({ _tag: "ACK", block: 1 }),
  encode({ _tag: "ACK", block: 65_535 }),
  encode({ _tag: "ERROR", code: 8, message: "no" }),
  encode({ _tag: "OACK", options: options.slice(0, 2) })
]

/** Generates random bytes, or a packet with some of its bytes changed, removed or repeated. */
export const randomDatagram = Effect.gen(function* () {
  const below = (limit: number) => Random.nextIntBetween(0, limit, { halfOpen: true })
  const kind = yield* below(8)
  if (kind === 0) {
    const bytes = new Uint8Array(yield* below(40))
    for (let i = 0; i < bytes.length; i++) bytes[i] = yield* below(256)
    return bytes
  }
  const bytes = seeds[yield* below(seeds.length)]!.slice()
  for (let changes = yield* below(4); changes > 0; changes--) bytes[yield* below(bytes.length)] = yield* below(256)
  if (kind === 1) return bytes.subarray(0, yield* below(bytes.length + 1))
  return kind === 2 ? new Uint8Array([...bytes, ...bytes.subarray(yield* below(bytes.length))]) : bytes
})

export const millis = (duration: number) => Effect.sleep(duration)

/** Measurements of a flood. */
interface Result {
  /** The most mebibytes in use during the flood, above those before it. */
  readonly peakMebibytes: number
  /** The mebibytes in use after the flood and all timeouts, above those before it. */
  readonly leftMebibytes: number
  readonly stats: TftpServer.Stats
}

/** The datagrams between two measurements of the memory. */
const measureEveryDatagrams = 20_000

/** Opens clients that send random datagrams; `send` sends the next one of a client, to the server or a transfer. */
const makeAttackers = Effect.fnUntraced(function* (
  endpoint: Endpoint.Endpoint,
  tid: () => Endpoint.Endpoint | undefined
) {
  const { client } = yield* Hosts
  // The source of the last datagram to each attacker: perhaps a transfer of its own.
  const lastSources: Array<Endpoint.Endpoint | undefined> = []
  const sockets = yield* Effect.forEach(Array.from({ length: 20 }), (_, at) =>
    client.network.udp({ host: client.address }, (_, from) => {
      lastSources[at] = from
    })
  )
  return Effect.fnUntraced(function* (number: number) {
    const at = number % sockets.length
    const to = [endpoint, tid(), lastSources[at]][number % 3] ?? endpoint
    sockets[at]!.sendUnsafe(yield* randomDatagram, to)
  })
})

/** Starts to read the file `f` in lock-step, with a pause before each ACK. `rest` acknowledges until the last block. */
const startReading = Effect.fnUntraced(function* (endpoint: Endpoint.Endpoint, ackIntervalMillis: number) {
  const { client } = yield* Hosts
  let tid: Endpoint.Endpoint | undefined
  const received: Array<Uint8Array> = []
  const reader = yield* client.network.udp({ host: client.address }, (bytes, from) => {
    if (Packet.opcode(bytes) !== Packet.Opcode.DATA || Packet.wireBlock(bytes) !== received.length + 1) return
    tid = from
    received.push(bytes.slice(4))
  })
  reader.sendUnsafe(encode({ _tag: "RRQ", filename: "f", mode: "octet", options: [] }), endpoint)
  const rest = Effect.gen(function* () {
    let at = 0
    while (received.length === 0 || received.at(-1)!.length === 512) {
      yield* millis(ackIntervalMillis)
      if (tid !== undefined && received.length > at) {
        at = received.length
        reader.sendUnsafe(Packet.ack(at), tid)
      }
    }
    reader.sendUnsafe(Packet.ack(received.length), tid!)
    return Buffer.concat(received)
  })
  return { rest, tid: () => tid }
})

/**
 * Sends random datagrams to a server while a client reads a file in lock-step, which lasts as long as the flood.
 * Asserts that the file is right, that a client reads and writes afterwards, and that no transfer is left.
 */
const flood = Effect.fnUntraced(function* (singlePort: boolean, total: number) {
  const stored = new Map(Object.entries(files))
  const store = MemoryStore.make({ files: stored, write: "overwrite", quota: { total: 2_000_000 } })
  const { endpoint, server } = yield* TftpHosts.serve({ store, singlePort, maxTransfers: 100 })
  const before = yield* heap
  const { rest, tid } = yield* startReading(endpoint, Math.max(10, total / 7_000))
  const attack = yield* makeAttackers(endpoint, tid)
  const reading = yield* Effect.forkChild(rest, { startImmediately: true })
  let peak = before
  yield* millis(5)
  for (let sent = 0; sent < total; sent++) {
    yield* attack(sent)
    if (sent % 50 === 49) yield* millis(5)
    if (sent % measureEveryDatagrams === 0) peak = Math.max(peak, yield* heap)
  }
  assert.deepStrictEqual(yield* Fiber.join(reading), Buffer.from(files.f))
  yield* Effect.sleep("5 minutes")
  const left = yield* heap
  assert.deepStrictEqual(yield* TftpHosts.get(endpoint, "small"), files.small)
  for (const name of stored.keys()) if (!Object.hasOwn(files, name)) stored.delete(name)
  yield* TftpHosts.put(endpoint, "after", files.small)
  assert.deepStrictEqual(stored.get("after"), files.small)
  const stats = yield* server.stats
  assert.strictEqual(stats.active, 0)
  const result: Result = { peakMebibytes: peak - before, leftMebibytes: left - before, stats }
  return result
})

/** Runs a flood on a simulated network, which asserts that no socket and no timer is left. */
export const run = Effect.fnUntraced(function* (singlePort: boolean, total: number, seed = 1) {
  let result: Result | undefined
  const body = () =>
    Effect.map(flood(singlePort, total), (measured) => {
      result = measured
    })
  yield* Effect.orDie(TftpHosts.quietly(TftpHosts.simulate(body, "", { deadline: "1 day", seed })))
  return result!
})
