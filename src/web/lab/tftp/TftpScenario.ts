/**
 * A TFTP download: the client of the TFTP service, and its server, or one of RFC 783 that answers every ACK.
 *
 * Services do not know of the laboratory. What a machine does is derived from its packets, by the observers of both
 * hosts.
 */
import * as Effect from "effect/Effect"
import * as ServiceNames from "../../../network/names/ServiceNames.ts"
import type * as SimHost from "../../../simulation/network/SimHost.ts"
import * as FileStore from "../../../tftp/store/FileStore.ts"
import * as MemoryStore from "../../../tftp/store/MemoryStore.ts"
import type * as Store from "../../../tftp/store/Store.ts"
import * as TftpClient from "../../../tftp/TftpClient.ts"
import * as TftpServer from "../../../tftp/TftpServer.ts"
import * as Link from "../Link.ts"
import * as Observer from "../Observer.ts"
import type * as Recorder from "../Recorder.ts"
import * as Scenario from "../Scenario.ts"
import type { Settings } from "../Settings.ts"
import * as ClientStates from "./ClientStates.ts"
import * as OldServer from "./OldServer.ts"
import * as ServerStates from "./ServerStates.ts"
import * as TftpMessage from "./TftpMessage.ts"

const port = 69

const hosts = ["client", "server"]

const fileName = "poem.txt"

/** Timeout of a server that does not adapt it, unless the student has chosen one. */
const oldTimeoutMillis = 1_000

const limitMillis = 60_000

/** Returns a file of readable bytes, so that a dropped one would be seen. */
const makeFile = (length: number) =>
  Uint8Array.from({ length }, (_, index) => (index % 64 === 63 ? 10 : 97 + ((index >> 6) % 26)))

const startServer = Effect.fnUntraced(function* (host: SimHost.SimHost, file: Uint8Array, { choices }: Settings) {
  const timeoutMillis = choices.timeout === "adaptive" ? undefined : Number(choices.timeout)
  if (choices.sender === "rfc783") {
    const options = { host: host.address, port, file, timeoutMillis: timeoutMillis ?? oldTimeoutMillis }
    return yield* host.start(OldServer.serve(options))
  }
  const store = MemoryStore.make({ files: new Map([[fileName, file]]) })
  const server = TftpServer.make({ host: host.address, port, drain: 0, timeout: timeoutMillis })
  yield* host.start(Effect.provideService(server, FileStore.FileStore, store))
})

/** Returns the options of the client. Those that are RFC 1350's are not asked for, as by a client of its time. */
const clientOptions = ({ choices }: Settings): TftpClient.Options => {
  const [blksize, windowsize] = [Number(choices.blksize), Number(choices.windowsize)]
  const isPlain = choices.sender === "rfc783" || (blksize === 512 && windowsize === 1)
  return isPlain ? { plain: true } : { blksize, windowsize }
}

/** Opens the file that the client writes, and tells when it is whole. */
const openFile = (files: Map<string, Uint8Array>, onCommit: Effect.Effect<void>) => {
  const store = MemoryStore.make({ files, write: "create" })
  const client = { address: "0.0.0.0", port: 0 }
  return Effect.map(
    Effect.orDie(store.write({ filename: fileName, mode: "octet", client, options: [], size: undefined })),
    (writable): Store.Writable => ({ ...writable, commit: Effect.andThen(writable.commit, onCommit) })
  )
}

const isEqual = (one: Uint8Array | undefined, other: Uint8Array) =>
  one?.length === other.length && other.every((byte, index) => byte === one[index])

const download = Effect.fnUntraced(function* (
  host: SimHost.SimHost,
  server: string,
  file: Uint8Array,
  settings: Settings
) {
  const files = new Map<string, Uint8Array>()
  let wholeAtMillis: number | undefined
  const onCommit = Effect.map(Scenario.now, (now) => {
    wholeAtMillis = now
  })
  const transfer = Effect.gen(function* () {
    const writable = yield* openFile(files, onCommit)
    return yield* TftpClient.download({ host: server, port, path: fileName }, writable, clientOptions(settings))
  }).pipe(Effect.scoped, Effect.provide(ServiceNames.layerBuiltIn), Effect.result)
  const result = yield* host.run(transfer)
  const atMillis = wholeAtMillis ?? (yield* Scenario.now)
  const blocks = Math.floor(file.length / (clientOptions(settings).blksize ?? 512)) + 1
  const figures = [["file", `${Scenario.count(file.length, "byte")}, ${Scenario.count(blocks, "block")}`]] as const
  if (result._tag === "Failure") {
    return { outcome: "failed", text: result.failure.message, atMillis, figures } as const
  }
  return isEqual(files.get(fileName), file)
    ? ({ outcome: "done", text: "the file arrived whole", atMillis, figures } as const)
    : ({ outcome: "failed", text: "wrong: the file differs", atMillis, figures } as const)
})

/** Counts the packets that each end has sent again: those alike to an earlier one of it. */
const repetitionsOf = ({ wire }: Recorder.Recording<TftpMessage.TftpMessage>): Scenario.Ending["figures"] =>
  hosts.map((host) => {
    const labels = wire.flatMap(({ _tag, arrow }) => (_tag === "Sent" && arrow.from === host ? [arrow.label] : []))
    return [`sent again by the ${host}`, `${labels.length - new Set(labels).size}`]
  })

/** Makes the scenario. */
export const make = (settings: Settings): Scenario.Scenario<TftpMessage.TftpMessage> => {
  const { choices, delayMillis } = settings
  const file = makeFile(Number(choices.size))
  return {
    hosts,
    transport: "udp",
    faults: Link.faults(settings, 3 * delayMillis + 20),
    limitMillis,
    describe: TftpMessage.describe,
    figures: repetitionsOf,
    program: Effect.fnUntraced(function* ({ hosts: [client, server] }) {
      yield* startServer(server!, file, settings)
      return yield* download(client!, server!.address, file, settings)
    }),
    observe: (recording) =>
      Observer.join([
        Observer.follow(ClientStates.observer, recording),
        Observer.follow(ServerStates.observer(choices.sender === "rfc783"), recording)
      ])
  }
}
