import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Packet from "../../src/tftp/protocol/Packet.ts"
import * as TftpFuzz from "../suites/tftp/TftpFuzz.ts"
import { Hosts } from "../support/Hosts.ts"
import * as TftpHosts from "../support/tftp/TftpHosts.ts"

/** The datagrams of each test; `npm run sweep -- 1000 tftp` sends a million. */
const datagrams = 30_000

describe("TftpServer, random datagrams", () => {
  for (const singlePort of [false, true]) {
    it.effect(
      `survives ${datagrams} datagrams ${singlePort ? "on one port" : "to the listen socket and to a transfer"} without a leak`,
      () =>
        Effect.gen(function* () {
          const { leftMebibytes, stats } = yield* TftpFuzz.run(singlePort, datagrams)
          assert.isBelow(leftMebibytes, 10)
          assert.isAbove(stats.malformed, datagrams / 100)
          assert.isAbove(stats.started, datagrams / 1_000)
        })
    )
  }

  it.effect("never replies to ERROR, nor to ACK at the listen socket", () =>
    TftpHosts.simulate(() =>
      Effect.gen(function* () {
        const { endpoint } = yield* TftpHosts.serve({ files: TftpFuzz.files })
        const { client } = yield* Hosts
        let replies = 0
        const socket = yield* client.network.udp({ host: client.address }, () => replies++)
        for (let i = 0; i < 2_000; i++) {
          const bytes = (yield* TftpFuzz.randomDatagram).slice()
          if (bytes.length < 2) continue
          bytes[0] = 0
          bytes[1] = i % 2 === 0 ? Packet.Opcode.ERROR : Packet.Opcode.ACK
          socket.sendUnsafe(bytes, endpoint)
          if (i % 50 === 0) yield* TftpFuzz.millis(5)
        }
        yield* TftpFuzz.millis(50)
        assert.strictEqual(replies, 0)
      })
    )
  )
})
