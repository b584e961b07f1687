import * as Os from "node:os"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NodeNetwork from "../../src/network/node/NodeNetwork.ts"
import * as Retransmission from "../../src/tftp/transfer/Retransmission.ts"
import * as Handles from "../support/Handles.ts"
import { Hosts, pseudoRandomBytes } from "../support/Hosts.ts"
import * as TftpHosts from "../support/tftp/TftpHosts.ts"
import * as TftpTranscript from "../support/tftp/TftpTranscript.ts"

const hasIpv6 = Object.values(Os.networkInterfaces()).some((all = []) => all.some(({ address }) => address === "::1"))

describe("TftpServer, concurrent transfers", () => {
  const content = pseudoRandomBytes(250_000)

  TftpHosts.real("serves 200 concurrent downloads", () =>
    Effect.gen(function* () {
      const { endpoint, server } = yield* TftpHosts.serve({ files: { f: content } })
      // No client repeats its request, however long a busy host takes.
      const retransmission = Retransmission.fixed({ every: "30 seconds" })
      const get = Effect.map(TftpHosts.get(endpoint, "f", { blksize: 8_192, windowsize: 8, retransmission }), (bytes) =>
        assert.strictEqual(Buffer.compare(bytes, content), 0)
      )
      yield* Effect.forEach(Array.from({ length: 200 }), () => get, { concurrency: "unbounded", discard: true })
      // The client has the file before the server receives the last ACK.
      while ((yield* server.stats).active > 0) yield* Effect.yieldNow
      const { bytesSent, failed, finished, started } = yield* server.stats
      const expected = { bytesSent: 50e6, failed: 0, finished: 200, started: 200 }
      assert.deepStrictEqual({ bytesSent, failed, finished, started }, expected)
    })
  )

  TftpHosts.both("serves 60 concurrent requests with a limit of 20, or refuses those that must wait too long", () =>
    Effect.gen(function* () {
      const { endpoint, server } = yield* TftpHosts.serve({ files: { f: content }, maxTransfers: 20 })
      const get = TftpHosts.outcome(TftpHosts.get(endpoint, "f", { blksize: 8_192, windowsize: 4 }))
      const words = yield* Effect.forEach(Array.from({ length: 60 }), () => get, { concurrency: "unbounded" })
      const done = words.filter((word) => word === "done").length
      assert.isAtLeast(done, 20)
      assert.strictEqual(words.filter((word) => word === "Refused 0").length, 60 - done)
      const { gaveWay, refused } = yield* server.stats
      // A client whose request gave way has repeated it.
      assert.isAtLeast(gaveWay + refused, 60 - done)
    })
  )
})

describe("TftpServer, local addresses", () => {
  const files = { f: pseudoRandomBytes(1_000) }
  const test = (name: string, host: string, addresses: ReadonlyArray<string>) =>
    it.live(name, () =>
      Handles.assertNoLeaks(
        Effect.gen(function* () {
          const { server } = yield* TftpHosts.serve({ host, files })
          for (const address of addresses) {
            const from = address.includes(":") ? "::1" : "127.0.0.1"
            const talk = yield* TftpTranscript.open({
              endpoint: { address, port: server.address.port },
              content: files.f
            })
            yield* talk.peer("a", { host: from })
            yield* talk.play("a> RRQ f octet")
            assert.strictEqual((yield* talk.receive("a")).from.address, address)
            yield* talk.play("a> ACK 1", "a< DATA 2 488", "a> ACK 2", "a> RRQ none octet")
            assert.strictEqual((yield* talk.receive("a")).from.address, address)
          }
        }).pipe(Effect.scoped, TftpHosts.quietly, Effect.provide(Hosts.one(NodeNetwork.layer)))
      )
    )

  test("replies from the address that was requested, on 0.0.0.0", "0.0.0.0", ["127.0.0.1"])
  if (hasIpv6) test("replies from the address that was requested, on ::", "::", ["::1", "127.0.0.1"])
  else it.skip("replies from the address that was requested, on ::: this host has no ::1", () => {})

  for (const address of ["127.0.0.2", "127.0.0.3"]) test(`replies from its only address ${address}`, address, [address])

  TftpHosts.simulated("replies from each address of a host", () =>
    Effect.gen(function* () {
      const { server } = yield* TftpHosts.serve({ host: "::", files })
      for (const address of ["10.0.0.1", "10.0.0.9", "fd00::1"]) {
        const talk = yield* TftpTranscript.open({ endpoint: { address, port: server.address.port }, content: files.f })
        yield* talk.peer("a", { host: address.includes(":") ? "fd00::2" : "10.0.0.2" })
        yield* talk.play("a> RRQ f octet")
        assert.strictEqual((yield* talk.receive("a")).from.address, address)
        yield* talk.play("a> ACK 1", "a< DATA 2 488")
      }
    })
  )

  TftpHosts.simulated("grants a smaller block over IPv6, for its longer header", () =>
    Effect.gen(function* () {
      const { server } = yield* TftpHosts.serve({ host: "fd00::1", files, mtu: 1_500 })
      const talk = yield* TftpTranscript.open({ endpoint: { address: "fd00::1", port: server.address.port } })
      yield* talk.peer("a", { host: "fd00::2" })
      yield* talk.play("a> RRQ f octet blksize=65464", "a< OACK blksize=1448")
    })
  )
})
