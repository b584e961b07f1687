import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Stream from "effect/Stream"
import * as BoardServer from "../../../../src/board/BoardServer.ts"
import * as HangmanServer from "../../../../src/hangman/HangmanServer.ts"
import * as NodeHangman from "../../../../src/hangman/NodeHangman.ts"
import * as NodeNetwork from "../../../../src/network/node/NodeNetwork.ts"
import type * as TcpServer from "../../../../src/network/TcpServer.ts"
import type * as ConcurrencyModel from "../../../../src/session/ConcurrencyModel.ts"

/** A model that serves nobody and records the limits. */
const recording = () => {
  const limits: Array<TcpServer.Limits> = []
  const server = {
    address: NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 1),
    drain: Effect.void,
    stats: Effect.never,
    events: Stream.never,
    reconfigure: (given: TcpServer.Limits) => Effect.sync(() => void limits.push(given))
  } as unknown as ConcurrencyModel.SessionServer
  return { limits, model: { name: "recording", serve: () => Effect.succeed(server) } }
}

describe("reconfigure without an idle timeout", () => {
  const makers = [
    ["board", "10 minutes", BoardServer.make],
    ["hangman", "5 minutes", HangmanServer.make],
    ["hangman with files", "5 minutes", NodeHangman.make]
  ] as const
  it.effect.each(makers)("returns to the default of %s: %s", ([, idleTimeout, make]) =>
    Effect.gen(function* () {
      const { limits, model } = recording()
      const server = yield* make({ port: 0, model, idleTimeout: "1 second" })
      yield* server.reconfigure({ maxConnections: 3 })
      assert.deepStrictEqual(limits, [{ maxConnections: 3, idleTimeout }])
    }).pipe(Effect.provide(NodeNetwork.layer))
  )
})
