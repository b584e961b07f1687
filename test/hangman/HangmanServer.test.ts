import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import * as HangmanServer from "../../src/hangman/HangmanServer.ts"
import type * as HangmanSession from "../../src/hangman/HangmanSession.ts"
import * as Scoreboard from "../../src/hangman/Scoreboard.ts"
import * as Words from "../../src/hangman/Words.ts"
import * as Network from "../../src/network/Network.ts"
import * as NodeNetwork from "../../src/network/node/NodeNetwork.ts"
import * as Iterative from "../../src/session/Iterative.ts"
import * as Select from "../../src/session/Select.ts"
import * as Handles from "../support/Handles.ts"
import { outcome, read, readAll } from "../support/Hosts.ts"
import * as Simulated from "../support/Simulated.ts"

const words = Words.parse(new TextEncoder().encode("peach"))

/** Guesses and the bytes of the replies. The server closes the connection after the last one. */
type Transcript = readonly [
  name: string,
  dialect: HangmanSession.Dialect,
  greeting: string,
  turns: ReadonlyArray<readonly [sent: string, answer: string]>
]

const lost = Array.from(
  { length: 12 },
  (_, at) => ["z\n", at === 11 ? " peach   0\n" : ` -----   ${11 - at}\n`] as const
)

const transcripts: ReadonlyArray<Transcript> = [
  [
    "a won course game in which a capital, a digit and an empty line cost a life",
    "course",
    " -----   12\n",
    [
      ["p\n", " p----   12\n"],
      ["p\n", " p----   12\n"],
      ["E\n", " p----   11\n"],
      ["7\n", " p----   10\n"],
      ["\n", " p----   9\n"],
      ["each\n", " pe---   9\n"],
      ["a", " pea--   9\n"],
      ["c\r\n", " peac-   9\n"],
      ["h\n", " peach   9\n"]
    ]
  ],
  ["a lost course game", "course", " -----   12\n", lost],
  [
    "a course game in which 81 bytes are two reads",
    "course",
    " -----   12\n",
    [
      [`p${"x".repeat(79)}e`, " p----   12\n pe---   12\n"],
      ["z\n", " pe---   11\n"],
      ["a", " pea--   11\n"],
      ["c", " peac-   11\n"],
      ["h", " peach   11\n"]
    ]
  ],
  [
    "a won book game",
    "book",
    "Playing hangman on hostnarnia: \n \n----- 12 \n",
    [
      ["e\n", "-e--- 12 \n"],
      ["E\n", "-e--- 11 \n"],
      ["ap\n", "-ea-- 11 \n"],
      ["p\n", "pea-- 11 \n"],
      ["c\n", "peac- 11 \n"],
      ["h\n", "peach 11 \n"]
    ]
  ]
]

const follow = Effect.fnUntraced(function* (address: NetAddress.SocketAddress, [, , greeting, turns]: Transcript) {
  const connection = yield* (yield* Network.Network).connect(address)
  assert.strictEqual((yield* read(connection, greeting.length)).toString(), greeting)
  for (const [sent, answer] of turns) {
    yield* connection.write(sent)
    assert.strictEqual((yield* read(connection, answer.length)).toString(), answer)
  }
  assert.strictEqual((yield* readAll(connection)).toString(), "")
}, Effect.scoped)

const options = { words, hostName: "narnia", port: 0 } as const

const onHost = <A, E>(body: Effect.Effect<A, E, Network.Network | Scope.Scope>) =>
  Handles.assertNoLeaks(body.pipe(Effect.scoped, Effect.provide(NodeNetwork.layer)))

const send = Effect.fnUntraced(function* (address: NetAddress.SocketAddress, lines: string) {
  const connection = yield* (yield* Network.Network).connect(address)
  yield* connection.write(lines)
  return (yield* readAll(connection)).toString()
}, Effect.scoped)

describe("HangmanServer", () => {
  it.live.each(transcripts)("plays on the host: %s", (transcript) =>
    onHost(
      Effect.gen(function* () {
        for (const model of [undefined, Select.model, Iterative.model]) {
          const server = yield* HangmanServer.make({ ...options, dialect: transcript[1], model })
          yield* follow(server.address, transcript)
        }
      })
    )
  )

  // One byte per guess: the simulated network may split longer writes, as a real one may.
  const oneByteGuesses = ([name, dialect, greeting, turns]: Transcript): Transcript => [
    name,
    dialect,
    greeting,
    turns.map(([sent, answer]) => [sent.slice(0, 1), answer])
  ]
  const single = transcripts.filter(([, , , turns]) => turns.every(([, answer]) => answer.split("\n").length === 2))
  it.effect.each(single.map(oneByteGuesses))("plays in simulation, one byte per guess: %s", (transcript) =>
    Simulated.run(
      Effect.fnUntraced(function* (simulation) {
        const { a, b } = yield* Simulated.pair(simulation)
        yield* a.start(HangmanServer.make({ ...options, host: "0.0.0.0", port: 1068, dialect: transcript[1] }))
        yield* b.run(follow(NetAddress.inetAddressFromIpStringUnsafe(a.address, 1068), transcript))
      })
    )
  )

  it.live("closes the connection of a client that ends its input, without another line", () =>
    onHost(
      Effect.gen(function* () {
        const server = yield* HangmanServer.make({ ...options, dialect: "course" })
        const connection = yield* (yield* Network.Network).connect(server.address)
        yield* connection.write("p\n")
        yield* read(connection, 24)
        yield* connection.end
        assert.strictEqual((yield* readAll(connection)).toString(), "")
        while ((yield* server.stats).active > 0) yield* Effect.yieldNow
      })
    )
  )

  it.live("ranks all players on one scoreboard", () =>
    onHost(
      Effect.gen(function* () {
        const { shared, table } = yield* Scoreboard.make()
        const server = yield* HangmanServer.make({ ...options, scoreboard: shared })
        const names = Array.from({ length: 50 }, (_, at) => `p${at}`)
        yield* Effect.forEach(
          names,
          (name, at) => send(server.address, `${name}\n${"z\n".repeat(1)}${"peach\nyes\n".repeat(at)}quit\n`),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(table.totals(), { games: 1_225, wins: 1_225, players: 49 })
        assert.deepStrictEqual(
          table.best(50).map(({ name, wins }) => [name, wins] as const),
          names
            .slice(1)
            .map((name, at) => [name, at + 1] as const)
            .reverse()
        )
        const text = yield* send(server.address, "p49\npeach\ntop\nquit\n")
        assert.include(text, "p49, your rank is 1 of 49.")
        assert.include(text, "Games 1226, won 1226, players 49.")
      })
    )
  )

  it.live("reports a line that is too long, answers telnet options and echoes no control characters", () =>
    onHost(
      Effect.gen(function* () {
        const server = yield* HangmanServer.make(options)
        assert.include(
          yield* send(server.address, `ann\n${"x".repeat(81)}`),
          "Sorry: line too long: no end within 80 bytes"
        )
        const connection = yield* (yield* Network.Network).connect(server.address)
        yield* connection.write(Uint8Array.of(255, 251, 24, 97, 13, 10, 27, 91, 50, 74, 13, 0, 113, 117, 105, 116, 10))
        const bytes = yield* readAll(connection)
        assert.include(bytes.toString(), "Thank you for playing, a.")
        assert.isFalse(bytes.includes(27))
        assert.isTrue(bytes.includes(Buffer.of(255, 254, 24)), "WILL is answered with DONT")
      })
    )
  )

  it.live("draws the same words from the same seed", () =>
    onHost(
      Effect.gen(function* () {
        const greetings = Effect.fnUntraced(function* (seed: number) {
          const server = yield* HangmanServer.make({ port: 0, dialect: "course", seed, lives: 1 })
          return yield* Effect.forEach([1, 2, 3, 4], () => send(server.address, "7"))
        })
        const one = yield* greetings(1)
        assert.deepStrictEqual(yield* greetings(1), one)
        assert.notDeepEqual(yield* greetings(2), one)
        assert.isAbove(new Set(one).size, 1)
      })
    )
  )

  it.effect("rejects a scoreboard for a dialect that keeps no scores", () =>
    Effect.gen(function* () {
      const { shared } = yield* Scoreboard.make()
      const made = HangmanServer.make({ port: 0, dialect: "book", scoreboard: shared })
      const { message } = yield* Effect.flip(made)
      assert.strictEqual(message, "the book dialect keeps no scores: use the friendly dialect")
    }).pipe(Effect.provide(NodeNetwork.layer))
  )

  it.live("fails with AddressInUse if the port is in use", () =>
    onHost(
      Effect.gen(function* () {
        const { address } = yield* HangmanServer.make(options)
        const again = HangmanServer.make({ ...options, port: (address as NetAddress.InetAddress).port })
        const result = yield* outcome(Effect.catchTag(again, "SessionError", Effect.die))
        assert.strictEqual(result, "AddressInUse")
      })
    )
  )
})
