import * as Os from "node:os"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NodeNetwork from "../../src/network/node/NodeNetwork.ts"
import * as Handles from "../support/Handles.ts"
import { Hosts, pseudoRandomBytes } from "../support/Hosts.ts"
import * as Lab from "../support/tftp/TftpLab.ts"
import * as Talk from "../support/tftp/TftpTalk.ts"

const hasIpv6 = Object.values(Os.networkInterfaces()).some((all = []) => all.some(({ address }) => address === "::1"))

describe("TftpServer: many at once", () => {
  const content = pseudoRandomBytes(250_000)

  Lab.real("200 downloads at once, all right", () =>
    Effect.gen(function* () {
      const { endpoint, server } = yield* Lab.serve({ files: { f: content } })
      const get = Effect.map(Lab.get(endpoint, "f", { blksize: 8_192, windowsize: 8 }), (bytes) =>
        assert.strictEqual(Buffer.compare(bytes, content), 0)
      )
      yield* Effect.forEach(Array.from({ length: 200 }), () => get, { concurrency: "unbounded", discard: true })
      // The client has all of it a moment before the server knows.
      while ((yield* server.stats).active > 0) yield* Effect.yieldNow
      const { bytesSent, failed, finished, started } = yield* server.stats
      const expected = { bytesSent: 50e6, failed: 0, finished: 200, started: 200 }
      assert.deepStrictEqual({ bytesSent, failed, finished, started }, expected)
    })
  )

  Lab.both("200 at a server of 20: those in it get all, the others are told", () =>
    Effect.gen(function* () {
      const { endpoint, server } = yield* Lab.serve({ files: { f: content }, maxTransfers: 20 })
      const get = Lab.outcome(Lab.get(endpoint, "f", { blksize: 8_192, windowsize: 4 }))
      const words = yield* Effect.forEach(Array.from({ length: 200 }), () => get, { concurrency: "unbounded" })
      const done = words.filter((word) => word === "done").length
      assert.isAtLeast(done, 20)
      assert.deepStrictEqual(new Set(words), new Set(["done", "Refused 0"]))
      assert.strictEqual((yield* server.stats).refused, 200 - done)
    })
  )
})

describe("TftpServer: at all addresses", () => {
  const files = { f: pseudoRandomBytes(1_000) }
  const test = (name: string, host: string, addresses: ReadonlyArray<string>) =>
    it.live(name, () =>
      Handles.assertNoLeaks(
        Effect.gen(function* () {
          const { server } = yield* Lab.serve({ host, files })
          for (const address of addresses) {
            const from = address.includes(":") ? "::1" : "127.0.0.1"
            const talk = yield* Talk.open({ endpoint: { address, port: server.address.port }, content: files.f })
            yield* talk.speaker("a", { host: from })
            yield* talk.play("a> RRQ f octet")
            assert.strictEqual((yield* talk.hear("a")).from.address, address)
            yield* talk.play("a> ACK 1", "a< DATA 2 488", "a> ACK 2", "a> RRQ none octet")
            assert.strictEqual((yield* talk.hear("a")).from.address, address)
          }
        }).pipe(Effect.scoped, Lab.quietly, Effect.provide(Hosts.one(NodeNetwork.layer)))
      )
    )

  test("an answer comes from the address that was asked: IPv4", "0.0.0.0", ["127.0.0.1"])
  if (hasIpv6) test("IPv6 and IPv4", "::", ["::1", "127.0.0.1"])
  else it.skip("IPv6 and IPv4: this host has no ::1", () => {})

  for (const address of ["127.0.0.2", "127.0.0.3"]) test(`one address only: ${address}`, address, [address])

  Lab.simulated("a host of many addresses answers from each", () =>
    Effect.gen(function* () {
      const { server } = yield* Lab.serve({ host: "::", files })
      for (const address of ["10.0.0.1", "10.0.0.9", "fd00::1"]) {
        const talk = yield* Talk.open({ endpoint: { address, port: server.address.port }, content: files.f })
        yield* talk.speaker("a", { host: address.includes(":") ? "fd00::2" : "10.0.0.2" })
        yield* talk.play("a> RRQ f octet")
        assert.strictEqual((yield* talk.hear("a")).from.address, address)
        yield* talk.play("a> ACK 1", "a< DATA 2 488")
      }
    })
  )

  Lab.simulated("over IPv6 a block leaves room for its longer header", () =>
    Effect.gen(function* () {
      const { server } = yield* Lab.serve({ host: "fd00::1", files, mtu: 1_500 })
      const talk = yield* Talk.open({ endpoint: { address: "fd00::1", port: server.address.port } })
      yield* talk.speaker("a", { host: "fd00::2" })
      yield* talk.play("a> RRQ f octet blksize=65464", "a< OACK blksize=1448")
    })
  )
})
