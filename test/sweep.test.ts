/** The sweep: its arguments, its corpus, and what it prints. */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Arguments from "../scripts/sweep/Arguments.ts"
import * as CorpusFolder from "../scripts/sweep/CorpusFolder.ts"
import { directory } from "./support/Directory.ts"

const root = Path.join(import.meta.dirname, "..")
const node = ["--conditions=effect-inet-source", "scripts/sweep.ts"]

const parse = (...argv: ReadonlyArray<string>) => Arguments.parse(argv, ["rot13", "raft", "cluster"], ["raft: bug"])

const run = (...argv: ReadonlyArray<string>) =>
  ChildProcess.spawnSync(process.execPath, [...node, ...argv], { cwd: root, encoding: "utf8" })

describe("sweep", () => {
  it("takes minutes to explore, or a number of seeds to check", () => {
    const explored = Result.getOrThrow(parse("--minutes", "0.5", "--corpus", "c", "raft"))
    assert.deepInclude(explored, { runs: undefined, minutes: 0.5, corpus: "c", names: ["raft"], isPlanted: false })
    assert.deepInclude(Result.getOrThrow(parse("20", "rot13")), { runs: 20, names: ["rot13"] })
    assert.deepInclude(Result.getOrThrow(parse()), { runs: 1_000, names: [] })
    assert.deepInclude(Result.getOrThrow(parse("--planted")), { runs: undefined, isPlanted: true, names: [] })
    assert.deepInclude(Result.getOrThrow(parse("--planted", "1", "raft: bug")), { runs: 1, names: ["raft: bug"] })
  })

  it.each([
    [["--minutes", "x"], 'invalid --minutes "x": must be a number above 0, at most 10,000'],
    [["0"], 'invalid number of runs "0": must be a whole number of at least 1'],
    [["1", "nosuch"], 'unknown suite "nosuch": must be one of rot13, raft, cluster'],
    [["--minutes", "1", "cluster"], 'unknown suite "cluster": must be one of rot13, raft'],
    [["--planted", "raft"], 'unknown suite "raft": must be one of raft: bug'],
    [["--corpus", "c", "3"], "--corpus needs --minutes"]
  ] as const)("refuses %j: %s", (argv, message) => {
    assert.strictEqual(Result.getOrThrow(Result.flip(parse(...argv))).message, message)
  })

  it.effect("reads the runs that it wrote, and counts the files that are none", () =>
    Effect.gen(function* () {
      const { inRoot } = yield* directory()
      const folder = inRoot("corpus")
      const entries = [
        { seed: 1, inputSeed: 1, plan: "drop=#3 a>b" },
        { seed: 2, inputSeed: 1, plan: "" }
      ]
      for (const entry of [...entries, ...entries]) CorpusFolder.write(folder, "raft: bug", entry)
      const path = Path.join(folder, "raft-bug")
      Fs.writeFileSync(Path.join(path, "a.json"), '{"seed":1,"inputSe')
      Fs.writeFileSync(Path.join(path, "b.json"), '{"seed":1,"inputSeed":1,"plan":"drop=?"}')
      Fs.writeFileSync(Path.join(path, ".writing-1-c.json"), "")
      const read = CorpusFolder.read(folder, "raft: bug")
      assert.sameDeepMembers([...read.entries], entries)
      assert.strictEqual(read.unreadable, 2)
      assert.notInclude(Fs.readdirSync(path), ".writing-1-c.json")
      CorpusFolder.remove(folder, "raft: bug", entries[0]!)
      assert.deepStrictEqual(CorpusFolder.read(folder, "raft: bug").entries, [entries[1]])
    }).pipe(Effect.scoped)
  )

  it.live("finds a planted bug, prints how to repeat it with one run, and keeps the run", () =>
    Effect.gen(function* () {
      const { inRoot } = yield* directory()
      const corpus = inRoot("corpus")
      const { status, stdout } = run("--minutes", "2", "--corpus", corpus, "--planted", "hangman: no file sync")
      assert.match(stdout, /^hangman: no file sync: found: /)
      assert.match(stdout, /^1 of 1 planted bugs found$/m)
      assert.strictEqual(status, 0)
      const { entries, unreadable } = CorpusFolder.read(corpus, "planted hangman: no file sync")
      assert.isAtLeast(entries.length, 1)
      assert.strictEqual(unreadable, 0)
      const again = run("--planted", "200", "hangman: no file sync")
      const line = /npm run sweep -- --planted 1 'hangman: no file sync'/
      assert.match(again.stderr, line)
      assert.match(again.stderr, /SIM_SEED=\d+ SIM_PLAN=/)
      assert.strictEqual(again.status, 1)
    }).pipe(Effect.scoped)
  )

  it.live("leaves a readable corpus when it is killed", () =>
    Effect.gen(function* () {
      const { inRoot } = yield* directory()
      const corpus = inRoot("corpus")
      const argv = [...node, "--minutes", "5", "--corpus", corpus, "rot13"]
      const child = yield* Effect.acquireRelease(
        Effect.sync(() => ChildProcess.spawn(process.execPath, argv, { cwd: root, stdio: "ignore" })),
        (child) => Effect.sync(() => child.kill("SIGKILL"))
      )
      const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()))
      yield* Effect.promise(
        () =>
          new Promise<void>((resolve) => {
            Fs.mkdirSync(Path.join(corpus, "rot13"), { recursive: true })
            const watcher = Fs.watch(Path.join(corpus, "rot13"), () => {
              watcher.close()
              child.kill("SIGKILL")
              resolve()
            })
          })
      )
      yield* Effect.promise(() => exited)
      assert.strictEqual(CorpusFolder.read(corpus, "rot13").unreadable, 0)
      const { status, stdout } = run("--minutes", "0.02", "--corpus", corpus, "rot13")
      assert.match(stdout, /^rot13: passed: /)
      assert.notInclude(stdout, "unreadable")
      assert.strictEqual(status, 0)
    }).pipe(Effect.scoped)
  )
})
