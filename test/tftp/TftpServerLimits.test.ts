import { assert, describe } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as ServerConfig from "../../src/network/ServerConfig.ts"
import * as FileStoreError from "../../src/tftp/store/FileStoreError.ts"
import * as MemoryStore from "../../src/tftp/store/MemoryStore.ts"
import type * as Store from "../../src/tftp/store/Store.ts"
import type * as TftpServer from "../../src/tftp/TftpServer.ts"
import { Hosts, pseudoRandomBytes } from "../support/Hosts.ts"
import * as TftpHosts from "../support/tftp/TftpHosts.ts"
import * as TftpTranscript from "../support/tftp/TftpTranscript.ts"

const files = { f: pseudoRandomBytes(1_000), g: pseudoRandomBytes(100_000, 2) }

/** Long, so that no packet is sent again on a busy machine. */
const timeout = "1 minute"

const file = (reason: FileStoreError.Reason) => new FileStoreError.FileStoreError({ reason, filename: "/secret/f" })

/** Returns the message of an ERROR, which must not contain a path. */
const messageOf = ({ bytes }: TftpTranscript.Received) => new TextDecoder().decode(bytes.subarray(4))

describe("TftpServer, limits", () => {
  TftpHosts.both("refuses requests above maxTransfers, and accepts again when a transfer has ended", () =>
    Effect.gen(function* () {
      const { endpoint, server } = yield* TftpHosts.serve({ files, maxTransfers: 2, timeout })
      const talk = yield* TftpTranscript.open({ endpoint, content: files.f })
      for (const name of ["a", "b"]) {
        yield* talk.play(`${name}> RRQ f octet`, `${name}< DATA 1 512`, `${name}> ACK 1`, `${name}< DATA 2 488`)
      }
      yield* talk.play("c> RRQ f octet")
      const received = yield* talk.receive("c")
      assert.strictEqual(TftpTranscript.textOf(received.bytes), "ERROR 0")
      assert.match(messageOf(received), /busy/)
      yield* talk.play("c-", "a> ERROR 0 bye", "a-", "c> RRQ f octet", "c< DATA 1 512")
      const { gaveWay, refused, started } = yield* server.stats
      assert.deepStrictEqual({ gaveWay, refused, started }, { gaveWay: 0, refused: 1, started: 3 })
    })
  )

  TftpHosts.simulated("stops an upload within the window in which it exceeds the largest file", () =>
    Effect.gen(function* () {
      const memory = MemoryStore.make({ write: "overwrite", quota: { file: 1_000 } })
      const slow: Store.Store = {
        ...memory,
        write: (request) => Effect.map(memory.write(request), (file) => ({ ...file, write: () => Effect.never }))
      }
      const { endpoint } = yield* TftpHosts.serve({ store: slow })
      const talk = yield* TftpTranscript.open({ endpoint, content: files.g })
      yield* talk.play("a> WRQ h octet", "a< ACK 0", "a> DATA 1 512", "a< ACK 1", "a> DATA 2 512", "a< ERROR 3")
      yield* talk.play("b> WRQ h octet windowsize=4", "b< OACK windowsize=4")
      yield* talk.play("b> DATA 1 512", "b> DATA 2 512", "b< ERROR 3")
      yield* talk.play("c> WRQ h octet tsize=1001", "c< ERROR 3")
    })
  )

  TftpHosts.both("ends the dally of an upload when no descriptor is left for another", () =>
    Effect.gen(function* () {
      const memory = MemoryStore.make({ write: "overwrite" })
      const exhausted = new FileStoreError.WriteFailed({ cause: Object.assign(new Error("none"), { code: "EMFILE" }) })
      let open = 0
      const descriptor = Effect.acquireRelease(
        Effect.suspend(() => (open < 2 ? Effect.sync(() => open++) : Effect.fail(file(exhausted)))),
        () => Effect.sync(() => open--)
      )
      const store: Store.Store = { ...memory, write: (request) => Effect.andThen(descriptor, memory.write(request)) }
      const { endpoint, server } = yield* TftpHosts.serve({ store, timeout })
      const talk = yield* TftpTranscript.open({ endpoint })
      for (const name of ["a", "b", "c", "d"]) {
        yield* talk.play(`${name}> WRQ ${name} octet`, `${name}< ACK 0`, `${name}> DATA 1 5`, `${name}< ACK 1`)
      }
      yield* talk.play("e> WRQ e octet", "e< ACK 0", "f> WRQ f octet", "f< ACK 0", "g> WRQ g octet", "g< ERROR 0")
      assert.deepInclude(yield* server.stats, { active: 2, failed: 0, finished: 4, refused: 1 })
    })
  )

  TftpHosts.both("refuses requests above maxTransfersPerClient", () =>
    Effect.gen(function* () {
      const { endpoint } = yield* TftpHosts.serve({ files, maxTransfersPerClient: 1, timeout })
      const talk = yield* TftpTranscript.open({ endpoint, content: files.f })
      yield* talk.play("a> RRQ f octet", "a< DATA 1 512", "a> ACK 1", "a< DATA 2 488", "b> RRQ f octet", "b< ERROR 0")
      yield* talk.play("a> ACK 2", "a-", "b> RRQ f octet", "b< DATA 1 512")
    })
  )

  TftpHosts.both("accepts a request in place of another from the same port at maxTransfersPerClient", () =>
    Effect.gen(function* () {
      const { endpoint } = yield* TftpHosts.serve({ files, maxTransfersPerClient: 1, timeout })
      const talk = yield* TftpTranscript.open({ endpoint, content: files.f })
      yield* talk.play("a> WRQ h octet tsize=5", "a< OACK tsize=5", "a> RRQ f octet", "a< DATA 1 512")
    })
  )

  TftpHosts.simulated("uses ports of the range, and refuses an upload if none is free", () =>
    Effect.gen(function* () {
      const { endpoint } = yield* TftpHosts.serve({ files, ports: [5_000, 5_001] })
      const talk = yield* TftpTranscript.open({ endpoint, content: files.f })
      const ports: Array<number> = []
      for (const name of ["a", "b"]) {
        yield* talk.play(`${name}> WRQ ${name} octet`)
        ports.push((yield* talk.receive(name)).from.port)
      }
      assert.deepStrictEqual(ports.sort(), [5_000, 5_001])
      yield* talk.play("c> WRQ c octet", "c< ERROR 0", "a> ERROR 0 bye", "a-", "c> WRQ c octet", "c< ACK 0")
    })
  )

  TftpHosts.simulated("shares a port between downloads", () =>
    Effect.gen(function* () {
      const { endpoint } = yield* TftpHosts.serve({ files, ports: [5_000, 5_000] })
      const talk = yield* TftpTranscript.open({ endpoint, content: files.f })
      yield* talk.play(
        "a> RRQ f octet",
        "a< DATA 1 512",
        "b> RRQ f octet",
        "b< DATA 1 512",
        "a> ACK 1",
        "a< DATA 2 488"
      )
    })
  )

  for (const [mtu, blksize] of [
    [1_500, 1_468],
    [576, 544]
  ] as const) {
    TftpHosts.both(`grants a block that fits into an MTU of ${mtu} bytes`, () =>
      Effect.gen(function* () {
        const { endpoint } = yield* TftpHosts.serve({ files, mtu })
        yield* (yield* TftpTranscript.open({ endpoint })).play(
          "a> RRQ f octet blksize=65464",
          `a< OACK blksize=${blksize}`
        )
      })
    )
  }

  TftpHosts.both("reduces blksize and windowsize to its limits", () =>
    Effect.gen(function* () {
      const { endpoint } = yield* TftpHosts.serve({ files, blksize: 1_024, windowsize: 2 })
      const talk = yield* TftpTranscript.open({ endpoint })
      yield* talk.play("a> RRQ f octet blksize=8000 windowsize=9", "a< OACK blksize=1024 windowsize=2")
    })
  )
})

describe("TftpServer, networks", () => {
  const networks = (text: string) => ServerConfig.parseNetworks(text)!
  const served = Effect.fnUntraced(function* (options: TftpServer.Limits) {
    const { endpoint } = yield* TftpHosts.serve({ files, ...options })
    return yield* TftpHosts.outcome(TftpHosts.get(endpoint, "f"))
  })

  TftpHosts.both("serves clients of allow, except those of deny", () =>
    Effect.gen(function* () {
      const own = (yield* Hosts).client.address
      assert.strictEqual(yield* served({ allow: networks(own) }), "done")
      assert.strictEqual(yield* served({ allow: networks("192.0.2.0/24") }), "Refused 2")
      assert.strictEqual(yield* served({ deny: networks(own) }), "Refused 2")
      assert.strictEqual(yield* served({ allow: networks("0.0.0.0/0"), deny: networks(own) }), "Refused 2")
      assert.strictEqual(yield* served({ deny: networks("192.0.2.0/24") }), "done")
    })
  )

  TftpHosts.both("gives no reply but the refusal of a request to clients of deny", () =>
    Effect.gen(function* () {
      const { endpoint, server } = yield* TftpHosts.serve({ files, deny: networks("0.0.0.0/0") })
      const talk = yield* TftpTranscript.open({ endpoint })
      yield* talk.play("a>> DATA 1 5", 'a>> "\\u0000\\u0001f"', "a-", "a> RRQ f octet", "a< ERROR 2")
      const { malformed, refused } = yield* server.stats
      assert.deepStrictEqual({ malformed, refused }, { malformed: 2, refused: 1 })
    })
  )
})

describe("TftpServer.reconfigure", () => {
  TftpHosts.both("applies new limits to the next requests, and leaves running transfers alone", () =>
    Effect.gen(function* () {
      const { endpoint, server } = yield* TftpHosts.serve({ files, blksize: 600, timeout })
      const talk = yield* TftpTranscript.open({ endpoint })
      yield* talk.play("a> RRQ f octet blksize=1000", "a< OACK blksize=600")
      const own = (yield* Hosts).client.address
      yield* server.reconfigure({ deny: ServerConfig.parseNetworks(own), maxTransfers: 1 })
      yield* talk.play("a> ACK 0", "a< DATA 1 600", "b> RRQ f octet", "b< ERROR 2", "a> ACK 1", "a< DATA 2 400")
      yield* server.reconfigure({ maxTransfers: 1 })
      yield* talk.play("b> RRQ f octet", "b< ERROR 0", "a> ACK 2", "a-")
      yield* server.reconfigure({ refuse: ["BLKSIZE"] })
      yield* talk.play("b> RRQ f octet blksize=1000 tsize=0", "b< OACK tsize=1000")
    })
  )
})

describe("TftpServer, timers of its limits", () => {
  TftpHosts.simulated("follow timeout and retries, unless the client asks for a timeout", () =>
    Effect.gen(function* () {
      const { endpoint } = yield* TftpHosts.serve({ files, timeout: "300 millis", retries: 2 })
      const talk = yield* TftpTranscript.open({ endpoint, content: files.f })
      const gaps = Effect.fnUntraced(function* (request: string, reply: string) {
        yield* talk.play(request, reply)
        const times: Array<number> = []
        for (let count = 0; count < 2; count++) {
          const before = yield* Clock.currentTimeMillis
          yield* talk.play(reply)
          times.push((yield* Clock.currentTimeMillis) - before)
        }
        yield* Effect.sleep("3 seconds")
        yield* talk.play(`${request[0]}-`)
        return times.map((millis) => Math.round(millis / 100) * 100)
      })
      assert.deepStrictEqual(yield* gaps("a> RRQ f octet", "a< DATA 1 512"), [300, 300])
      assert.deepStrictEqual(yield* gaps("b> RRQ f octet timeout=1", "b< OACK timeout=1"), [1_000, 1_000])
    })
  )
})

describe("TftpServer, failing files", () => {
  const failing = (readable: Store.Readable["body"], size?: number): Store.Store => ({
    read: () => Effect.succeed({ size, body: readable }),
    write: () => Effect.succeed({ write: () => Effect.fail(file(new FileStoreError.DiskFull())), commit: Effect.void })
  })
  const broken = failing({
    _tag: "Stream",
    stream: Stream.concat(
      Stream.make(pseudoRandomBytes(600)),
      Stream.fail(file(new FileStoreError.ReadFailed({ cause: new Error("/secret/disk") })))
    )
  })

  TftpHosts.both("sends ERROR 3 when the disk is full", () =>
    Effect.gen(function* () {
      const { endpoint } = yield* TftpHosts.serve({ store: broken })
      const talk = yield* TftpTranscript.open({ endpoint, content: pseudoRandomBytes(2_000) })
      yield* talk.play("a> WRQ f octet", "a< ACK 0", "a> DATA 1 5")
      const received = yield* talk.receive("a")
      assert.strictEqual(TftpTranscript.textOf(received.bytes), "ERROR 3")
      assert.notInclude(messageOf(received), "secret")
    })
  )

  TftpHosts.both("sends ERROR 0 when a read fails during the transfer", () =>
    Effect.gen(function* () {
      const { endpoint, server } = yield* TftpHosts.serve({ store: broken })
      const talk = yield* TftpTranscript.open({ endpoint })
      yield* talk.play("a> RRQ f octet blksize=8", "a< OACK blksize=8", "a> ACK 0")
      let received = yield* talk.receive("a")
      for (; TftpTranscript.textOf(received.bytes).startsWith("DATA"); received = yield* talk.receive("a")) {
        yield* talk.play(`a> ACK ${TftpTranscript.textOf(received.bytes).split(" ")[1]}`)
      }
      assert.strictEqual(TftpTranscript.textOf(received.bytes), "ERROR 0")
      assert.notInclude(messageOf(received), "secret")
      assert.strictEqual((yield* server.stats).failed, 1)
    })
  )

  TftpHosts.both("sends a file of more than 4 GiB", () =>
    Effect.gen(function* () {
      const readAt = (_: number, into: Uint8Array) => Effect.succeed(into.length)
      const { endpoint } = yield* TftpHosts.serve({ store: failing({ _tag: "Random", readAt }, 5 * 2 ** 30) })
      const talk = yield* TftpTranscript.open({ endpoint })
      yield* talk.play("a> RRQ f octet tsize=0", "a< OACK tsize=5368709120", "a> ACK 0", "a< DATA 1 512")
    })
  )
})

describe("TftpServer, single port", () => {
  TftpHosts.both(
    "runs transfers, rejects unknown peers, ignores an ACK after the end and accepts the next request",
    () =>
      Effect.gen(function* () {
        const { endpoint, server } = yield* TftpHosts.serve({ files, singlePort: true })
        const talk = yield* TftpTranscript.open({ endpoint, content: files.f })
        yield* talk.play("a> RRQ f octet")
        const first = yield* talk.receive("a")
        assert.strictEqual(first.from.port, endpoint.port)
        yield* talk.play("b> RRQ f octet", "b< DATA 1 512", "c>> ACK 1", "c-", "c>> DATA 1 3", "c< ERROR 5")
        yield* talk.play(
          "a> ACK 1",
          "a< DATA 2 488",
          "a> ACK 2",
          "a> ACK 2",
          "a-",
          "b> ACK 1",
          "b< DATA 2 488",
          "b> ACK 2"
        )
        yield* talk.play(
          "a> RRQ none octet",
          "a< ERROR 1",
          "a> ACK 1",
          "a> ACK 0",
          "a-",
          "a> RRQ f octet",
          "a< DATA 1 512"
        )
        yield* talk.play("a> ACK 1", "a< DATA 2 488", "a> ACK 2", "a-")
        assert.strictEqual((yield* server.stats).finished, 3)
      })
  )
})

describe("TftpServer, a second request of a client", () => {
  for (const singlePort of [false, true]) {
    TftpHosts.both(`stops the first transfer without an ERROR${singlePort ? " on a single port" : ""}`, () =>
      Effect.gen(function* () {
        const { endpoint, server } = yield* TftpHosts.serve({ files, singlePort })
        const talk = yield* TftpTranscript.open({ endpoint })
        yield* talk.play("a> RRQ f octet", "a< DATA 1 512", "a> RRQ g octet blksize=600", "a< OACK blksize=600", "a-")
        // The same file with other options: not a duplicate of the previous request.
        yield* talk.play("a> RRQ g octet blksize=8", "a< OACK blksize=8", "a> ACK 0", "a< DATA 1 8")
        assert.strictEqual((yield* server.stats).active, 1)
      })
    )
  }
})

describe("TftpServer, a second request of a client to write", () => {
  for (const singlePort of [false, true]) {
    TftpHosts.both(`waits until the first one has released the file${singlePort ? " on a single port" : ""}`, () =>
      Effect.gen(function* () {
        const memory = MemoryStore.make({ write: "overwrite" })
        // A temporary file is removed before its name is free.
        const store: Store.Store = {
          ...memory,
          write: (request) =>
            Effect.tap(memory.write(request), () => Effect.addFinalizer(() => Effect.sleep("10 millis")))
        }
        const { endpoint, server } = yield* TftpHosts.serve({ store, singlePort, timeout })
        const talk = yield* TftpTranscript.open({ endpoint })
        yield* talk.play("a> WRQ h octet", "a< ACK 0", "a> WRQ h octet blksize=600", "a< OACK blksize=600")
        yield* talk.play("a> WRQ h octet blksize=8", "a< OACK blksize=8", "a> DATA 1 5", "a< ACK 1")
        assert.deepInclude(yield* server.stats, { failed: 2, finished: 1, refused: 0, started: 3 })
      })
    )
  }
})

describe("TftpServer, a repeated request after the end", () => {
  for (const singlePort of [false, true]) {
    TftpHosts.both(`starts another transfer${singlePort ? " on a single port" : ""}`, () =>
      Effect.gen(function* () {
        const { endpoint, server } = yield* TftpHosts.serve({ files, singlePort })
        const talk = yield* TftpTranscript.open({ endpoint })
        for (let times = 0; times < 3; times++) {
          yield* talk.play("a> WRQ h octet", "a< ACK 0", "a> DATA 1 5", "a< ACK 1")
          yield* talk.play("b> RRQ h octet", "b< DATA 1 5", "b> ACK 1", "b-")
        }
        assert.strictEqual((yield* server.stats).finished, 6)
      })
    )
  }
})
