/**
 * Hangman server for tests that kill it. Its only word is peach. The first argument is the path of the scoreboard, the
 * second the number of games between compactions.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import * as HangmanServer from "../../src/hangman/HangmanServer.ts"
import * as NodeJournal from "../../src/hangman/NodeJournal.ts"
import * as Scoreboard from "../../src/hangman/Scoreboard.ts"
import * as Words from "../../src/hangman/Words.ts"
import * as NodeNetwork from "../../src/network/node/NodeNetwork.ts"

const words = Words.parse(new TextEncoder().encode("peach"))

Effect.gen(function* () {
  const journal = yield* NodeJournal.make(process.argv[2]!)
  const { shared } = yield* Scoreboard.make({ journal, compactAfter: Number(process.argv[3]) })
  const { address } = yield* HangmanServer.make({ port: 0, words, scoreboard: shared, rate: 10_000 })
  process.stdout.write(`${(address as NetAddress.InetAddress).port}\n`)
  return yield* Effect.never
}).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer), NodeRuntime.runMain)
