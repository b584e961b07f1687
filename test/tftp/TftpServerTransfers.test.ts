import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as TftpServer from "../../src/tftp/TftpServer.ts"
import { pseudoRandomBytes } from "../support/Hosts.ts"
import * as TftpHosts from "../support/tftp/TftpHosts.ts"
import * as TftpTranscript from "../support/tftp/TftpTranscript.ts"

const files = { f: pseudoRandomBytes(1_000), empty: new Uint8Array(0) }

/** Long, so that no packet is sent again on a busy machine. */
const timeout = "1 minute"

const describeStatus = ({ reason = "", state, summary, totalBytes, transfer }: TftpServer.TransferStatus) => {
  const { filename, id, kind } = transfer
  return `${id} ${kind} ${filename} ${state} ${summary?.bytes ?? "-"}/${totalBytes ?? "?"} ${reason}`.trimEnd()
}

const listOf = ({ transfers }: TftpServer.Server) => Effect.map(transfers, (all) => all.map(describeStatus))

describe("TftpServer.transfers", () => {
  for (const singlePort of [false, true]) {
    TftpHosts.both(
      `has each transfer from its request on, with its size${singlePort ? ", on a single port" : ""}`,
      () =>
        Effect.gen(function* () {
          const { endpoint, server } = yield* TftpHosts.serve({ files, singlePort, timeout })
          const talk = yield* TftpTranscript.open({ endpoint, content: files.f })
          assert.deepStrictEqual(yield* listOf(server), [])
          yield* talk.play("a> RRQ f octet blksize=600", "a< OACK blksize=600", "a> ACK 0", "a< DATA 1 600", "a> ACK 1")
          yield* talk.play(
            "a< DATA 2 400",
            "b> WRQ up octet tsize=700",
            "b< OACK tsize=700",
            "b> DATA 1 512",
            "b< ACK 1"
          )
          assert.deepStrictEqual(yield* listOf(server), ["1 RRQ f running 600/1000", "2 WRQ up running 512/700"])
          const [first] = yield* server.transfers
          assert.deepInclude(first?.summary, { blksize: 600, windowsize: 1, resent: 0 })
          yield* talk.play("a> ACK 2", "a-", "b> DATA 2 188", "b< ACK 2")
          yield* talk.play("c> RRQ none octet", "c< ERROR 1")
          yield* TftpHosts.untilIdle(server)
          const ended = yield* listOf(server)
          assert.sameMembers(ended.slice(1), ["1 RRQ f done 1000/1000", "2 WRQ up done 700/700"])
          assert.match(ended[0]!, /^3 RRQ none refused -\/\? \S/)
          const [refused, ...others] = yield* server.transfers
          for (const { endedAtMillis, startedAtMillis } of [refused!, ...others]) {
            assert.isAtLeast(endedAtMillis ?? 0, startedAtMillis)
          }
        })
    )
  }

  TftpHosts.simulated("tells why a transfer has ended", () =>
    Effect.gen(function* () {
      const { endpoint, server } = yield* TftpHosts.serve({ files, maxTransfers: 1, timeout: "100 millis", retries: 1 })
      const talk = yield* TftpTranscript.open({ endpoint, content: files.f })
      yield* talk.play("a> RRQ f octet tsize=0", "a< OACK tsize=1000", "a> ERROR 8 enough", "a-")
      yield* talk.play("b> RRQ f octet", "b< DATA 1 512", "b> ACK 1", "b< DATA 2 488", "c> RRQ f octet", "c< ERROR 0")
      yield* Effect.sleep("5 seconds")
      yield* talk.play("d> RRQ f octet", "d< DATA 1 512", "d> ERROR 0 changed")
      yield* Effect.sleep("1 second")
      const reasons = new Map((yield* server.transfers).map((one) => [one.transfer.id, [one.state, one.reason]]))
      assert.deepStrictEqual(reasons.get(1), ["stopped", "size probe: the client ended the transfer after the OACK"])
      assert.deepStrictEqual(reasons.get(2)?.[0], "failed")
      assert.match(reasons.get(2)?.[1] ?? "", /^timed out/)
      assert.deepStrictEqual(reasons.get(3), ["refused", "busy: all transfers are in use (limit 1); raise the limit"])
      assert.strictEqual(reasons.get(4)?.[0], "failed")
      assert.match(reasons.get(4)?.[1] ?? "", /changed/)
    })
  )

  TftpHosts.simulated("knows no size of a file in netascii, nor of an upload that announces none", () =>
    Effect.gen(function* () {
      const { endpoint, server } = yield* TftpHosts.serve({ files, timeout })
      const talk = yield* TftpTranscript.open({ endpoint })
      yield* talk.play("a> RRQ f netascii", "b> WRQ up octet", "b< ACK 0", "c> RRQ empty octet", "c< DATA 1 0")
      const running = (yield* listOf(server)).map((line) => line.split(" ").slice(0, 5).join(" "))
      assert.deepStrictEqual(running, ["1 RRQ f running 0/?", "2 WRQ up running 0/?", "3 RRQ empty running 0/0"])
      yield* talk.play("c> ACK 1", "c-")
      assert.strictEqual((yield* listOf(server)).at(-1), "3 RRQ empty done 0/0")
    })
  )
})
