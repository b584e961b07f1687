import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as MemoryStore from "../../src/tftp/store/MemoryStore.ts"
import type * as Store from "../../src/tftp/store/Store.ts"
import { pseudoRandomBytes, until } from "../support/Hosts.ts"
import * as TftpHosts from "../support/tftp/TftpHosts.ts"
import * as TftpTranscript from "../support/tftp/TftpTranscript.ts"

const bytesOf = (text: string) => new TextEncoder().encode(text)

const textOf = ({ bytes }: TftpTranscript.Received) => new TextDecoder().decode(bytes.subarray(4))

/** Makes a store with one of its two operations. */
const storeWith = (store: Partial<Store.Store>): Store.Store => ({ ...MemoryStore.make(), ...store })

describe("TftpServer, files", () => {
  TftpHosts.simulated("keeps the old file and unlocks its name when an upload times out", () =>
    Effect.gen(function* () {
      const old = pseudoRandomBytes(100)
      const { endpoint, files, server } = yield* TftpHosts.serve({ files: { f: old } })
      const talk = yield* TftpTranscript.open({ endpoint })
      yield* talk.play("a> WRQ f octet", "a< ACK 0", "a> DATA 1 512", "a< ACK 1")
      yield* Effect.sleep("5 minutes")
      assert.strictEqual((yield* server.stats).failed, 1)
      assert.deepStrictEqual(files.get("f"), old)
      yield* TftpHosts.put(endpoint, "f", pseudoRandomBytes(50, 2))
      assert.deepStrictEqual(files.get("f"), pseudoRandomBytes(50, 2))
    })
  )

  TftpHosts.both("ignores and counts malformed packets of the right client", () =>
    Effect.gen(function* () {
      const { endpoint, server } = yield* TftpHosts.serve({ files: { f: bytesOf("x".repeat(600)) } })
      const talk = yield* TftpTranscript.open({ endpoint })
      yield* talk.play("a> RRQ f octet", "a< DATA 1 512")
      const malformed = ["\0", "\0\x04", "\0\x04\0", "\0\x09\0\x01", "\0\x03\0\x01", "\0\x05", "\x09\x09\x09\x09"]
      yield* talk.play(...malformed.map((text) => `a> ${JSON.stringify(text)}`))
      yield* talk.play("a> ACK 1", "a< DATA 2 88", "a> ACK 2")
      yield* until(() => Effect.runSync(server.stats).active === 0)
      const stats = yield* server.stats
      assert.deepStrictEqual([stats.finished, stats.malformed], [1, malformed.length])
    })
  )

  TftpHosts.both("splits a netascii pair between two blocks, and resends the same blocks", () =>
    Effect.gen(function* () {
      const files = { t: bytesOf("abcdefg\nij\r"), crlf: bytesOf("\r\n") }
      const { endpoint } = yield* TftpHosts.serve({ files })
      const talk = yield* TftpTranscript.open({ endpoint })
      yield* talk.play("a> RRQ t netascii blksize=8 utimeout=20000", "a< OACK blksize=8 utimeout=20000", "a> ACK 0")
      assert.strictEqual(textOf(yield* talk.receive("a")), "abcdefg\r")
      yield* talk.play("a> ACK 1")
      for (let times = 0; times < 3; times++) assert.strictEqual(textOf(yield* talk.receive("a")), "\nij\r\0")
      yield* talk.play("a> ACK 2", "b> RRQ crlf netascii")
      assert.strictEqual(textOf(yield* talk.receive("b")), "\r\0\r\n")
    })
  )

  TftpHosts.simulated("delays ACKs while the disk is slow, without a timeout", () =>
    Effect.gen(function* () {
      const content = pseudoRandomBytes(3_000_000)
      const pieces: Array<Uint8Array> = []
      let largest = 0
      const store = storeWith({
        write: () =>
          Effect.succeed({
            write: (bytes) =>
              Effect.andThen(
                Effect.sleep("2 seconds"),
                Effect.sync(() => {
                  largest = Math.max(largest, bytes.length)
                  pieces.push(bytes.slice())
                })
              ),
            commit: Effect.void
          })
      })
      const { endpoint } = yield* TftpHosts.serve({ store })
      yield* TftpHosts.put(endpoint, "f", content, { blksize: 1_428, windowsize: 64 })
      assert.strictEqual(Buffer.compare(Buffer.concat(pieces), content), 0)
      assert.isAtMost(largest, 256 * 1_024)
    })
  )

  TftpHosts.both("sends a long stream", () =>
    Effect.gen(function* () {
      const piece = pseudoRandomBytes(100_000)
      const stream = Stream.fromIterable(Array.from({ length: 20 }, () => piece))
      const store = storeWith({ read: () => Effect.succeed({ size: undefined, body: { _tag: "Stream", stream } }) })
      const { endpoint } = yield* TftpHosts.serve({ store })
      const got = yield* TftpHosts.get(endpoint, "f", { blksize: 8_192 })
      assert.strictEqual(Buffer.compare(got, Buffer.concat(Array.from({ length: 20 }, () => piece))), 0)
    })
  )

  TftpHosts.simulated("waits for a slow stream", () =>
    Effect.gen(function* () {
      const slow = Stream.fromEffect(Effect.as(Effect.sleep("8 seconds"), pseudoRandomBytes(300)))
      const stream = Stream.concat(Stream.make(pseudoRandomBytes(700, 2)), slow)
      const store = storeWith({ read: () => Effect.succeed({ size: undefined, body: { _tag: "Stream", stream } }) })
      const { endpoint } = yield* TftpHosts.serve({ store })
      const got = yield* TftpHosts.get(endpoint, "f", { blksize: 100, windowsize: 2 })
      assert.deepStrictEqual(got, Uint8Array.of(...pseudoRandomBytes(700, 2), ...pseudoRandomBytes(300)))
    })
  )

  TftpHosts.simulated("sends ERROR when a file changes its length during the transfer", () =>
    Effect.gen(function* () {
      let length = 4_000_000
      const body: Store.Readable["body"] = {
        _tag: "Random",
        readAt: (position, into) =>
          Effect.sync(() => {
            const count = Math.max(0, Math.min(into.length, length - position))
            length = 1_500_000
            return count
          })
      }
      const store = storeWith({ read: () => Effect.succeed({ size: 4_000_000, body }) })
      const { endpoint } = yield* TftpHosts.serve({ store })
      assert.include(["Refused 0", "SizeMismatch"], yield* TftpHosts.outcome(TftpHosts.get(endpoint, "f")))
    })
  )

  TftpHosts.simulated("sends ERROR to the client if the store has a defect, and counts a failure", () =>
    Effect.gen(function* () {
      const broken = Effect.die(new Error("broken"))
      const store = storeWith({
        read: ({ filename }) =>
          filename === "f" ? broken : Effect.succeed({ size: 9, body: { _tag: "Random", readAt: () => broken } }),
        write: () => Effect.succeed({ write: () => broken, commit: broken })
      })
      const { endpoint, server } = yield* TftpHosts.quietly(TftpHosts.serve({ store }))
      const talk = yield* TftpTranscript.open({ endpoint })
      yield* talk.play("a> RRQ f octet", "a< ERROR 0", "b> RRQ g octet", "b< ERROR 0")
      yield* talk.play("c> WRQ h octet", "c< ACK 0", "c> DATA 1 5", "c< ERROR 0")
      assert.deepInclude(yield* server.stats, { active: 0, failed: 3, finished: 0, started: 3 })
    })
  )

  TftpHosts.simulated("replies to a broadcast request from one address", () =>
    Effect.gen(function* () {
      const files = { f: pseudoRandomBytes(700) }
      const { server } = yield* TftpHosts.serve({ host: "0.0.0.0", files })
      const talk = yield* TftpTranscript.open({
        endpoint: { address: "10.0.0.255", port: server.address.port },
        content: files.f
      })
      yield* talk.peer("a", { host: "10.0.0.2", broadcast: true })
      yield* talk.play("a> RRQ f octet")
      assert.strictEqual((yield* talk.receive("a")).from.address, "10.0.0.1")
      yield* talk.play("a> ACK 1", "a< DATA 2 188", "a> ACK 2", "a-")
      const { failed, finished } = yield* server.stats
      assert.deepStrictEqual({ failed, finished }, { failed: 0, finished: 1 })
    })
  )
})
