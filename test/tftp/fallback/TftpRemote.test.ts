import { assert, describe } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type * as Endpoint from "../../../src/network/Endpoint.ts"
import * as Network from "../../../src/network/Network.ts"
import * as Fallback from "../../../src/tftp/fallback/Fallback.ts"
import * as TftpRemote from "../../../src/tftp/fallback/TftpRemote.ts"
import * as Packet from "../../../src/tftp/protocol/Packet.ts"
import * as FileStore from "../../../src/tftp/store/FileStore.ts"
import * as MemoryStore from "../../../src/tftp/store/MemoryStore.ts"
import * as TftpClient from "../../../src/tftp/TftpClient.ts"
import * as TftpServer from "../../../src/tftp/TftpServer.ts"
import { bytesOf } from "../../support/Files.ts"
import { Hosts, pseudoRandomBytes } from "../../support/Hosts.ts"
import { read, test } from "../../support/tftp/Fallbacks.ts"
import * as TftpHosts from "../../support/tftp/TftpHosts.ts"

const serve = (store: TftpServer.Options & { readonly store: FileStore.FileStore["Service"] }) =>
  Effect.map(
    TftpServer.make({ port: 0, drain: 0 }).pipe(Effect.provideService(FileStore.FileStore, store.store)),
    ({ address }) => address.port
  )

/** Starts a server that sends these packets for each request, and repeats none. */
const replying = Effect.fnUntraced(function* (packets: ReadonlyArray<Packet.Packet>) {
  const { udp } = yield* Network.Network
  const socket: Network.UdpSocket = yield* udp({ host: "127.0.0.1" }, (bytes: Uint8Array, from: Endpoint.Endpoint) => {
    const packet = Result.getOrUndefined(Packet.decode(bytes))
    if (packet?._tag === "RRQ") for (const one of packets) socket.sendUnsafe(Packet.encode(one), from)
  })
  return `tftp://127.0.0.1:${socket.local.port}/`
})

const oack = (tsize: string): Packet.Packet => ({
  _tag: "OACK",
  options: [
    ["tsize", tsize],
    ["blksize", "8"]
  ]
})

const data = (block: number, text: string): Packet.Packet => ({ _tag: "DATA", block, bytes: bytesOf(text) })

describe("Fallback to a TFTP server", () => {
  test("reads the files of another server through this one", () =>
    Effect.gen(function* () {
      const large = pseudoRandomBytes(3_000_000)
      const files = new Map([
        ["boot/caf\udce9", bytesOf("latin")],
        ["boot/empty", bytesOf("")],
        ["boot/large", large],
        ["secret", bytesOf("secret")]
      ])
      const upstream = yield* serve({ store: MemoryStore.make({ files }) })
      const store = yield* Fallback.make({ url: `tftp://127.0.0.1:${upstream}/boot` })
      assert.strictEqual(yield* read(store, "caf\udce9"), "5 latin")
      assert.strictEqual(yield* read(store, "empty"), "? ")
      assert.strictEqual(yield* read(store, "no"), '"no": no such file or folder')
      assert.strictEqual(yield* read(store, "../secret"), '"../secret": outside of the root; request a name below it')

      const port = yield* serve({ store: FileStore.orElse(MemoryStore.make(), store) })
      const target = { host: "127.0.0.1", port }
      const { content, size } = yield* TftpClient.open({ ...target, path: "large" })
      assert.deepStrictEqual(yield* Stream.mkUint8Array(content), large)
      assert.strictEqual(size, large.length)
      const error = yield* Effect.flip(Stream.runDrain(TftpClient.get({ ...target, path: "no" })))
      assert.strictEqual(error.message, "refused by the peer: File not found (error 1)")
    }))

  test("fails for a server that is silent, dies half-way, or sends another size", () =>
    Effect.gen(function* () {
      const outcome = Effect.fnUntraced(function* (
        packets: ReadonlyArray<Packet.Packet>,
        timeouts: Pick<Fallback.Options, "connectTimeout" | "idleTimeout"> = {}
      ) {
        const url = yield* replying(packets)
        const store = yield* Fallback.make({ url, maxFileBytes: 1_000, ...timeouts })
        return (yield* read(store, "f")).replace(`fetching ${url}f failed: `, "")
      })
      assert.strictEqual(
        yield* outcome([], { connectTimeout: "100 millis" }),
        '"f": no reply in 0.1 s; check the server, or allow more time'
      )
      const first = [oack("12"), data(1, "01234567")]
      const silent = "the server sent nothing for 0.1 s; check the server, or allow more time"
      assert.strictEqual(yield* outcome(first, { idleTimeout: "100 millis" }), silent)
      const mismatch = (received: string) => `size mismatch: received ${received}, but tsize announced 12`
      assert.strictEqual(yield* outcome([...first, data(2, "8")]), mismatch("9 bytes"))
      assert.match(yield* outcome([...first, data(2, "01234567"), data(3, "8")]), /announced/)
      const large = "larger than the limit of 1000 bytes; raise the limit"
      assert.strictEqual(yield* outcome([oack("1001")]), `"f": ${large}`)
      const refused: Packet.Packet = { _tag: "ERROR", code: 2, message: "Access violation" }
      assert.strictEqual(yield* outcome([refused]), '"f": refused by the peer: Access violation (error 2)')
    }))

  TftpHosts.simulated("waits for a silent server as long as the limits say", () =>
    Effect.gen(function* () {
      const { server } = yield* Hosts
      const { local } = yield* server.network.udp({ host: server.address }, constVoid)
      const href = `tftp://${server.address}:${local.port}/`
      const folder = { _tag: "Tftp", href, host: server.address, port: local.port, path: "" } as const
      const minute = Duration.minutes(1)
      const limits = { connectTimeout: minute, idleTimeout: minute, maxFileBytes: 1_000 }
      const open = Effect.flatMap(TftpRemote.make(folder, limits), (remote) => remote.open("f", undefined))
      const { detail } = yield* TftpHosts.client(Effect.flip(Effect.scoped(open)))
      const why = "no reply in 60 s; check the server, or allow more time"
      assert.strictEqual(detail, `fetching ${href}f failed: ${why}`)
    })
  )
})
