import { assert, describe } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Stream from "effect/Stream"
import type * as TftpServer from "../../src/tftp/TftpServer.ts"
import * as Retransmission from "../../src/tftp/transfer/Retransmission.ts"
import { pseudoRandomBytes } from "../support/Hosts.ts"
import * as TftpHosts from "../support/tftp/TftpHosts.ts"
import * as TftpTranscript from "../support/tftp/TftpTranscript.ts"

const files = { f: pseudoRandomBytes(1_000), g: pseudoRandomBytes(100_000, 2) }

/** Collects the events of a server from now on. */
const watch = Effect.fnUntraced(function* (server: TftpServer.Server) {
  const seen: Array<TftpServer.Event> = []
  yield* Effect.forkScoped(
    Stream.runForEach(server.events, (event) => Effect.sync(() => seen.push(event))),
    { startImmediately: true }
  )
  return seen
})

const tagsOf = (events: ReadonlyArray<TftpServer.Event>) => events.map(({ _tag }) => _tag)

describe("TftpServer, stats and events", () => {
  TftpHosts.both("counts a size probe as probed, not as failed", () =>
    Effect.gen(function* () {
      const { endpoint, server } = yield* TftpHosts.serve({ files })
      const seen = yield* watch(server)
      const talk = yield* TftpTranscript.open({ endpoint, content: files.f })
      yield* talk.play("a> RRQ f octet tsize=0 blksize=800", "a< OACK tsize=1000 blksize=800", "a> ERROR 8 seen", "a-")
      yield* talk.play("b> RRQ f octet blksize=800", "b< OACK blksize=800", "b> ACK 0", "b< DATA 1 800", "b> ACK 1")
      yield* talk.play("b< DATA 2 200", "b> ACK 2", "b-")
      const { active, failed, finished, probed, started } = yield* server.stats
      assert.deepStrictEqual(
        { active, failed, finished, probed, started },
        { active: 0, failed: 0, finished: 1, probed: 1, started: 2 }
      )
      assert.deepStrictEqual(tagsOf(seen), ["Started", "Probed", "Started", "Finished"])
    })
  )

  TftpHosts.both("counts a transfer that another request supersedes as failed, not as a size probe", () =>
    Effect.gen(function* () {
      const { endpoint, server } = yield* TftpHosts.serve({ files })
      const seen = yield* watch(server)
      const talk = yield* TftpTranscript.open({ endpoint, content: files.f })
      yield* talk.play("a> WRQ h octet tsize=5", "a< OACK tsize=5", "a> RRQ f octet", "a< DATA 1 512", "a> ACK 1")
      yield* talk.play("a< DATA 2 488", "a> ACK 2", "a-")
      const { active, failed, finished, probed, started } = yield* server.stats
      assert.deepStrictEqual(
        { active, failed, finished, probed, started },
        { active: 0, failed: 1, finished: 1, probed: 0, started: 2 }
      )
      const reasons = seen.flatMap((event) => (event._tag === "Failed" ? [event.error.reason._tag] : []))
      assert.deepStrictEqual(reasons, ["Superseded"])
    })
  )

  TftpHosts.both("counts transfers, publishes events and updates metrics", () =>
    Effect.gen(function* () {
      const { endpoint, server } = yield* TftpHosts.serve({ files })
      const seen = yield* watch(server)
      const talk = yield* TftpTranscript.open({ endpoint, content: files.f })
      yield* talk.play("a> RRQ f octet", "a> RRQ f octet", "a< DATA 1 512", "b> RRQ x octet", "b< ERROR 1")
      yield* talk.play(
        'c>> "\\u0000\\u0009"',
        "c- ",
        "a> ERROR 3 full",
        "a-",
        "d> WRQ h octet",
        "d< ACK 0",
        "d> DATA 1 5",
        "d< ACK 1"
      )
      yield* talk.play("a-")
      const stats = yield* server.stats
      const { bytesReceived, bytesSent, duplicates, failed, finished, malformed, refused, started } = stats
      assert.deepStrictEqual(
        { bytesReceived, bytesSent, duplicates, failed, finished, malformed, refused, started },
        { bytesReceived: 5, bytesSent: 0, duplicates: 1, failed: 1, finished: 1, malformed: 1, refused: 1, started: 3 }
      )
      // The progress of a transfer that takes a second is published, too, on a busy host.
      const tags = tagsOf(seen).filter((tag) => tag !== "Progress")
      assert.deepStrictEqual(tags, ["Started", "Duplicate", "Started", "Refused", "Failed", "Started", "Finished"])
      const last = seen.at(-1)!
      assert.isTrue(last._tag === "Finished" && last.summary.bytes === 5 && last.transfer.kind === "WRQ")
      const metrics = yield* Metric.snapshot
      const totals = metrics.filter(({ id }) => id === "effect_inet_tftp_transfers_total")
      const results = totals.map(({ attributes }) => `${attributes?.direction} ${attributes?.result}`)
      assert.includeMembers(results, ["out refused_by_client", "out refused", "in finished"])
    })
  )

  for (const singlePort of [false, true]) {
    TftpHosts.simulated(
      `ignores packets of transfers that have ended${singlePort ? ", also blocks on a single port" : ""}`,
      () =>
        Effect.gen(function* () {
          const { endpoint, server } = yield* TftpHosts.serve({ files, singlePort })
          const talk = yield* TftpTranscript.open({ endpoint, content: files.f })
          // tftp-hpa acknowledges the ERROR.
          yield* talk.play("a> RRQ none octet", "a< ERROR 1", "a> ACK 0", "a>> ERROR 0 late", "a-")
          yield* talk.play("b> WRQ h octet", "b< ACK 0", "b> DATA 1 5", "b< ACK 1", "b> ACK 1", "b> ERROR 0 late", "b-")
          yield* Effect.sleep("1 minute")
          yield* singlePort ? talk.play("b> DATA 1 5", "b< ERROR 5", "b-") : talk.play("b> DATA 1 5", "b-")
          assert.deepInclude(yield* server.stats, { failed: 0, finished: 1, malformed: 0, refused: 1 })
          yield* talk.play('c>> "\\u0000\\u0004"', "c>> OACK", "c-")
          assert.strictEqual((yield* server.stats).malformed, 2)
        })
    )
  }

  TftpHosts.simulated("reports a missing last ACK of a download", () =>
    Effect.gen(function* () {
      const { endpoint, server } = yield* TftpHosts.serve({ files })
      const seen = yield* watch(server)
      const talk = yield* TftpTranscript.open({ endpoint, content: files.f })
      yield* talk.play("a> RRQ f octet", "a< DATA 1 512", "a> ACK 1", "a< DATA 2 488")
      yield* Effect.sleep("2 minutes")
      const last = seen.at(-1)!
      assert.isTrue(last._tag === "Failed" && last.error.reason._tag === "Timeout" && last.error.reason.lastAckMissing)
    })
  )
})

describe("TftpServer, timers", () => {
  const expectGaps = (options: TftpHosts.Options, request: string, expected: ReadonlyArray<number>, tolerance = 10) =>
    Effect.gen(function* () {
      const { endpoint } = yield* TftpHosts.serve({ files, ...options })
      const talk = yield* TftpTranscript.open({ endpoint })
      yield* talk.play(request)
      const times: Array<number> = []
      const listen = Effect.forever(
        Effect.gen(function* () {
          yield* talk.receive("a")
          times.push(yield* Clock.currentTimeMillis)
        })
      )
      yield* Effect.timeoutOption(listen, "1 hour").pipe(Effect.exit)
      const gaps = times.slice(1).map((time, at) => time - times[at]!)
      assert.strictEqual(gaps.length, expected.length, `gaps of ${gaps.join(", ")}`)
      gaps.forEach((gap, at) => assert.approximately(gap, expected[at]!, tolerance))
    })

  TftpHosts.simulated("sends three packets to an address that does not reply to a download", () =>
    expectGaps({}, "a> RRQ f octet", [1_000, 2_000])
  )
  TftpHosts.simulated("sends three packets to an address that does not reply to an upload", () =>
    expectGaps({}, "a> WRQ h octet", [2_000, 4_000])
  )
  TftpHosts.simulated("sends no window before the OACK is acknowledged", () =>
    expectGaps({}, "a> RRQ g octet windowsize=64 blksize=1024", [1_000, 2_000])
  )
  TftpHosts.simulated("sends as many packets as maxUnvalidatedPackets", () =>
    expectGaps({ maxUnvalidatedPackets: 1 }, "a> RRQ f octet", [])
  )
  TftpHosts.simulated("uses the timeout of the client", () =>
    expectGaps({ maxUnvalidatedPackets: 5 }, "a> RRQ f octet timeout=3", [3_000, 3_000, 3_000, 3_000])
  )
  TftpHosts.simulated("uses the utimeout of the client", () =>
    expectGaps({}, "a> RRQ f octet utimeout=250000", [250, 250])
  )
  TftpHosts.simulated("waits twice the timeout of the client during an upload", () =>
    expectGaps({}, "a> WRQ h octet utimeout=250000", [500, 500])
  )
  TftpHosts.simulated("uses the retransmission schedule of its options", () =>
    expectGaps(
      { maxUnvalidatedPackets: 9, retransmission: Retransmission.fixed({ every: "2 seconds", attempts: 3 }) },
      "a> RRQ f octet",
      [2_000, 2_000]
    )
  )

  TftpHosts.simulated("resends a window after one duplicate ACK, before a timeout", () =>
    Effect.gen(function* () {
      const { endpoint } = yield* TftpHosts.serve({ files })
      const talk = yield* TftpTranscript.open({ endpoint, content: files.g })
      yield* talk.play("a> RRQ g octet windowsize=4", "a< OACK windowsize=4", "a> ACK 0")
      yield* talk.play("a< DATA 1 512", "a< DATA 2 512", "a< DATA 3 512", "a< DATA 4 512")
      const before = yield* Clock.currentTimeMillis
      yield* talk.play("a> ACK 0", "a> ACK 0", "a< DATA 1 512", "a< DATA 2 512", "a< DATA 3 512", "a< DATA 4 512")
      assert.isBelow((yield* Clock.currentTimeMillis) - before, 5)
      yield* talk.play("a-", "a> ACK 4", "a< DATA 5 512")
    })
  )

  for (const millis of [1_000, 5_000]) {
    TftpHosts.simulated(`acknowledges the last block again that is resent after ${millis} ms`, () =>
      Effect.gen(function* () {
        const { endpoint, files } = yield* TftpHosts.serve()
        const talk = yield* TftpTranscript.open({ endpoint, content: pseudoRandomBytes(512) })
        yield* talk.play("a> WRQ h octet", "a< ACK 0", "a> DATA 1 500", "a< ACK 1")
        assert.strictEqual(files.get("h")?.length, 500)
        yield* Effect.sleep(millis)
        yield* talk.play("a> DATA 1 500", "a< ACK 1")
      })
    )
  }

  TftpHosts.simulated("sends ERROR when a transfer exceeds its deadline", () =>
    Effect.gen(function* () {
      const { endpoint, server } = yield* TftpHosts.serve({ files, deadline: "3 seconds" })
      const talk = yield* TftpTranscript.open({ endpoint, content: files.g })
      yield* talk.play("a> RRQ g octet timeout=60", "a< OACK timeout=60", "a> ACK 0", "a< DATA 1 512", "a< ERROR 0")
      assert.strictEqual((yield* server.stats).failed, 1)
      assert.approximately(yield* Clock.currentTimeMillis, 3_000, 10)
    })
  )
})
