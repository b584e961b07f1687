import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import type * as TftpServer from "../../../src/tftp/TftpServer.ts"
import * as PageState from "../../../src/web/PageState.ts"
import * as TransferSource from "../../../src/web/sources/TransferSource.ts"
import { pseudoRandomBytes } from "../../support/Hosts.ts"
import * as TftpHosts from "../../support/tftp/TftpHosts.ts"
import * as TftpTranscript from "../../support/tftp/TftpTranscript.ts"

type Status = TftpServer.TransferStatus

const client = { address: "fd00::2", port: 4_000 }

const status = (id: number, bytes: number, changes: Partial<Status> = {}): Status => ({
  transfer: { id, kind: "RRQ", filename: "f", mode: "octet", client },
  ...{ state: "running", startedAtMillis: 0, endedAtMillis: undefined, totalBytes: 4_000, reason: undefined },
  summary: { bytes, resent: 2, malformed: 0, rtt: undefined, blksize: 1_428, windowsize: 8 },
  ...changes
})

const noStats: TftpServer.Stats = {
  ...{ active: 0, started: 0, finished: 0, probed: 0, failed: 0, gaveWay: 0, refused: 0 },
  ...{ duplicates: 0, malformed: 0, resent: 0, bytesReceived: 0, bytesSent: 0 }
}

/** Makes a source whose transfers and counters the test sets. */
const makeSource = Effect.gen(function* () {
  const shown = yield* Ref.make<ReadonlyArray<Status>>([])
  const counted = yield* Ref.make(noStats)
  const server = { transfers: Ref.get(shown), stats: Ref.get(counted) }
  const { transfers } = yield* TransferSource.make("boot", server)
  return {
    show: (...all: ReadonlyArray<Status>) => Ref.set(shown, all),
    count: (changes: Partial<TftpServer.Stats>) => Ref.set(counted, { ...noStats, ...changes }),
    stats: yield* TransferSource.makeStats(server),
    transfers
  }
})

const isTransfer = Schema.is(PageState.Transfer)

describe("TransferSource", () => {
  it.effect("has the rows of transfers that run and that have ended", () =>
    Effect.gen(function* () {
      const { show, transfers } = yield* makeSource
      yield* TestClock.adjust("2 seconds")
      const ended = { state: "failed", endedAtMillis: 500, totalBytes: undefined, reason: "no\nreply" } as const
      yield* show(status(1, 1_000), status(3, 0, { summary: undefined }), status(2, 250, ended))
      const { omitted, rows } = yield* transfers
      const common = { service: "boot", direction: "download", file: "f", client: "[fd00::2]:4000" } as const
      assert.strictEqual(omitted, 0)
      assert.deepStrictEqual(rows, [
        {
          ...{ ...common, id: 1, state: "running", bytes: 1_000, totalBytes: 4_000, bytesPerSecond: 500 },
          ...{ startedMillis: 0, resent: 2, blksize: 1_428, windowsize: 8 }
        },
        {
          ...{ ...common, id: 3, state: "running", bytes: 0, totalBytes: 4_000, bytesPerSecond: 0 },
          ...{ startedMillis: 0, resent: 0, blksize: 512, windowsize: 1 }
        },
        {
          ...{ ...common, id: 2, state: "failed", endedMillis: 500, bytes: 250, bytesPerSecond: 500 },
          ...{ startedMillis: 0, resent: 2, blksize: 1_428, windowsize: 8, reason: "no\\u000areply" }
        }
      ])
      assert.isTrue(rows.every((row) => isTransfer(row)))
    })
  )

  it.effect("has the rate of the last second of a transfer that runs", () =>
    Effect.gen(function* () {
      const { show, transfers } = yield* makeSource
      const rates: Array<number> = []
      for (const bytes of [0, 100, 200, 300, 400, 1_400, 1_400, 1_400, 1_400, 1_400]) {
        yield* show(status(1, bytes))
        rates.push((yield* transfers).rows[0]!.bytesPerSecond)
        yield* TestClock.adjust("250 millis")
      }
      assert.deepStrictEqual(rates, [0, 400, 400, 400, 400, 1_300, 1_200, 1_100, 1_000, 0])
    })
  )

  it.effect("leaves out requests without a byte before the transfers, and keeps those that have ended", () =>
    Effect.gen(function* () {
      const { show, transfers } = yield* makeSource
      const running = Array.from({ length: 1_000 }, (_, index) => status(index, index >= 900 ? 10 : 0))
      const ended = [1_000, 1_001].map((id) => status(id, 10, { state: "done", endedAtMillis: 9 }))
      yield* show(...running, ...ended)
      const { omitted, rows } = yield* transfers
      assert.strictEqual(rows.length + omitted, 1_002)
      assert.strictEqual(rows.filter(({ bytes, state }) => state === "running" && bytes > 0).length, 100)
      assert.deepStrictEqual(
        rows.slice(-2).map(({ id }) => id),
        [1_000, 1_001]
      )
      const ids = rows.map(({ id }) => id)
      assert.deepStrictEqual(
        ids,
        ids.toSorted((one, other) => one - other)
      )
    })
  )

  it.effect("escapes names that are not UTF-8, and markup stays text", () =>
    Effect.gen(function* () {
      const { show, transfers } = yield* makeSource
      const transfer = { ...status(1, 0).transfer, filename: "caf\udce9<b>\u001b[2J" }
      yield* show(status(1, 0, { transfer }))
      assert.match((yield* transfers).rows[0]!.file, /^caf.*<b>\\u001b\[2J$/)
      assert.notMatch((yield* transfers).rows[0]!.file, /[\ud800-\udfff]/)
    })
  )

  TftpHosts.both("follows a transfer of a server", () =>
    Effect.gen(function* () {
      const files = { f: pseudoRandomBytes(1_000) }
      const { endpoint, server } = yield* TftpHosts.serve({ files, timeout: "1 minute" })
      const { transfers } = yield* TransferSource.make("tftp", server)
      const talk = yield* TftpTranscript.open({ endpoint, content: files.f })
      yield* talk.play("a> RRQ f octet", "a< DATA 1 512", "a> ACK 1", "a< DATA 2 488")
      const first = yield* transfers
      const [running] = first.rows
      assert.deepInclude(first.totals, { running: 1, done: 0, notDone: 0 })
      assert.deepInclude(running, { id: 1, state: "running", bytes: 512, totalBytes: 1_000, direction: "download" })
      yield* talk.play("a> ACK 2", "a-")
      yield* TftpHosts.untilIdle(server)
      const last = yield* transfers
      const [done] = last.rows
      assert.deepStrictEqual(last.totals, { running: 0, done: 1, notDone: 0, bytesPerSecond: 0, resent: 0 })
      assert.deepInclude(done, { id: 1, state: "done", bytes: 1_000, startedMillis: running!.startedMillis })
      assert.isTrue(isTransfer(done))
    })
  )

  it.effect("has the totals of the server, of which there are more than rows", () =>
    Effect.gen(function* () {
      const { count, show, transfers } = yield* makeSource
      yield* TestClock.adjust("2 seconds")
      const running = Array.from({ length: 300 }, (_, index) => status(index, 1_000))
      const ended = [1_000, 1_001].map((id) => status(id, 10, { state: "done", endedAtMillis: 9 }))
      yield* show(...running, ...ended)
      yield* count({ finished: 5_000, failed: 1, refused: 20, gaveWay: 300, probed: 4_000, resent: 70 })
      const { omitted, rows, totals } = yield* transfers
      assert.strictEqual(rows.length + omitted, 302)
      assert.deepStrictEqual(totals, {
        ...{ running: 300, done: 5_000, notDone: 4_321 },
        ...{ bytesPerSecond: 300 * 500, resent: 70 + 300 * 2 }
      })
    })
  )

  it.effect("counts the bytes and the resent packets of transfers that run, once, and never fewer than before", () =>
    Effect.gen(function* () {
      const { count, show, stats, transfers } = yield* makeSource
      const statsOf = (all: ReadonlyArray<Status>, changes: Partial<TftpServer.Stats>) =>
        Effect.gen(function* () {
          yield* show(...all)
          yield* count({ bytesReceived: 5, ...changes })
          const { bytesReceived, bytesSent, resent } = yield* stats
          assert.strictEqual((yield* transfers).totals.resent, resent)
          return [bytesReceived, bytesSent, resent]
        })
      const upload = status(2, 70, { transfer: { id: 2, kind: "WRQ", filename: "u", mode: "octet", client } })
      const done = status(1, 1_200, { state: "done", endedAtMillis: 9 })
      assert.deepStrictEqual(yield* statsOf([status(1, 1_000), upload], {}), [75, 1_000, 4])
      // It has ended, and is not counted yet.
      assert.deepStrictEqual(yield* statsOf([done], {}), [75, 1_000, 4])
      assert.deepStrictEqual(yield* statsOf([done], { bytesSent: 1_200, resent: 9 }), [75, 1_200, 9])
    })
  )
})
