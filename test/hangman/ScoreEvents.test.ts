import * as Fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import * as Stream from "effect/Stream"
import * as HangmanServer from "../../src/hangman/HangmanServer.ts"
import * as NodeHangman from "../../src/hangman/NodeHangman.ts"
import * as Scoreboard from "../../src/hangman/Scoreboard.ts"
import * as NodeNetwork from "../../src/network/node/NodeNetwork.ts"
import { directory } from "../support/Directory.ts"

const environment = (env: Record<string, string>) => ConfigProvider.layer(ConfigProvider.fromEnv({ env }))

describe("Scoreboard", () => {
  it.effect("emits each counted game once, and its totals as stats", () =>
    Effect.gen(function* () {
      const { events, shared, stats } = yield* Scoreboard.make()
      const seen = yield* Effect.forkChild(Stream.runCollect(Stream.take(events, 2)), { startImmediately: true })
      const ask = yield* shared.attach({ id: 1, remote: "192.0.2.1", seed: 0 }, () => {})
      const finish = (game: number, won: boolean) =>
        ask({ _tag: "Finished", game, name: "ann", word: "plum", won, wrong: game })
      yield* finish(1, true)
      yield* finish(1, true)
      yield* finish(2, false)
      assert.deepStrictEqual(yield* Fiber.join(seen), [
        { _tag: "GameCounted", name: "ann", won: true, wrong: 1, rank: 1 },
        { _tag: "GameCounted", name: "ann", won: false, wrong: 2, rank: 1 }
      ])
      assert.deepStrictEqual(yield* stats, { games: 2, wins: 1, players: 1 })
    })
  )
})

describe("HangmanServer", () => {
  const port = Effect.map(HangmanServer.HangmanServer, ({ address }) =>
    NetAddress.isInetAddress(address) ? address.port : 0
  )

  it.live("takes its options from the environment, and rejects an invalid one", () =>
    Effect.gen(function* () {
      const server = (env: Record<string, string>) =>
        port.pipe(
          Effect.provide(HangmanServer.layerConfig().pipe(Layer.provide([environment(env), NodeNetwork.layer]))),
          Effect.scoped
        )
      assert.isAbove(yield* server({ HANGMAN_PORT: "0", HANGMAN_LIVES: "3" }), 0)
      assert.include((yield* Effect.flip(server({ HANGMAN_PORT: "0", HANGMAN_LIVES: "0" }))).message, "HANGMAN_LIVES")
    })
  )

  it.live("keeps the scores in the file that the environment names", () =>
    Effect.gen(function* () {
      const { inRoot } = yield* directory()
      const env = { HANGMAN_PORT: "0", HANGMAN_SCORES: inRoot("scores") }
      const layer = NodeHangman.layerConfig().pipe(Layer.provide([environment(env), NodeNetwork.layer]))
      yield* Effect.scoped(Effect.provide(port, layer))
      assert.match(Fs.readFileSync(inRoot("scores"), "utf8"), /"line":"scores"/)
    })
  )
})
