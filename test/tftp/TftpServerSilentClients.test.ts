import { assert, describe } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import * as Packet from "../../src/tftp/protocol/Packet.ts"
import * as MemoryStore from "../../src/tftp/store/MemoryStore.ts"
import type * as Store from "../../src/tftp/store/Store.ts"
import { Hosts, pseudoRandomBytes, until } from "../support/Hosts.ts"
import * as TftpHosts from "../support/tftp/TftpHosts.ts"
import * as TftpTranscript from "../support/tftp/TftpTranscript.ts"

const files = { f: pseudoRandomBytes(1_000), g: pseudoRandomBytes(100_000, 2) }

/** Long, so that no packet is sent again on a busy machine. */
const timeout = "1 minute"

/** Counts the reads of the files of a store. */
const countReads = (store: Store.Store) => {
  let count = 0
  const counted = (body: Store.Body): Store.Body =>
    body._tag === "Stream"
      ? body
      : {
          _tag: "Random",
          readAt: (position, into) => {
            count++
            return body.readAt(position, into)
          }
        }
  const counting: Store.Store = {
    ...store,
    read: (request) => Effect.map(store.read(request), (file) => ({ ...file, body: counted(file.body) }))
  }
  return { store: counting, reads: () => count }
}

describe("TftpServer, silent clients", () => {
  for (const singlePort of [false, true]) {
    const suffix = singlePort ? " on a single port" : ""
    TftpHosts.both(`give way to others at maxTransfers, the oldest first${suffix}`, () =>
      Effect.gen(function* () {
        const { endpoint, server } = yield* TftpHosts.serve({ files, maxTransfers: 3, singlePort, timeout })
        const talk = yield* TftpTranscript.open({ endpoint, content: files.f })
        yield* talk.play("a> RRQ f octet", "a< DATA 1 512", "b> RRQ f octet", "b< DATA 1 512")
        yield* talk.play("c> WRQ new octet", "c< ACK 0", "a> ACK 1", "a< DATA 2 488")
        // b has not replied, and is older than c.
        yield* talk.play(
          "d> RRQ f octet",
          "d< DATA 1 512",
          "b< ERROR 0",
          "c> DATA 1 5",
          "c< ACK 1",
          "d> ACK 1",
          "d< DATA 2 488"
        )
        yield* talk.play("a> ACK 2", "d> ACK 2", "a-", "d-")
        const { failed, finished, gaveWay, refused } = yield* server.stats
        assert.deepStrictEqual(
          { failed, finished, gaveWay, refused },
          { failed: 0, finished: 3, gaveWay: 1, refused: 0 }
        )
      })
    )
  }

  TftpHosts.both("get no ERROR when they give way after maxUnvalidatedPackets packets", () =>
    Effect.gen(function* () {
      const { endpoint } = yield* TftpHosts.serve({ files, maxTransfers: 1, maxUnvalidatedPackets: 1 })
      const talk = yield* TftpTranscript.open({ endpoint, content: files.f })
      yield* talk.play("a> RRQ f octet", "a< DATA 1 512", "b> RRQ f octet", "b< DATA 1 512", "a-")
    })
  )

  TftpHosts.both("give way to a request of the same address at maxTransfersPerClient", () =>
    Effect.gen(function* () {
      const { endpoint, server } = yield* TftpHosts.serve({ files, maxTransfersPerClient: 1, timeout })
      const talk = yield* TftpTranscript.open({ endpoint, content: files.f })
      yield* talk.play("a> RRQ f octet", "a< DATA 1 512", "b> RRQ f octet", "b< DATA 1 512", "a< ERROR 0")
      yield* talk.play("b> ACK 1", "b< DATA 2 488")
      const { active, gaveWay } = yield* server.stats
      assert.deepStrictEqual({ active, gaveWay }, { active: 1, gaveWay: 1 })
    })
  )

  TftpHosts.simulated("give way to an upload of the same name after a second", () =>
    Effect.gen(function* () {
      const { endpoint, server } = yield* TftpHosts.serve()
      const talk = yield* TftpTranscript.open({ endpoint, content: files.f })
      yield* talk.play("a> WRQ new octet", "a< ACK 0", "b> WRQ new octet", "b< ERROR 2")
      yield* Effect.sleep("1 second")
      yield* talk.play("b> WRQ new octet", "b< ACK 0", "b> DATA 1 5", "b< ACK 1", "a< ERROR 0")
      const { finished, gaveWay } = yield* server.stats
      assert.deepStrictEqual({ finished, gaveWay }, { finished: 1, gaveWay: 1 })
    })
  )

  TftpHosts.both("take no ports of their own if there are many of them", () =>
    Effect.gen(function* () {
      const { client } = yield* Hosts
      const { endpoint, server } = yield* TftpHosts.serve({ files, timeout })
      const talk = yield* TftpTranscript.open({ endpoint, content: files.f })
      yield* talk.play("a> RRQ f octet")
      assert.notStrictEqual((yield* talk.receive("a")).from.port, endpoint.port)
      const request = Packet.encode({ _tag: "RRQ", filename: "f", mode: "octet", options: [] })
      const served = new Set<number>()
      for (let count = 0; count < 256; count++) {
        const { sendUnsafe } = yield* client.network.udp({ host: client.address }, () => served.add(count))
        sendUnsafe(request, endpoint)
      }
      // Those that wait for their turn have no port yet.
      yield* until(() => served.size === 256)
      yield* talk.play("b> RRQ f octet")
      assert.strictEqual((yield* talk.receive("b")).from.port, endpoint.port)
      yield* talk.play("b> ACK 1", "b< DATA 2 488", "a> ACK 1", "a< DATA 2 488", "b> ACK 2", "a> ACK 2", "a-", "b-")
      assert.deepInclude(yield* server.stats, { finished: 2, malformed: 0 })
    })
  )

  TftpHosts.simulated("of 2,000 forged addresses do not keep a client from being served at once", () =>
    Effect.gen(function* () {
      const { client } = yield* Hosts
      const { reads, store } = countReads(MemoryStore.make({ files: new Map(Object.entries(files)) }))
      const { endpoint, server } = yield* TftpHosts.serve({ store })
      const request = Packet.encode({ _tag: "RRQ", filename: "g", mode: "octet", options: [["blksize", "65464"]] })
      // As many as fit into the receive buffer of the server at once.
      const flood = Effect.forEach(
        Array.from({ length: 2_000 }),
        () =>
          Effect.flatMap(client.network.udp({ host: client.address }, constVoid), ({ sendUnsafe }) =>
            Effect.sync(() => sendUnsafe(request, endpoint))
          ),
        { discard: true }
      )
      yield* flood
      const before = yield* Clock.currentTimeMillis
      const text = yield* TftpHosts.get(endpoint, "f")
      assert.deepStrictEqual(text, files.f)
      // No retransmission: the first one comes after a second.
      assert.isBelow((yield* Clock.currentTimeMillis) - before, 1_000)
      assert.strictEqual((yield* server.stats).refused, 0)
      // Those that wait begin one after the other, as those before them give way.
      yield* Effect.sleep("2 seconds")
      const { active, gaveWay } = yield* server.stats
      assert.deepStrictEqual({ active, gaveWay }, { active: 1_024, gaveWay: 976 })
      // Beyond 64 transfers nothing is read for a client that has not replied to the OACK.
      assert.isAtMost(reads(), 66)
    })
  )
})
