/** What holds for the TFTP server and client whatever a network does to their datagrams. */
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
import { quietly, wordOf } from "../../support/tftp/TftpLab.ts"

/** Anything that can happen to a datagram, and to the host that serves. */
export const faults: FaultArbitrary.Options = {
  hosts: ["server", "client"],
  faultyHosts: ["server"],
  transport: "udp",
  kinds: ["RRQ", "WRQ", "DATA", "ACK", "OACK", "ERROR"],
  faultPeriod: "3 seconds"
}

export const dissectors = [TftpChecksum.dissector]

/** No fault is later; a crashed server is up again, and has given up what it had. */
const span = Duration.minutes(5)

/** Longer than any transfer waits. */
const patience = Duration.minutes(10)

const port = 6969

const checked = Layer.effect(Network.Network, Effect.map(Network.Network, TftpChecksum.withChecksum))

const same = (one: Uint8Array, other: Uint8Array) =>
  one.length === other.length && one.every((byte, at) => byte === other[at])

const fail = (message: string) => Effect.die(new Error(message))

const below = (most: number) => Random.nextIntBetween(0, most, { halfOpen: true })
const pick = <A>(all: ReadonlyArray<A>) => Effect.map(below(all.length), (at) => all[at]!)

/** How a transfer is asked for, and a file whose end falls anywhere in a block and in a window; least bytes to come. */
const task = Effect.fnUntraced(function* (least = 0) {
  const blksize = yield* pick([8, 512, 1_428, 8_192].filter((size) => size * 200 >= least))
  const windowsize = yield* pick([1, 2, 4, 16, 64])
  const plain = (yield* below(4)) === 0
  const whole = (plain ? 512 : blksize) * (yield* below(blksize > 4_096 ? 8 : 60))
  const length = Math.max(0, whole + (yield* pick([-1, 0, 0, 1, 5])))
  const bytes = new Uint8Array(length)
  // CR and LF are frequent enough to meet in netascii.
  for (let i = 0; i < length; i++) bytes[i] = yield* below(32)
  const mode = yield* pick(["octet", "octet", "octet", "netascii"] as const)
  return { bytes, mode, options: { blksize, windowsize, plain } }
})

/** The world of a run: a server's files, and all that they have ever been meant to be. */
const makeLan = Effect.fnUntraced(function* (simulation: Simulation.Simulation) {
  const server = yield* simulation.host("server")
  const client = yield* simulation.host("client")
  const files = new Map<string, Uint8Array>()
  const versions = new Map<string, Array<Uint8Array>>()
  // The files outlive the server, as those on a disk do.
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

/** Reads a file: it is one that was there, or it is not there at all. */
const get = Effect.fnUntraced(function* (world: Lan, name: string) {
  const { mode, options } = yield* task(world.files.get(name)?.length)
  const into = new Map<string, Uint8Array>()
  const there = MemoryStore.make({ files: into, write: "create" })
  const target = { host: world.server.address, port, path: name, mode }
  const transfer = Effect.gen(function* () {
    const writable = yield* Effect.orDie(
      there.write({ filename: name, mode, client: { address: "", port: 0 }, options: [], size: undefined })
    )
    return yield* TftpClient.download(target, writable, options)
  })
  const word = yield* ended(on(world.client, Effect.scoped(transfer)))
  const bytes = into.get(name)
  if (word !== "done" && bytes !== undefined) yield* fail(`${name} is there, though: ${word}`)
  if (word === "done" && !(bytes !== undefined && isKnown(world, name, bytes))) yield* fail(`${name} is wrong`)
  return word
})

/** Writes a file: afterwards it is what was written, or if that failed perhaps what it was before. */
const put = Effect.fnUntraced(function* (world: Lan, name: string) {
  const { bytes, mode, options } = yield* task()
  world.versions.set(name, [...(world.versions.get(name) ?? []), bytes])
  const target = { host: world.server.address, port, path: name, mode }
  const word = yield* ended(on(world.client, TftpClient.put(target, MemoryStore.fromBytes(bytes), options)))
  const now = world.files.get(name)
  if (word === "done" && !(now !== undefined && same(now, bytes))) yield* fail(`${name} was not written`)
  return word
})

const ended = <A, R>(transfer: Effect.Effect<A, TftpError.TftpError, R>) =>
  transfer.pipe(
    Effect.match({ onSuccess: () => "done", onFailure: wordOf }),
    Effect.timeoutOrElse({ duration: patience, orElse: () => fail("a transfer hangs") })
  )

/** Safety: files are right, or a typed error says that they are not there; nobody ever sees half of one. */
export const transfers = Effect.fnUntraced(function* (simulation: Simulation.Simulation) {
  const here = yield* makeLan(simulation)
  const actor = Effect.fnUntraced(function* (own: string) {
    yield* simulation.sometimes(`put ${yield* put(here, own)}`)
    yield* Effect.sleep(yield* below(500))
    yield* simulation.sometimes(`get ${yield* get(here, own)}`)
    yield* Effect.sleep(yield* below(1_000))
    yield* simulation.sometimes(`put ${yield* put(here, own)}`)
    // Somebody else may be writing it just now.
    yield* simulation.sometimes(`get ${yield* get(here, "one")}`)
  })
  yield* Effect.forEach(["one", "two"], actor, { concurrency: "unbounded", discard: true })
  for (const [name, bytes] of here.files) if (!isKnown(here, name, bytes)) yield* fail(`${name} is half a file`)
  return here
})

/** Then liveness: once the faults are over, the next transfers succeed within seconds. */
export const scenario = Effect.fnUntraced(function* (simulation: Simulation.Simulation) {
  const here = yield* transfers(simulation)
  yield* Effect.sleep(span)
  yield* simulation.heal
  for (const go of [put, get]) {
    const word = yield* Effect.timeout(go(here, "last"), "5 seconds")
    if (word !== "done") yield* fail(`without any faults: ${word}`)
  }
})

/** What some run must come to, or the faults do too little. */
export const sometimes = ["put done", "get done"]
