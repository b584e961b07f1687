import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileOwner from "../../src/process/FileOwner.ts"
import * as NodeFileOwner from "../../src/process/NodeFileOwner.ts"
import * as NodeLockFile from "../../src/process/NodeLockFile.ts"
import * as Cli from "../support/Cli.ts"
import { directory } from "../support/Directory.ts"

const program = Path.relative(
  fileURLToPath(new URL("../../scripts", import.meta.url)),
  fileURLToPath(new URL("./node/StateFile.ts", import.meta.url))
)

const files = (root: string) => Fs.readdirSync(root).sort()

/** Starts a process that tries to take the lock; returns it with the line that it prints. */
const locker = Effect.fnUntraced(function* (path: string) {
  const running = yield* Cli.startScript(program, ["lock", path])
  const [line] = yield* running.waitForOutput("stdout", /^.+$/m)
  return { ...running, line }
})

describe("NodeLockFile", () => {
  it.live("refuses a second process, and is free after the first is killed", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory()
      const path = inRoot("state")
      const first = yield* locker(path)
      assert.strictEqual(first.line, "locked")
      const holder = FileOwner.pidOf(files(root)[0]!.slice("state.lock-".length))
      assert.strictEqual(
        (yield* locker(path)).line,
        `${path}: locked by process ${holder}; stop it or name another file`
      )
      // The refused process runs, and has no lock file.
      assert.strictEqual(files(root).length, 1)
      yield* first.kill("SIGKILL")
      yield* first.ended
      assert.strictEqual((yield* locker(path)).line, "locked")
      assert.strictEqual(files(root).length, 1)
    })
  )

  it.live("is held by at most one of several processes that start together", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory()
      const lockers = yield* Effect.all(
        Array.from({ length: 4 }, () => locker(inRoot("state"))),
        { concurrency: "unbounded" }
      )
      const held = lockers.filter(({ line }) => line === "locked").length
      assert.isAtMost(held, 1)
      assert.strictEqual(files(root).length, held)
    })
  )

  it.live("fails in the process that holds it until the scope closes, also through a symbolic link", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory({ state: "" })
      Fs.symlinkSync("state", inRoot("link"))
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* NodeLockFile.acquire(inRoot("state"))
          for (const name of ["state", "link"]) {
            const error = yield* Effect.flip(NodeLockFile.acquire(inRoot(name)))
            assert.strictEqual(error.code, "Locked")
            assert.include(error.message, `locked by process ${process.pid}`)
          }
        })
      )
      assert.deepStrictEqual(files(root), ["link", "state"])
      yield* NodeLockFile.acquire(inRoot("link"))
    })
  )

  it.live("removes the lock files of dead processes, reused ids and other hosts only", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory({ "state.lock-mine": "", "other.lock-00000000-1-1": "" })
      const [host] = NodeFileOwner.self().split("-")
      for (const owner of [`${host}-4194999-77`, `${host}-${process.ppid}-1`, "00000000-1-1"]) {
        Fs.writeFileSync(inRoot(`state.lock-${owner}`), "")
      }
      yield* Effect.scoped(NodeLockFile.acquire(inRoot("state")))
      assert.deepStrictEqual(files(root), ["other.lock-00000000-1-1", "state.lock-mine"])
    })
  )

  it.live.skipIf(Os.userInfo().uid === 0)("fails in a read-only folder (skipped for root)", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory()
      Fs.chmodSync(root, 0o500)
      assert.strictEqual((yield* Effect.flip(NodeLockFile.acquire(inRoot("state")))).code, "EACCES")
    })
  )
})
