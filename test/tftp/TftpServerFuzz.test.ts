import * as V8 from "node:v8"
import * as Vm from "node:vm"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import type * as Endpoint from "../../src/network/Endpoint.ts"
import * as Packet from "../../src/tftp/protocol/Packet.ts"
import * as MemoryStore from "../../src/tftp/store/MemoryStore.ts"
import { Hosts, pseudoRandomBytes } from "../support/Hosts.ts"
import * as TftpHosts from "../support/tftp/TftpHosts.ts"

/** The number of datagrams; `TFTP_FUZZ=1000000 npm test -- TftpServerFuzz` sends more. */
const datagrams = Number(process.env.TFTP_FUZZ ?? 60_000)

V8.setFlagsFromString("--expose-gc")
const collect = Vm.runInNewContext("gc") as () => void

/** Returns the mebibytes in use after a garbage collection. */
const heap = Effect.sync(() => {
  collect()
  collect()
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return (heapUsed + arrayBuffers) / 2 ** 20
})

const files = { f: pseudoRandomBytes(400_000), small: pseudoRandomBytes(700) }

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
const randomDatagram = Effect.gen(function* () {
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

const millis = (duration: number) => Effect.sleep(duration)

/** Sends random datagrams to a server during a transfer; asserts that both survive, and that no memory is leaked. */
const flood = (singlePort: boolean, total: number) =>
  Effect.gen(function* () {
    const stored = new Map(Object.entries(files))
    const store = MemoryStore.make({ files: stored, write: "overwrite", quota: { total: 2_000_000 } })
    const { endpoint, server } = yield* TftpHosts.serve({ store, singlePort, maxTransfers: 100 })
    const { client } = yield* Hosts
    const bound = (onDatagram: (bytes: Uint8Array, from: Endpoint.Endpoint) => void) =>
      client.network.udp({ host: client.address }, onDatagram)
    // The source of the last datagram to each attacker: perhaps a transfer of its own.
    const lastSources: Array<Endpoint.Endpoint | undefined> = []
    const attackers = yield* Effect.forEach(Array.from({ length: 20 }), (_, at) =>
      bound((_, from) => {
        lastSources[at] = from
      })
    )
    // A transfer in lock-step that lasts as long as the flood.
    const ackIntervalMillis = Math.max(10, total / 7_000)
    let tid: Endpoint.Endpoint | undefined
    const received: Array<Uint8Array> = []
    const reader = yield* bound((bytes, from) => {
      if (Packet.opcode(bytes) !== Packet.Opcode.DATA || Packet.wireBlock(bytes) !== received.length + 1) return
      tid = from
      received.push(bytes.slice(4))
    })
    reader.sendUnsafe(encode({ _tag: "RRQ", filename: "f", mode: "octet", options: [] }), endpoint)
    const acknowledge = Effect.gen(function* () {
      let at = 0
      while (received.length === 0 || received.at(-1)!.length === 512) {
        yield* millis(ackIntervalMillis)
        if (tid !== undefined && received.length > at) {
          at = received.length
          reader.sendUnsafe(Packet.ack(at), tid)
        }
      }
      reader.sendUnsafe(Packet.ack(received.length), tid!)
    })
    const before = yield* heap
    const reading = yield* Effect.forkChild(acknowledge, { startImmediately: true })
    yield* millis(5)
    for (let sent = 0; sent < total; sent++) {
      const at = sent % attackers.length
      const to = [endpoint, tid, lastSources[at]][sent % 3] ?? endpoint
      attackers[at]!.sendUnsafe(yield* randomDatagram, to)
      if (sent % 50 === 49) yield* millis(5)
    }
    yield* Fiber.join(reading)
    assert.deepStrictEqual(Buffer.concat(received), Buffer.from(files.f))
    yield* Effect.sleep("5 minutes")
    assert.isBelow((yield* heap) - before, 10)
    assert.deepStrictEqual(yield* TftpHosts.get(endpoint, "small"), files.small)
    for (const name of stored.keys()) if (!Object.hasOwn(files, name)) stored.delete(name)
    yield* TftpHosts.put(endpoint, "after", files.small)
    assert.deepStrictEqual(stored.get("after"), files.small)
    const { active, malformed, started } = yield* server.stats
    assert.strictEqual(active, 0)
    assert.isAbove(malformed, total / 100)
    assert.isAbove(started, total / 1_000)
  })

describe("TftpServer, random datagrams", () => {
  for (const singlePort of [false, true]) {
    it.effect(
      `survives ${datagrams / 2} datagrams ${singlePort ? "on one port" : "to the listen socket and to a transfer"} without a leak`,
      () => TftpHosts.quietly(TftpHosts.simulate(() => flood(singlePort, datagrams / 2), "", { deadline: "1 day" })),
      Math.max(20_000, datagrams)
    )
  }

  it.effect("never replies to ERROR, nor to ACK at the listen socket", () =>
    TftpHosts.simulate(() =>
      Effect.gen(function* () {
        const { endpoint } = yield* TftpHosts.serve({ files })
        const { client } = yield* Hosts
        let replies = 0
        const socket = yield* client.network.udp({ host: client.address }, () => replies++)
        for (let i = 0; i < 2_000; i++) {
          const bytes = (yield* randomDatagram).slice()
          if (bytes.length < 2) continue
          bytes[0] = 0
          bytes[1] = i % 2 === 0 ? Packet.Opcode.ERROR : Packet.Opcode.ACK
          socket.sendUnsafe(bytes, endpoint)
          if (i % 50 === 0) yield* millis(5)
        }
        yield* millis(50)
        assert.strictEqual(replies, 0)
      })
    )
  )
})
