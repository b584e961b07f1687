/** Interoperability of the TFTP client with the servers of this machine, which support only some options. */
import * as Fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as NodeServices from "../../src/network/node/NodeServices.ts"
import * as MemoryStore from "../../src/tftp/store/MemoryStore.ts"
import type * as Store from "../../src/tftp/store/Store.ts"
import * as TftpClient from "../../src/tftp/TftpClient.ts"
import { directory } from "../support/Directory.ts"
import { assertNoLeaks } from "../support/Handles.ts"
import { pseudoRandomBytes } from "../support/Hosts.ts"
import { waitUntil } from "../support/Pause.ts"
import * as TftpHosts from "../support/tftp/TftpHosts.ts"
import * as TftpPeers from "../support/tftp/TftpPeers.ts"

/** The values that a server grants for options. */
interface Grant {
  readonly ask: TftpClient.Options
  readonly blksize: number
  readonly windowsize: number
}

const plain = { ask: { plain: true }, blksize: 512, windowsize: 1 }

/** The grants of Debian's tftpd-hpa and dnsmasq, which do not support windowsize. */
const lockStep: ReadonlyArray<Grant> = [
  { ask: {}, blksize: 1_428, windowsize: 1 },
  { ask: { blksize: 65_464 }, blksize: 65_464, windowsize: 1 },
  plain
]

const grants: Readonly<Record<TftpPeers.Server, ReadonlyArray<Grant>>> = {
  "tftpd-hpa": lockStep,
  atftpd: [
    { ask: {}, blksize: 1_428, windowsize: 64 },
    { ask: { blksize: 65_464 }, blksize: 65_464, windowsize: 3 },
    { ask: { windowsize: 4, blksize: 512 }, blksize: 512, windowsize: 4 },
    // Its OACK has to fit into a block; otherwise it sends ERROR.
    { ask: { blksize: 8 }, blksize: 512, windowsize: 1 },
    plain
  ],
  dnsmasq: lockStep
}

const sizes = [0, 1, 511, 512, 513, 1_428 * 3, 1_428 * 4, 65_536 * 3 + 7]

/** Returns the smallest blksize of a server, and a size of more blocks than there are numbers. */
const rolling = (server: TftpPeers.Server) => {
  const blksize = server === "atftpd" ? 64 : 8
  return { blksize, size: 65_600 * blksize + 3 }
}

/** Starts a server over a new directory of random files, each named by its length. */
const start = Effect.fnUntraced(function* (server: TftpPeers.Server, lengths: ReadonlyArray<number>) {
  const { inRoot } = yield* directory(Object.fromEntries(lengths.map((length) => [`${length}`, ""])))
  for (const length of lengths) Fs.writeFileSync(inRoot(`${length}`), pseudoRandomBytes(length))
  const { address: host, port } = yield* TftpPeers.start(server, inRoot(""))
  const get = Effect.fnUntraced(function* (path: string, options: TftpClient.Options) {
    const chunks: Array<Uint8Array> = []
    const writable: Store.Writable = {
      write: (bytes) => Effect.sync(() => void chunks.push(bytes.slice())),
      commit: Effect.void
    }
    const { blksize, windowsize } = yield* TftpClient.download({ host, port, path }, writable, options)
    return { bytes: Buffer.concat(chunks), blksize, windowsize }
  })
  const put = (path: string, bytes: Uint8Array, options: TftpClient.Options) =>
    TftpClient.put({ host, port, path }, MemoryStore.fromBytes(bytes), options)
  /** Reads an uploaded file; these servers acknowledge it before it is completely on the disk. */
  const uploaded = Effect.fnUntraced(function* (path: string, length: number) {
    yield* waitUntil(() => Fs.statSync(inRoot(path)).size >= length)
    return Fs.readFileSync(inRoot(path))
  })
  return { get, put, uploaded }
})

const isolated = <A, E>(test: Effect.Effect<A, E, TftpClient.Services | Scope.Scope>) =>
  assertNoLeaks(Effect.scoped(test).pipe(TftpHosts.quietly, Effect.provide(NodeServices.layer)))

for (const server of TftpPeers.servers) {
  const missing = TftpPeers.skipReason(server)
  const live = it.live.skipIf(missing !== undefined)

  describe(`TftpClient and ${server}${missing === undefined ? "" : ` (skipped: ${missing})`}`, () => {
    for (const { ask, blksize, windowsize } of grants[server]) {
      live(`transfer files with ${JSON.stringify(ask)}: ${windowsize} blocks of ${blksize} bytes per ACK`, () =>
        isolated(
          Effect.gen(function* () {
            const { get, put, uploaded } = yield* start(server, sizes)
            const exchange = Effect.fnUntraced(function* (size: number) {
              const got = yield* get(`${size}`, ask)
              assert.strictEqual(Buffer.compare(got.bytes, pseudoRandomBytes(size)), 0, `get ${size}`)
              assert.deepInclude(got, { blksize, windowsize })
              if (server === "dnsmasq") return
              const sent = pseudoRandomBytes(size, 2)
              const summary = yield* put(`back-${size}`, sent, ask)
              assert.deepInclude(summary, { blksize, windowsize, bytes: size })
              assert.strictEqual(Buffer.compare(yield* uploaded(`back-${size}`, size), sent), 0, `put ${size}`)
            })
            yield* Effect.forEach(sizes, exchange, { concurrency: 3, discard: true })
          })
        )
      )
    }

    // In lock-step this takes seconds, and dnsmasq numbers its blocks as tftpd-hpa does.
    if (server !== "dnsmasq") {
      live("transfer more than 65,535 blocks with a rollover to 0", () =>
        isolated(
          Effect.gen(function* () {
            const { blksize, size } = rolling(server)
            const { get, put, uploaded } = yield* start(server, [size])
            const fetch = Effect.gen(function* () {
              const got = yield* get(`${size}`, { blksize })
              assert.strictEqual(Buffer.compare(got.bytes, pseudoRandomBytes(size)), 0, "get")
              assert.strictEqual(got.blksize, blksize)
            })
            const upload = Effect.gen(function* () {
              assert.strictEqual((yield* put("back", pseudoRandomBytes(size), { blksize })).blksize, blksize)
              assert.strictEqual(Buffer.compare(yield* uploaded("back", size), pseudoRandomBytes(size)), 0, "put")
            })
            // Lock-step is slow: the rollover of an upload is tested with one server only.
            yield* Effect.all(server === "atftpd" ? [fetch, upload] : [fetch], { concurrency: 2, discard: true })
          })
        )
      )
    }

    live("fail for a missing file with error 1", () =>
      isolated(
        Effect.gen(function* () {
          const { get } = yield* start(server, [])
          for (const options of [{}, { plain: true }]) {
            const { reason } = yield* Effect.flip(get("none", options))
            assert.isTrue(reason._tag === "Refused" && reason.code === 1, reason.message)
          }
        })
      )
    )
  })
}

describe("TftpClient and a server without uploads", () => {
  const missing = TftpPeers.skipReason("dnsmasq")
  it.live.skipIf(missing !== undefined)(
    `fail to write to dnsmasq${missing === undefined ? "" : ` (skipped: ${missing})`}`,
    () =>
      isolated(
        Effect.gen(function* () {
          const { put } = yield* start("dnsmasq", [])
          assert.strictEqual(yield* TftpHosts.outcome(put("f", pseudoRandomBytes(1_000), {})), "Refused 4")
        })
      )
  )
})
