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

/** A server in a process of its own; it is killed with the scope, if not before. */
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

/** Plays one game after the other until the server is gone; tells of each that is counted. */
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

const turns = (count: number) =>
  Effect.promise(async () => {
    for (let turn = 0; turn < count; turn++) await new Promise(setImmediate)
  })

const files = (root: string) => Fs.readdirSync(root).sort()

const onHost = <A, E>(body: Effect.Effect<A, E, Network.Network>) =>
  Handles.noneLeft(Effect.provide(body, NodeNetwork.layer))

describe("NodeJournal", () => {
  it.live(
    "of a server killed at any moment the file has every game that was told, once",
    () =>
      onHost(
        Effect.gen(function* () {
          const { inRoot, root } = yield* directory()
          const told = new Map<string, number>()
          for (let round = 0; round < 6; round++) {
            const server = yield* serverOn(inRoot("scores"), round % 2 === 0 ? 1 : 1_000)
            const enough = yield* Deferred.make<void>()
            let left = 1 + Math.floor(Math.random() * 150)
            const play = (at: number) =>
              player(server.address, `${round}-${at}`, () => {
                told.set(`${round}-${at}`, (told.get(`${round}-${at}`) ?? 0) + 1)
                if (--left <= 0) Deferred.doneUnsafe(enough, Effect.void)
              }).pipe(Effect.ignore)
            const players = Effect.forEach([0, 1, 2, 3, 4, 5, 6, 7], play, { concurrency: "unbounded" })
            // Not always right after an answer: the server may be writing its file anew for a while then.
            const later = turns(Math.floor(Math.random() * 2_000))
            yield* Effect.raceFirst(
              players,
              Deferred.await(enough).pipe(Effect.andThen(later), Effect.andThen(server.kill))
            )
            yield* server.kill
            const { table } = replay(inRoot("scores"))
            for (const { games, name, wins } of table.rows()) {
              const known = told.get(name) ?? 0
              const most = name.startsWith(`${round}-`) ? known + 1 : known
              assert.isTrue(games >= known && games <= most, `${name}: ${games} counted, ${known} told`)
              assert.strictEqual(wins, games)
              // What was written but not told is written for good.
              told.set(name, games)
            }
            for (const name of told.keys())
              assert.isTrue(
                table.rows().some((row) => row.name === name),
                name
              )
            const sum = table.rows().reduce((sum, { games }) => sum + games, 0)
            assert.strictEqual(table.totals().games, sum)
          }
          assert.isAtLeast(told.size, 8)
          yield* NodeJournal.make(inRoot("scores")).pipe(Effect.scoped)
          assert.deepStrictEqual(
            files(root).filter((name) => name.includes("lock")),
            []
          )
        }).pipe(Effect.scoped)
      ),
    30_000
  )

  it.live("a second server is refused while the first lives, and not when it was killed", () =>
    onHost(
      Effect.gen(function* () {
        const { inRoot } = yield* directory()
        const path = inRoot("scores")
        const server = yield* serverOn(path)
        const refused = yield* Effect.flip(Effect.scoped(NodeJournal.make(path)))
        assert.strictEqual(
          refused.message,
          `${path}: process ${server.pid} keeps its scores there: stop it, or name another`
        )
        yield* server.kill
        yield* Effect.scoped(NodeJournal.make(path))
      }).pipe(Effect.scoped)
    )
  )

  it.live("a second one in this process is refused, a later one is not; links lead to the same", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory()
      const path = inRoot("scores")
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* NodeJournal.make(path)
          Fs.symlinkSync("scores", inRoot("link"))
          for (const name of ["scores", "link"]) {
            const { message } = yield* Effect.flip(NodeJournal.make(inRoot(name)))
            assert.include(message, `process ${process.pid} keeps its scores there`)
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

  it.live("claims of dead processes, and of one whose number another has now, are swept away", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory({ "scores.lock-4194999-77": "", [`scores.lock-${process.ppid}-1`]: "" })
      yield* Effect.scoped(NodeJournal.make(inRoot("scores")))
      assert.deepStrictEqual(files(root), ["scores"])
    })
  )

  it.live.each([
    ["folder", "is a directory: name a file in it"],
    ["missing/scores", "its directory does not exist: make it first"],
    ["/dev/full", "is not a regular file: name one, or none to make it"]
  ] as const)("%s: %s", ([name, what]) =>
    Effect.gen(function* () {
      const { inRoot } = yield* directory({ "folder/file": "" })
      const path = name.startsWith("/") ? name : inRoot(name)
      const error = yield* Effect.flip(NodeJournal.make(path))
      assert.strictEqual(error.message, `${path}: ${what}`)
    })
  )

  it.live.skipIf(Os.userInfo().uid === 0)("a directory that cannot be written [skipped for root]", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory()
      Fs.chmodSync(root, 0o500)
      const { message } = yield* Effect.flip(NodeJournal.make(inRoot("scores")))
      assert.include(message, "no permission")
    })
  )

  it.live("survives a restart, and a file that was cut", () =>
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
