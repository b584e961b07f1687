import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type * as Endpoint from "../../src/network/Endpoint.ts"
import type * as Network from "../../src/network/Network.ts"
import * as Packet from "../../src/tftp/protocol/Packet.ts"
import * as TftpClient from "../../src/tftp/TftpClient.ts"
import * as Retransmission from "../../src/tftp/transfer/Retransmission.ts"
import * as TftpAnswers from "../suites/tftp/TftpAnswers.ts"
import { Hosts, pseudoRandomBytes } from "../support/Hosts.ts"
import * as TftpHosts from "../support/tftp/TftpHosts.ts"
import * as TftpTranscript from "../support/tftp/TftpTranscript.ts"

const content = pseudoRandomBytes(1_000, 3)

/** Plays a conversation with a client that reads; asserts the outcome, and that it has the whole file or none. */
const reads = ({ ends, lines, options }: TftpAnswers.Case) =>
  Effect.gen(function* () {
    const talk = yield* TftpTranscript.open({ at: "server", content })
    const { peer } = yield* talk.peer("s")
    const into = new Map<string, Uint8Array>()
    const client = yield* Effect.forkChild(TftpHosts.outcome(TftpHosts.get(peer, "f", options, into)))
    yield* talk.play(...lines)
    assert.strictEqual(yield* Fiber.join(client), ends)
    assert.deepStrictEqual(into.get("f"), ends === "done" ? content : undefined)
  })

/** Plays a conversation with a client that writes; asserts the outcome. */
const writes = ({ ends, lines, options }: TftpAnswers.Case) =>
  Effect.gen(function* () {
    const talk = yield* TftpTranscript.open({ at: "server", content })
    const { peer } = yield* talk.peer("s")
    const client = yield* Effect.forkChild(TftpHosts.outcome(TftpHosts.put(peer, "f", content, options)))
    yield* talk.play(...lines)
    assert.strictEqual(yield* Fiber.join(client), ends)
  })

/** Returns the case for a busy host: no packet is repeated before its reply arrives, unless the case has delays. */
const unhurried = (one: TftpAnswers.Case): TftpAnswers.Case => {
  const { options = {} } = one
  if ("timeout" in options || "retransmission" in options || "patience" in options) return one
  return { ...one, options: { retransmission: TftpHosts.unhurried, patience: "25 seconds", ...options } }
}

/** Defines the tests of cases, on a simulated network and on the loopback network. */
const playAll = (cases: ReadonlyArray<TftpAnswers.Case>, play: typeof reads) => {
  for (const one of cases) {
    TftpHosts.simulated(`${one.title} (simulated)`, () => play(one))
    TftpHosts.real(`${one.title} (loopback)`, () => play(unhurried(one)))
  }
}

describe("TftpClient, reading", () => {
  playAll(TftpAnswers.reading, reads)

  TftpHosts.real("ignores a reply from another address", () =>
    Effect.gen(function* () {
      const talk = yield* TftpTranscript.open({ at: "server", content })
      const { peer } = yield* talk.peer("s")
      yield* talk.peer("t", { host: "127.0.0.2" })
      const client = yield* Effect.forkChild(TftpHosts.get(peer, "f"))
      yield* talk.play("s< RRQ f octet tsize=0 blksize=1428 windowsize=64", "t> DATA 1 100", "t< ERROR 5")
      yield* talk.play("s> DATA 1 512", "s< ACK 1", "s> DATA 2 488", "s< ACK 2")
      assert.deepStrictEqual(yield* Fiber.join(client), content)
    })
  )

  TftpHosts.real("uses the first address of a name that replies, and sends ERROR 5 to the other", () =>
    Effect.gen(function* () {
      const talk = yield* TftpTranscript.open({ at: "server", content })
      const { port } = (yield* talk.peer("s", { host: "127.0.0.2" })).peer
      yield* talk.peer("t", { host: "127.0.0.3", port })
      const into = TftpClient.get({ host: "two", port, path: "f" }).pipe(Stream.runCollect)
      const client = yield* Effect.forkChild(TftpHosts.client(into, { two: ["127.0.0.2", "127.0.0.3"] }))
      const request = "RRQ f octet tsize=0 blksize=1428 windowsize=64"
      yield* talk.play(`s< ${request}`, `t< ${request}`, "t> DATA 1 512", "t< ACK 1", "s> DATA 1 512", "s< ERROR 5")
      yield* talk.play("t> DATA 2 488", "t< ACK 2")
      assert.deepStrictEqual(Buffer.concat(yield* Fiber.join(client)), Buffer.from(content))
    })
  )

  TftpHosts.both("fails for a name without an address", () =>
    Effect.gen(function* () {
      const unknownHost = TftpClient.get({ host: "unknown.example", path: "f" }).pipe(Stream.runDrain)
      assert.strictEqual(yield* TftpHosts.outcome(TftpHosts.client(unknownHost)), "Unresolved")
    })
  )
})

describe("TftpClient without a reply", () => {
  const silences: ReadonlyArray<readonly [options: TftpClient.Options, seconds: number, requests: number]> = [
    [{}, 25, 7],
    [{ timeout: "1 second" }, 25, 25],
    [{ timeout: "20 seconds" }, 60, 3],
    [{ patience: "4 seconds" }, 4, 3],
    [{ timeout: "1 second", attempts: 60 }, 60, 60],
    [{ attempts: 3 }, 7, 3],
    [{ attempts: 3, patience: "2 seconds" }, 2, 2]
  ]
  it.effect.each(silences)("gives up with %j after %d s and %d requests", ([options, seconds, requests]) =>
    TftpHosts.simulate(() =>
      Effect.gen(function* () {
        const { address, network } = (yield* Hosts).server
        let received = 0
        const { local } = yield* network.udp({ host: address }, () => {
          received++
        })
        const startedAt = yield* Clock.currentTimeMillis
        const outcome = yield* TftpHosts.outcome(TftpHosts.get({ address, port: local.port }, "f", options))
        assert.strictEqual(outcome, "Timeout")
        assert.strictEqual(((yield* Clock.currentTimeMillis) - startedAt) / 1_000, seconds)
        assert.strictEqual(received, requests)
      })
    )
  )

  TftpHosts.both(
    "takes a late reply to its first requests for what it is, and not for one to that without options",
    () =>
      Effect.gen(function* () {
        const { address, network } = (yield* Hosts).server
        const requests: Array<Endpoint.Endpoint> = []
        const replies: Array<string> = []
        const send = (packet: Packet.Packet, to: Endpoint.Endpoint) => socket.sendUnsafe(Packet.encode(packet), to)
        // One port for all, as servers have it that run their transfers on the port of the request.
        const socket: Network.UdpSocket = yield* network.udp({ host: address }, (bytes, from) => {
          replies.push(TftpTranscript.textOf(bytes).replace(/^RRQ.*/, "RRQ"))
          if (Packet.opcode(bytes) === Packet.Opcode.RRQ) requests.push(from)
          const [first, , plain] = requests
          if (first === undefined || plain === undefined) return
          if (Packet.opcode(bytes) === Packet.Opcode.RRQ) {
            send({ _tag: "OACK", options: [["blksize", "900"]] }, first)
            return send({ _tag: "DATA", block: 1, bytes: content.subarray(0, 512) }, plain)
          }
          if (Packet.opcode(bytes) !== Packet.Opcode.ACK) return
          const block = Packet.wireBlock(bytes) + 1
          send({ _tag: "DATA", block, bytes: content.subarray((block - 1) * 900, block * 900) }, from)
        })
        const retransmission = Retransmission.fixed({ every: "50 millis", attempts: 3 })
        const into = new Map<string, Uint8Array>()
        yield* TftpHosts.get({ address, port: socket.local.port }, "f", { retransmission }, into)
        assert.deepStrictEqual(into.get("f"), content)
        assert.deepStrictEqual(requests[0], requests[1])
        assert.notDeepEqual(requests[0], requests[2])
        assert.include(replies, "ERROR 5")
      })
  )

  const closed = Effect.map(Hosts, ({ server }) => ({ address: server.address, port: 9 }))

  TftpHosts.both("fails at once if the host reports that nothing listens on the port", () =>
    Effect.gen(function* () {
      const endpoint = yield* closed
      const outcome = yield* TftpHosts.outcome(TftpHosts.get(endpoint, "f", { patience: "1 day" }))
      assert.strictEqual(outcome, "Socket")
    })
  )

  TftpHosts.both("goes on after such a report if the server is about to start", () =>
    Effect.gen(function* () {
      const endpoint = yield* closed
      const retransmission = Retransmission.fixed({ every: "10 millis", attempts: 4 })
      const outcome = yield* TftpHosts.outcome(TftpHosts.get(endpoint, "f", { ignoreRefusal: true, retransmission }))
      assert.strictEqual(outcome, "Timeout")
    })
  )
})

describe("TftpClient, writing", () => {
  playAll(TftpAnswers.writing, writes)
})

describe("TftpClient and TftpServer", () => {
  const text = new TextEncoder().encode("one\r\ntwo\rthree\n\n\r".repeat(500))
  const options = [
    {},
    { plain: true },
    { blksize: 8, windowsize: 1 },
    { blksize: 9, windowsize: 64 },
    { blksize: 65_464, windowsize: 3 },
    { timeout: "2 seconds" }
  ] as const
  for (const one of options) {
    for (const mode of ["octet", "netascii"] as const) {
      const title = `write and read the same file in ${mode} with ${JSON.stringify(one)}`
      const writeAndRead = Effect.gen(function* () {
        const { endpoint, files } = yield* TftpHosts.serve()
        const summary = yield* TftpHosts.put(endpoint, "f", text, { ...one, mode })
        assert.deepStrictEqual(files.get("f"), text)
        assert.deepStrictEqual(yield* TftpHosts.get(endpoint, "f", { ...one, mode }), text)
        return summary
      })
      TftpHosts.simulated(`${title} (simulated)`, () =>
        Effect.map(writeAndRead, ({ resent }) => assert.strictEqual(resent, 0))
      )
      // A busy host may repeat packets.
      TftpHosts.real(`${title} (loopback)`, () => Effect.asVoid(writeAndRead))
    }
  }

  TftpHosts.both("stop a transfer whose stream is closed early", () =>
    Effect.gen(function* () {
      const { endpoint, server } = yield* TftpHosts.serve({ files: { f: pseudoRandomBytes(4_000_000) } })
      const target = { host: endpoint.address, port: endpoint.port, path: "f" }
      const first = TftpClient.get(target).pipe(Stream.take(1), Stream.runCollect)
      assert.strictEqual((yield* TftpHosts.client(first)).length, 1)
      yield* TftpTranscript.open({ endpoint }).pipe(Effect.flatMap((talk) => talk.play("a-", "a-")))
      const { active, failed } = yield* server.stats
      assert.deepStrictEqual({ active, failed }, { active: 0, failed: 1 })
    })
  )

  TftpHosts.both("report progress up to the whole file", () =>
    Effect.gen(function* () {
      const { endpoint } = yield* TftpHosts.serve({ files: { f: pseudoRandomBytes(300_000) } })
      const progress = yield* Queue.sliding<TftpClient.Progress>(1)
      yield* TftpHosts.get(endpoint, "f", { progress })
      const { blksize, bytes, total, windowsize } = yield* Queue.take(progress)
      const expected = { blksize: 1_428, bytes: 300_000, total: 300_000, windowsize: 64 }
      assert.deepStrictEqual({ blksize, bytes, total, windowsize }, expected)
    })
  )

  TftpHosts.simulated("fail when a transfer exceeds its deadline", () =>
    Effect.gen(function* () {
      const talk = yield* TftpTranscript.open({ at: "server", content })
      const { peer } = yield* talk.peer("s")
      assert.strictEqual(
        yield* TftpHosts.outcome(TftpHosts.get(peer, "f", { deadline: "1 second" })),
        "DeadlineExceeded"
      )
    })
  )
})
