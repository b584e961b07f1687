import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as NodeJournal from "../../src/hangman/NodeJournal.ts"
import * as Scoreboard from "../../src/hangman/Scoreboard.ts"
import * as ScoreJournalFormat from "../../src/hangman/ScoreJournalFormat.ts"
import * as Network from "../../src/network/Network.ts"
import * as NodeNetwork from "../../src/network/node/NodeNetwork.ts"
import { directory } from "../support/Directory.ts"
import * as Handles from "../support/Handles.ts"

/** Starts a server in a child process. Closing the scope kills it. */
const serverOn = Effect.fnUntraced(function* (path: string, compactAfter = 1_000) {
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      ChildProcess.spawn(
        process.execPath,
        [new URL("ScoreServer.ts", import.meta.url).pathname, path, `${compactAfter}`],
        {
          stdio: ["ignore", "pipe", "inherit"]
        }
      )
    ),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )
  const exit = new Promise<void>((resolve) => child.once("exit", () => resolve()))
  const port = yield* Effect.promise(
    () => new Promise<string>((resolve) => child.stdout.once("data", (data) => resolve(String(data))))
  )
  const kill = Effect.promise(() => {
    child.kill("SIGKILL")
    return exit
  })
  return { pid: child.pid!, address: NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", Number(port)), kill }
})

/** Plays games until the connection fails. Calls `counted` for each game that the server has confirmed. */
const player = Effect.fnUntraced(function* (address: NetAddress.SocketAddress, name: string, counted: () => void) {
  const connection = yield* (yield* Network.Network).connect(address)
  yield* connection.write(`${name}\npeach\n`)
  let text = ""
  while (true) {
    text += Buffer.from(yield* connection.pull).toString()
    const at = text.indexOf("Again (yes/no)? ")
    if (at < 0) continue
    assert.include(text, "your rank is")
    counted()
    text = text.slice(at + 16)
    yield* connection.write("yes\npeach\n")
  }
}, Effect.scoped)

const replay = (path: string) => {
  const past = ScoreJournalFormat.replay(Fs.readFileSync(path, "utf8"))
  return typeof past === "string" ? assert.fail(past) : past
}

const waitTurns = (count: number) =>
  Effect.promise(async () => {
    for (let turn = 0; turn < count; turn++) await new Promise(setImmediate)
  })

const files = (root: string) => Fs.readdirSync(root).sort()

const onHost = <A, E>(body: Effect.Effect<A, E, Network.Network>) =>
  Handles.assertNoLeaks(Effect.provide(body, NodeNetwork.layer))

describe("NodeJournal", () => {
  it.live("has every confirmed game exactly once after the server was killed at any moment", () =>
    onHost(
      Effect.gen(function* () {
        const { inRoot, root } = yield* directory()
        const confirmed = new Map<string, number>()
        for (let round = 0; round < 6; round++) {
          const server = yield* serverOn(inRoot("scores"), round % 2 === 0 ? 1 : 1_000)
          const enoughGames = yield* Deferred.make<void>()
          let left = 1 + Math.floor(Math.random() * 150)
          const play = (at: number) =>
            player(server.address, `${round}-${at}`, () => {
              confirmed.set(`${round}-${at}`, (confirmed.get(`${round}-${at}`) ?? 0) + 1)
              if (--left <= 0) Deferred.doneUnsafe(enoughGames, Effect.void)
            }).pipe(Effect.ignore)
          const players = Effect.forEach([0, 1, 2, 3, 4, 5, 6, 7], play, { concurrency: "unbounded" })
          // The kill comes at a random time after the answer, so that it may hit a compaction.
          const delay = waitTurns(Math.floor(Math.random() * 2_000))
          yield* Effect.raceFirst(
            players,
            Deferred.await(enoughGames).pipe(Effect.andThen(delay), Effect.andThen(server.kill))
          )
          yield* server.kill
          const { table } = replay(inRoot("scores"))
          for (const { games, name, wins } of table.rows()) {
            const known = confirmed.get(name) ?? 0
            const most = name.startsWith(`${round}-`) ? known + 1 : known
            assert.isTrue(games >= known && games <= most, `${name}: ${games} counted, ${known} confirmed`)
            assert.strictEqual(wins, games)
            // A game that was written but not confirmed stays in the file.
            confirmed.set(name, games)
          }
          for (const name of confirmed.keys())
            assert.isTrue(
              table.rows().some((row) => row.name === name),
              name
            )
          const sum = table.rows().reduce((sum, { games }) => sum + games, 0)
          assert.strictEqual(table.totals().games, sum)
        }
        assert.isAtLeast(confirmed.size, 8)
        yield* NodeJournal.make(inRoot("scores")).pipe(Effect.scoped)
        assert.deepStrictEqual(
          files(root).filter((name) => name.includes("lock")),
          []
        )
      }).pipe(Effect.scoped)
    )
  )

  it.live("is locked while the first server lives, and free after it was killed", () =>
    onHost(
      Effect.gen(function* () {
        const { inRoot } = yield* directory()
        const path = inRoot("scores")
        const server = yield* serverOn(path)
        const error = yield* Effect.flip(Effect.scoped(NodeJournal.make(path)))
        assert.strictEqual(error.message, `${path}: locked by process ${server.pid}; stop it or name another file`)
        yield* server.kill
        yield* Effect.scoped(NodeJournal.make(path))
      }).pipe(Effect.scoped)
    )
  )

  it.live("is locked within a process, also through a symbolic link, until the scope closes", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory()
      const path = inRoot("scores")
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* NodeJournal.make(path)
          Fs.symlinkSync("scores", inRoot("link"))
          for (const name of ["scores", "link"]) {
            const { message } = yield* Effect.flip(NodeJournal.make(inRoot(name)))
            assert.include(message, `locked by process ${process.pid}`)
          }
        })
      )
      const journal = yield* NodeJournal.make(inRoot("link"))
      yield* journal.replace("new\n")
      yield* journal.append("more\n")
      assert.strictEqual(Fs.readFileSync(path, "utf8"), "new\nmore\n")
      assert.isTrue(Fs.lstatSync(inRoot("link")).isSymbolicLink())
      assert.strictEqual(files(root).length, 3)
    })
  )

  it.live.each([
    ["folder", "is a directory; name a file in it"],
    ["missing/scores", "its directory does not exist; create it first"],
    ["/dev/full", "is not a regular file; name a regular file or a new path"]
  ] as const)("fails for %s: %s", ([name, problem]) =>
    Effect.gen(function* () {
      const { inRoot } = yield* directory({ "folder/file": "" })
      const path = name.startsWith("/") ? name : inRoot(name)
      const error = yield* Effect.flip(NodeJournal.make(path))
      assert.strictEqual(error.message, `${path}: ${problem}`)
    })
  )

  it.live.skipIf(Os.userInfo().uid === 0)("fails in a directory without write permission (skipped for root)", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory()
      Fs.chmodSync(root, 0o500)
      const { message } = yield* Effect.flip(NodeJournal.make(inRoot("scores")))
      assert.include(message, "permission denied")
    })
  )

  it.live("keeps its games over a restart, and all complete lines of a truncated file", () =>
    Effect.gen(function* () {
      const { inRoot } = yield* directory()
      const path = inRoot("scores")
      const play = Effect.fnUntraced(function* (games: number) {
        const { shared, table } = yield* Scoreboard.make({ journal: yield* NodeJournal.make(path) })
        const before = table.totals().games
        const ask = yield* shared.attach({ id: 1, remote: "", seed: 0 }, () => {})
        for (let game = 1; game <= games; game++) {
          yield* ask({ _tag: "Finished", game, name: "Zoë", word: "plum", won: false, wrong: 1 })
        }
        return before
      }, Effect.scoped)
      assert.strictEqual(yield* play(3), 0)
      assert.strictEqual(yield* play(2), 3)
      Fs.truncateSync(path, Fs.statSync(path).size - 5)
      assert.strictEqual(yield* play(1), 4)
      assert.strictEqual(yield* play(0), 5)
    })
  )
})
