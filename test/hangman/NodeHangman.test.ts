import * as Fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import type * as NetAddress from "effect/net/NetAddress"
import * as NodeHangman from "../../src/hangman/NodeHangman.ts"
import * as ScoreJournalFormat from "../../src/hangman/ScoreJournalFormat.ts"
import * as Network from "../../src/network/Network.ts"
import * as NodeNetwork from "../../src/network/node/NodeNetwork.ts"
import type * as ConcurrencyModel from "../../src/session/ConcurrencyModel.ts"
import * as Fibers from "../../src/session/Fibers.ts"
import * as Iterative from "../../src/session/Iterative.ts"
import * as NodeProcesses from "../../src/session/NodeProcesses.ts"
import * as NodeThreads from "../../src/session/NodeThreads.ts"
import * as Select from "../../src/session/Select.ts"
import { directory } from "../support/Directory.ts"
import { readAll } from "../support/Hosts.ts"

const send = Effect.fnUntraced(function* (address: NetAddress.SocketAddress, lines: string) {
  const connection = yield* (yield* Network.Network).connect(address)
  yield* connection.write(lines)
  return (yield* readAll(connection)).toString()
}, Effect.scoped)

const models: ReadonlyArray<readonly [name: string, model: ConcurrencyModel.WorkerModel]> = [
  ["iterative", Iterative.model],
  ["fibers", Fibers.model],
  ["select", Select.model],
  ["a process for each", NodeProcesses.model()],
  ["two processes", NodeProcesses.model({ pool: 2 })],
  ["two threads", NodeThreads.model({ threads: 2 })]
]

describe("NodeHangman", () => {
  it.live.each(models)("keeps one scoreboard in a file for all players, with the model: %s", ([, model]) =>
    Effect.gen(function* () {
      const { inRoot } = yield* directory({ words: "Peach\r\n" })
      const settings = { words: inRoot("words"), lives: 3 }
      const names = ["ann", "bob", "cyd", "dan"]
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { address } = yield* NodeHangman.make({ port: 0, settings, model, scores: inRoot("scores") })
          const transcripts = yield* Effect.forEach(
            names,
            (name, at) => send(address, `${name}\nz\npeach\n${"yes\npeach\n".repeat(at)}quit\n`),
            { concurrency: "unbounded" }
          )
          assert.isTrue(transcripts.every((text) => text.includes("Lives  2 of 3")))
          const last = yield* send(address, "eve\npeach\ntop\nquit\n")
          assert.include(last, "eve, your rank is 4 of 5.")
          assert.include(last, "Games 11, won 11, players 5.")
        })
      )
      const past = ScoreJournalFormat.replay(Fs.readFileSync(inRoot("scores"), "utf8"))
      if (typeof past === "string") return assert.fail(past)
      assert.strictEqual(past.gameLines, 11)
      assert.deepStrictEqual(
        past.table.best(5).map(({ name, wins }) => `${name} ${wins}`),
        ["dan 4", "cyd 3", "bob 2", "eve 1", "ann 1"]
      )
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
  )

  it.live.each([
    [{ settings: { words: "/nowhere/words" } }, "/nowhere/words: no such file or directory; expected one word"],
    [{ settings: { lives: 30 } }, "invalid number of lives 30: must be a whole number from 1 to 26"],
    [{ scores: "/nowhere/scores" }, "/nowhere/scores: its directory does not exist; create it first"],
    [
      { settings: { dialect: "course" }, scores: "scores" },
      "the course dialect keeps no scores: use the friendly dialect"
    ]
  ] as const)("rejects the options %j", ([options, message]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(NodeHangman.make({ port: 0, ...options }))
      assert.include(error.message, message)
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
  )

  it.live("logs the number of invalid lines of a word list once", () =>
    Effect.gen(function* () {
      const { inRoot } = yield* directory({ words: "peach\nx-ray\ncafé\nplum\n42\n" })
      const lines: Array<string> = []
      const logger = Logger.make(({ message }) => void lines.push(String(message)))
      yield* NodeHangman.make({ port: 0, settings: { words: inRoot("words") } }).pipe(
        Effect.scoped,
        Effect.provide(Logger.layer([logger]))
      )
      assert.deepStrictEqual(lines, [`${inRoot("words")}: 2 words, 3 invalid lines skipped`])
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
  )
})
