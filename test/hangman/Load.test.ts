import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Memory from "../../scripts/bench/rot13/memory.ts"
import * as Game from "../../src/hangman/Game.ts"
import * as HangmanServer from "../../src/hangman/HangmanServer.ts"
import * as Words from "../../src/hangman/Words.ts"
import * as Network from "../../src/network/Network.ts"
import * as ClientInfo from "../../src/session/ClientInfo.ts"
import type { ConcurrencyModel, SessionServer } from "../../src/session/ConcurrencyModel.ts"
import * as Fibers from "../../src/session/Fibers.ts"
import * as Select from "../../src/session/Select.ts"
import * as Hosts from "../support/Hosts.ts"
import * as Servers from "../support/Servers.ts"

/** Number of players: above 1,024, the limit of select(2). */
const players = 1_100

/** Both ends of every connection are in this process. */
const descriptors = 2 * players + 200

const tooFew = Memory.descriptors() < descriptors

const seed = 7
/** Words of the letters that are guessed first, so that games are short. */
const words = Words.parse(new TextEncoder().encode("tea\noat\ntoe\ntie\nation\niota\nneat\nratio\n"))

/** Returns the word of a client. */
const wordOf = (id: number) => words.choose(Words.gameRandom(ClientInfo.seedFor(seed, id), 1))

/** Returns the guesses of a player, in order. One player in four loses. */
const guessesOf = (player: number): ReadonlyArray<string> =>
  player % 4 === 3 ? Array.from("7E ".repeat(4)) : Array.from("eaiotrnslcudphmgybfwkvxzjq")

/** Returns the lines of a game, computed from the rules. */
const linesOf = (word: string, guesses: ReadonlyArray<string>): ReadonlyArray<string> => {
  let game = Game.make(word, 12)
  const states = [game, ...guesses.map((guess) => (game = Game.guessStrictly(game, guess)))]
  return states.map((state) => {
    const shown = Game.phase(state) === "playing" ? Game.mask(state) : word
    return ` ${shown}   ${state.lives}\n`
  })
}

/** Connects a player and reads the first line. */
const join = Effect.fnUntraced(function* ({ address }: SessionServer) {
  const network = yield* Network.Network
  const connection = yield* network.connect(address)
  return { connection, first: Servers.text(yield* connection.pull) }
})

/** Guesses until a line shows the whole word, then checks all lines and the end of the connection. */
const play = Effect.fnUntraced(function* (
  { connection, first }: Effect.Success<ReturnType<typeof join>>,
  player: number
) {
  const guesses: Array<string> = []
  const lines = [first]
  for (const guess of guessesOf(player)) {
    if (!lines.at(-1)!.includes("-")) break
    guesses.push(guess)
    lines.push(yield* Servers.request(connection, `${guess}\n`))
  }
  const [, word = "", lives] = /^ ([a-z]+) {3}(\d+)\n$/.exec(lines.at(-1)!) ?? []
  assert.deepStrictEqual(lines, linesOf(word, guesses))
  assert.strictEqual(Servers.text(yield* Hosts.readAll(connection)), "")
  return { word, won: lives !== "0" }
})

const playAll = (model: ConcurrencyModel) =>
  Effect.gen(function* () {
    const server = yield* HangmanServer.make({
      port: 0,
      model,
      dialect: "course",
      words,
      seed,
      maxConnections: players
    })
    const all = yield* Effect.forEach(Array.from({ length: players }), () => join(server), { concurrency: 64 })
    assert.strictEqual((yield* server.stats).active, players)
    const ends = yield* Effect.forEach(all, play, { concurrency: "unbounded" })
    // Every player has played the game that was drawn for it.
    const dealt = Array.from({ length: players }, (_, i) => wordOf(i + 1))
    assert.deepStrictEqual(ends.map(({ word }) => word).sort(), dealt.sort())
    const lost = ends.filter(({ won }) => !won).length
    assert.isAtLeast(lost, players / 4)
    assert.isBelow(lost, players)
  })

describe(`HangmanServer with ${players} simultaneous players`, () => {
  for (const model of [Fibers.model, Select.model]) {
    Servers.test(
      `plays all games to their end under the model ${model.name} (skipped below ${descriptors} descriptors)`,
      playAll(model),
      it.live.skipIf(tooFew)
    )
  }
})
