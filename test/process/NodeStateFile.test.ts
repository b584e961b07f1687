import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import FsPromises from "node:fs/promises"
import { syncBuiltinESMExports } from "node:module"
import * as Os from "node:os"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NodeFileOwner from "../../src/process/NodeFileOwner.ts"
import * as NodeStateFile from "../../src/process/NodeStateFile.ts"
import * as Cli from "../support/Cli.ts"
import { directory } from "../support/Directory.ts"

const program = Path.relative(
  fileURLToPath(new URL("../../scripts", import.meta.url)),
  fileURLToPath(new URL("./node/StateFile.ts", import.meta.url))
)

const isRoot = Os.userInfo().uid === 0

const files = (root: string) => Fs.readdirSync(root).sort()

/** Mounts a file system on a folder until the scope closes. False if this is not allowed. */
const mount = (folder: string, options: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      Fs.mkdirSync(folder)
      const { status } = ChildProcess.spawnSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder])
      return status === 0
    }),
    (isMounted) => Effect.sync(() => isMounted && ChildProcess.spawnSync("umount", [folder]))
  )

/** Replaces the function that looks at files until the scope closes: it sees one file whatever the path is. */
const seeOnly = (path: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const { stat } = FsPromises
      FsPromises.stat = (() => stat(path)) as unknown as typeof stat
      syncBuiltinESMExports()
      return stat
    }),
    (stat) =>
      Effect.sync(() => {
        FsPromises.stat = stat
        syncBuiltinESMExports()
      })
  )

const isWhole = (text: string) => text.length === 200_000 && new Set(text).size === 1

describe("NodeStateFile", () => {
  it.live("replaces the content, and keeps the permissions and a symbolic link", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory()
      Fs.symlinkSync("state", inRoot("link"))
      const file = NodeStateFile.make(inRoot("state"))
      assert.isUndefined(yield* file.read)
      yield* file.remove
      yield* file.write("one")
      Fs.chmodSync(inRoot("state"), 0o600)
      yield* NodeStateFile.make(inRoot("link")).write("two")
      assert.strictEqual(yield* file.read, "two")
      assert.strictEqual(Fs.statSync(inRoot("state")).mode & 0o777, 0o600)
      assert.deepStrictEqual(files(root), ["link", "state"])
      yield* file.remove
      assert.deepStrictEqual(files(root), ["link"])
    })
  )

  it.live("creates the file that symbolic links lead to, and keeps the links", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory()
      Fs.mkdirSync(inRoot("data"))
      Fs.symlinkSync("data/next", inRoot("link"))
      Fs.symlinkSync("../state", inRoot("data/next"))
      const file = NodeStateFile.make(inRoot("link"))
      assert.isUndefined(yield* file.read)
      yield* file.write("one")
      assert.strictEqual(Fs.readFileSync(inRoot("state"), "utf8"), "one")
      assert.deepStrictEqual(files(root), ["data", "link", "state"])
      assert.deepStrictEqual(files(inRoot("data")), ["next"])
      assert.strictEqual(yield* file.read, "one")
    })
  )

  it.live("does not wait for the writer of a FIFO that has replaced the file since it was found", () =>
    Effect.gen(function* () {
      const { inRoot } = yield* directory({ state: "text" })
      ChildProcess.execFileSync("mkfifo", [inRoot("fifo")])
      yield* seeOnly(inRoot("state"))
      const { code } = yield* Effect.flip(NodeStateFile.make(inRoot("fifo")).read)
      assert.strictEqual(code, "NotRegular")
    }).pipe(Effect.scoped)
  )

  it.live("has the text of the last of several writes at once, and no temporary file", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory()
      const file = NodeStateFile.make(inRoot("state"))
      yield* Effect.forEach(["a", "b", "c"], file.write, { concurrency: "unbounded" })
      assert.strictEqual(yield* file.read, "c")
      assert.deepStrictEqual(files(root), ["state"])
    })
  )

  it.live("has a whole content while two processes write it, and after they are killed", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory()
      const path = inRoot("state")
      const writers = yield* Effect.all([1, 2].map(() => Cli.startScript(program, ["write", path])))
      for (const { waitForOutput } of writers) yield* waitForOutput("stdout", /(written\n){20}/)
      for (let look = 0; look < 50; look++)
        assert.isTrue(isWhole(yield* Effect.promise(() => Fs.promises.readFile(path, "utf8"))))
      for (const writer of writers) yield* writer.kill("SIGKILL")
      for (const writer of writers) yield* writer.ended
      assert.isTrue(isWhole((yield* NodeStateFile.make(path).read) ?? ""))
      assert.deepStrictEqual(files(root), ["state"])
    })
  )

  it.live("removes the temporary files of killed processes, and those of no other file", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory({ state: "old", "state.new-plan.txt": "" })
      const [host, pid, start] = NodeFileOwner.self().split("-")
      const running = `state.new-${host}-${pid}-${start}.00000000`
      for (const name of [running, `state.new-${host}-4194999-77.00000000`, `other.new-${host}-4194999-77.00000000`]) {
        Fs.writeFileSync(inRoot(name), "half")
      }
      assert.strictEqual(yield* NodeStateFile.make(inRoot("state")).read, "old")
      assert.deepStrictEqual(
        files(root),
        [`other.new-${host}-4194999-77.00000000`, "state", running, "state.new-plan.txt"].sort()
      )
    })
  )

  it.live.each([
    ["none/state", "ENOENT", "its directory does not exist; create it first"],
    ["folder", "EISDIR", "is a directory; name a file in it"],
    ["folder/file/state", "ENOTDIR", "a part of the path is not a directory"],
    [
      "n".repeat(250),
      "ENAMETOOLONG",
      "the name is too long: temporary files add 40 bytes, and most systems allow 255; shorten it"
    ],
    ["/dev/full", "NotRegular", "is not a regular file; name a regular file or a new path"]
  ] as const)("fails to write %s: %s", ([name, code, detail]) =>
    Effect.gen(function* () {
      const { inRoot } = yield* directory({ "folder/file": "" })
      const path = name.startsWith("/") ? name : inRoot(name)
      const error = yield* Effect.flip(NodeStateFile.make(path).write("new"))
      assert.deepStrictEqual([error.path, error.code, error.message], [path, code, `${path}: ${detail}`])
    })
  )

  it.live.skipIf(!isRoot)("keeps the old content on a full disk (skipped unless root)", (context) =>
    Effect.gen(function* () {
      const { inRoot } = yield* directory()
      if (!(yield* mount(inRoot("disk"), "size=64k"))) return context.skip("mounting a tmpfs is not allowed")
      const file = NodeStateFile.make(inRoot("disk/state"))
      yield* file.write("old")
      const error = yield* Effect.flip(file.write("x".repeat(100_000)))
      assert.deepStrictEqual([error.code, error.detail], ["ENOSPC", "no space left on the device"])
      assert.strictEqual(yield* file.read, "old")
      assert.deepStrictEqual(files(inRoot("disk")), ["state"])
      yield* file.write("new")
      assert.strictEqual(yield* file.read, "new")
    })
  )

  it.live.skipIf(!isRoot)("keeps the old content on a read-only file system (skipped unless root)", (context) =>
    Effect.gen(function* () {
      const { inRoot } = yield* directory()
      if (!(yield* mount(inRoot("disk"), "size=64k"))) return context.skip("mounting a tmpfs is not allowed")
      const file = NodeStateFile.make(inRoot("disk/state"))
      yield* file.write("old")
      ChildProcess.spawnSync("mount", ["-o", "remount,ro", inRoot("disk")])
      assert.strictEqual((yield* Effect.flip(file.write("new"))).code, "EROFS")
      assert.strictEqual(yield* file.read, "old")
    })
  )

  it.live.skipIf(isRoot)("keeps the old content in a read-only folder (skipped for root)", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory({ state: "old" })
      Fs.chmodSync(root, 0o500)
      const file = NodeStateFile.make(inRoot("state"))
      const error = yield* Effect.flip(file.write("new"))
      assert.deepStrictEqual(
        [error.code, error.detail],
        ["EACCES", "permission denied; choose a writable file in a writable directory"]
      )
      assert.strictEqual(yield* file.read, "old")
    })
  )
})
