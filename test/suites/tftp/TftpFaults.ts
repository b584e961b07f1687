/** Properties of the TFTP server and client that hold under any faults of the network. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Network from "../../../src/network/Network.ts"
import * as ServiceNames from "../../../src/network/names/ServiceNames.ts"
import type * as FaultArbitrary from "../../../src/simulation/faults/FaultArbitrary.ts"
import type * as SimHost from "../../../src/simulation/network/SimHost.ts"
import type * as Simulation from "../../../src/simulation/Simulation.ts"
import * as FileStore from "../../../src/tftp/store/FileStore.ts"
import * as MemoryStore from "../../../src/tftp/store/MemoryStore.ts"
import * as TftpClient from "../../../src/tftp/TftpClient.ts"
import type * as TftpError from "../../../src/tftp/TftpError.ts"
import * as TftpServer from "../../../src/tftp/TftpServer.ts"
import * as TftpChecksum from "../../support/tftp/TftpChecksum.ts"
import { labelOf, quietly } from "../../support/tftp/TftpHosts.ts"

/** The generated faults: any fault of a datagram, and of the server's host. */
export const faults: FaultArbitrary.Options = {
  hosts: ["server", "client"],
  faultyHosts: ["server"],
  transport: "udp",
  kinds: ["RRQ", "WRQ", "DATA", "ACK", "OACK", "ERROR"],
  faultPeriod: "3 seconds"
}

export const dissectors = [TftpChecksum.dissector]

/** The time after which no fault occurs, a crashed server has restarted, and old transfers have ended. */
const recoveryTime = Duration.minutes(5)

/** The time after which a transfer hangs: longer than all of its timeouts. */
const hangTimeout = Duration.minutes(10)

const port = 6969

const checked = Layer.effect(Network.Network, Effect.map(Network.Network, TftpChecksum.withChecksum))

const same = (one: Uint8Array, other: Uint8Array) =>
  one.length === other.length && one.every((byte, at) => byte === other[at])

const fail = (message: string) => Effect.die(new Error(message))

const below = (limit: number) => Random.nextIntBetween(0, limit, { halfOpen: true })
const pick = <A>(all: ReadonlyArray<A>) => Effect.map(below(all.length), (at) => all[at]!)

/** Generates options, a mode and a file; its end is at any place in a block and in a window. */
const generateTransfer = Effect.fnUntraced(function* (minFileBytes = 0) {
  const blksize = yield* pick([8, 512, 1_428, 8_192].filter((size) => size * 200 >= minFileBytes))
  const windowsize = yield* pick([1, 2, 4, 16, 64])
  const plain = (yield* below(4)) === 0
  const whole = (plain ? 512 : blksize) * (yield* below(blksize > 4_096 ? 8 : 60))
  const length = Math.max(0, whole + (yield* pick([-1, 0, 0, 1, 5])))
  const bytes = new Uint8Array(length)
  // CR and LF are frequent, to test netascii.
  for (let i = 0; i < length; i++) bytes[i] = yield* below(32)
  const mode = yield* pick(["octet", "octet", "octet", "netascii"] as const)
  return { bytes, mode, options: { blksize, windowsize, plain } }
})

/** Starts the server; `versions` are all contents that were ever written to a file. */
const makeLan = Effect.fnUntraced(function* (simulation: Simulation.Simulation) {
  const server = yield* simulation.host("server")
  const client = yield* simulation.host("client")
  const files = new Map<string, Uint8Array>()
  const versions = new Map<string, Array<Uint8Array>>()
  // The files survive a crash of the server, as on a disk.
  const store = MemoryStore.make({ files, write: "overwrite" })
  yield* server.start(
    TftpServer.make({ host: "0.0.0.0", port, drain: 0 }).pipe(
      Effect.provideService(FileStore.FileStore, store),
      Effect.provide(checked),
      quietly
    )
  )
  return { server, client, files, versions }
})

type Lan = Effect.Success<ReturnType<typeof makeLan>>

const on = <A, E>(host: SimHost.SimHost, effect: Effect.Effect<A, E, TftpClient.Services>) =>
  host.run(Effect.provide(effect, Layer.merge(checked, ServiceNames.layerBuiltIn)))

const isKnown = ({ versions }: Lan, name: string, bytes: Uint8Array) =>
  (versions.get(name) ?? []).some((version) => same(version, bytes))

/** Reads a file; asserts that it is a whole version, or that nothing was stored. */
const get = Effect.fnUntraced(function* (lan: Lan, name: string) {
  const { mode, options } = yield* generateTransfer(lan.files.get(name)?.length)
  const into = new Map<string, Uint8Array>()
  const localStore = MemoryStore.make({ files: into, write: "create" })
  const target = { host: lan.server.address, port, path: name, mode }
  const transfer = Effect.gen(function* () {
    const writable = yield* Effect.orDie(
      localStore.write({ filename: name, mode, client: { address: "", port: 0 }, options: [], size: undefined })
    )
    return yield* TftpClient.download(target, writable, options)
  })
  const label = yield* ended(on(lan.client, Effect.scoped(transfer)))
  const bytes = into.get(name)
  if (label !== "done" && bytes !== undefined) yield* fail(`${name} was stored, although the transfer failed: ${label}`)
  if (label === "done" && !(bytes !== undefined && isKnown(lan, name, bytes))) yield* fail(`${name} is wrong`)
  return label
})

/** Writes a file; asserts that it has the new content if the transfer succeeded. */
const put = Effect.fnUntraced(function* (lan: Lan, name: string) {
  const { bytes, mode, options } = yield* generateTransfer()
  lan.versions.set(name, [...(lan.versions.get(name) ?? []), bytes])
  const target = { host: lan.server.address, port, path: name, mode }
  const label = yield* ended(on(lan.client, TftpClient.put(target, MemoryStore.fromBytes(bytes), options)))
  const now = lan.files.get(name)
  if (label === "done" && !(now !== undefined && same(now, bytes))) yield* fail(`${name} was not written`)
  return label
})

const ended = <A, R>(transfer: Effect.Effect<A, TftpError.TftpError, R>) =>
  transfer.pipe(
    Effect.match({ onSuccess: () => "done", onFailure: labelOf }),
    Effect.timeoutOrElse({ duration: hangTimeout, orElse: () => fail("a transfer hangs") })
  )

/** Safety: a transfer delivers a whole version of the file or fails with a typed error; no file is ever partial. */
export const transfers = Effect.fnUntraced(function* (simulation: Simulation.Simulation) {
  const lan = yield* makeLan(simulation)
  const actor = Effect.fnUntraced(function* (own: string) {
    yield* simulation.sometimes(`put ${yield* put(lan, own)}`)
    yield* Effect.sleep(yield* below(500))
    yield* simulation.sometimes(`get ${yield* get(lan, own)}`)
    yield* Effect.sleep(yield* below(1_000))
    yield* simulation.sometimes(`put ${yield* put(lan, own)}`)
    // The other client may be writing it at this time.
    yield* simulation.sometimes(`get ${yield* get(lan, "one")}`)
  })
  yield* Effect.forEach(["one", "two"], actor, { concurrency: "unbounded", discard: true })
  for (const [name, bytes] of lan.files) if (!isKnown(lan, name, bytes)) yield* fail(`${name} is a partial file`)
  return lan
})

/** Safety, then liveness: once the faults are over, the next transfers succeed within seconds. */
export const scenario = Effect.fnUntraced(function* (simulation: Simulation.Simulation) {
  const lan = yield* transfers(simulation)
  yield* Effect.sleep(recoveryTime)
  yield* simulation.heal
  for (const go of [put, get]) {
    const label = yield* Effect.timeout(go(lan, "last"), "5 seconds")
    if (label !== "done") yield* fail(`without any faults: ${label}`)
  }
})

/** The outcomes that at least one run must reach. */
export const sometimes = ["put done", "get done"]
