import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import * as Crypto from "node:crypto"
import NodeFs, * as Fs from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import * as Os from "node:os"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import * as NodeFileOwner from "../../../src/process/NodeFileOwner.ts"
import * as FileName from "../../../src/tftp/store/FileName.ts"
import * as NodeFileStore from "../../../src/tftp/store/NodeFileStore.ts"
import * as NodeUploadTemporary from "../../../src/tftp/store/NodeUploadTemporary.ts"
import { directory } from "../../support/Directory.ts"
import { bytesOf, get, put, refusal, request } from "../../support/Files.ts"

const isRoot = process.getuid?.() === 0

const program = fileURLToPath(new URL("../../support/tftp/Uploader.ts", import.meta.url))

/** Runs the uploader, optionally under another command; kills it when the scope closes. */
const uploader = (args: ReadonlyArray<string>, before: ReadonlyArray<string> = []) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const [command = "", ...rest] = [...before, process.execPath, program, ...args]
      return spawn(command, rest, { stdio: ["ignore", "pipe", "inherit"] })
    }),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

const line = ({ stdout }: ChildProcess) =>
  Effect.callback<string>((resume) => {
    stdout!.once("data", (data) => resume(Effect.succeed(String(data).trim())))
  })

/** Collects the lines of its output until it ends. */
const output = (child: ChildProcess) =>
  Effect.callback<ReadonlyArray<string>>((resume) => {
    let text = ""
    child.stdout!.on("data", (data) => {
      text += String(data)
    })
    child.once("close", () => resume(Effect.succeed(text.trim().split("\n"))))
  })

const kill = (child: ChildProcess) =>
  Effect.callback<void>((resume) => {
    child.once("exit", () => resume(Effect.void))
    child.kill("SIGKILL")
  })

/** Collects the paths below /proc that are read, until the scope closes. */
const processReads = Effect.acquireRelease(
  Effect.sync(() => {
    const { readFileSync, readlinkSync } = NodeFs
    const paths: Array<string> = []
    const spy =
      <A extends ReadonlyArray<unknown>, B>(read: (...args: A) => B) =>
      (...args: A) => {
        if (String(args[0]).startsWith("/proc/")) paths.push(String(args[0]))
        return read(...args)
      }
    NodeFs.readFileSync = spy(readFileSync) as typeof readFileSync
    NodeFs.readlinkSync = spy(readlinkSync) as typeof readlinkSync
    syncBuiltinESMExports()
    return { paths, readFileSync, readlinkSync }
  }),
  ({ readFileSync, readlinkSync }) =>
    Effect.sync(() => {
      Object.assign(NodeFs, { readFileSync, readlinkSync })
      syncBuiltinESMExports()
    })
).pipe(Effect.map(({ paths }) => paths))

const temporary = (root: string) => Fs.readdirSync(root).filter((name) => name.startsWith(FileName.uploadPrefix))

describe("NodeFileStore, an upload", () => {
  it.live("is a temporary file in the same folder until the commit, and leaves none", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory({ "dir/f": "old" })
      const store = yield* NodeFileStore.make({ root, write: "overwrite", sync: true, permissions: 0o600 })
      const scope = yield* Scope.make()
      const { commit, descriptor, path, write } = yield* Scope.provide(store.write(request("\\dir\\f")), scope)
      assert.strictEqual(path, inRoot("dir/f"))
      assert.strictEqual(temporary(inRoot("dir")).length, 1)
      assert.isTrue(Fs.fstatSync(descriptor!).isFile())
      yield* write(bytesOf("new"))
      assert.strictEqual(Fs.readFileSync(inRoot("dir/f"), "utf8"), "old")
      yield* commit
      assert.deepStrictEqual(Fs.readdirSync(inRoot("dir")), ["f"])
      assert.strictEqual(Fs.statSync(inRoot("dir/f")).mode & 0o777, 0o644)
      yield* Scope.close(scope, Exit.void)
      yield* Effect.scoped(store.write(request("g")))
      assert.deepStrictEqual(Fs.readdirSync(root), ["dir"])
    })
  )

  it.live("does not replace a file created in the meantime, if it may only create", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory()
      const store = yield* NodeFileStore.make({ root, write: "create" })
      const { commit } = yield* store.write(request("f"))
      Fs.writeFileSync(inRoot("f"), "another user's")
      assert.strictEqual((yield* Effect.flip(commit)).code, 6)
      assert.strictEqual(Fs.readFileSync(inRoot("f"), "utf8"), "another user's")
    })
  )

  it.live("cannot be committed after a failed write", () =>
    Effect.gen(function* () {
      const { root } = yield* directory({ f: "old" })
      const store = yield* NodeFileStore.make({ root, write: "overwrite", quota: { file: 5 } })
      const { commit, write } = yield* store.write(request("f"))
      yield* write(bytesOf("123"))
      yield* Effect.flip(write(bytesOf("456")))
      assert.strictEqual((yield* Effect.flip(commit)).reason._tag, "TooLarge")
      assert.strictEqual(yield* get(store, "f"), "old")
    })
  )

  it.live.skipIf(process.platform !== "linux")("stays in its folder when that is moved away (Linux)", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory({ "dir/f": "old", "other/f": "other" })
      const store = yield* NodeFileStore.make({ root, write: "overwrite" })
      const { commit, write } = yield* store.write(request("dir/f"))
      Fs.renameSync(inRoot("dir"), inRoot("moved"))
      Fs.symlinkSync("other", inRoot("dir"))
      yield* write(bytesOf("new"))
      yield* commit
      assert.strictEqual(Fs.readFileSync(inRoot("moved/f"), "utf8"), "new")
      assert.strictEqual(Fs.readFileSync(inRoot("other/f"), "utf8"), "other")
    })
  )

  it.live("locks its name against another store on the same directory", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory({ "dir/f": "old" })
      const [one, other] = [
        yield* NodeFileStore.make({ root, write: "overwrite" }),
        yield* NodeFileStore.make({ root: inRoot("dir"), write: "overwrite" })
      ]
      const scope = yield* Scope.make()
      yield* Scope.provide(one.write(request("dir/f")), scope)
      assert.strictEqual(yield* put(other, "f", "new"), "Busy")
      assert.strictEqual(yield* put(other, "g", "new"), "done")
      assert.strictEqual(temporary(inRoot("dir")).length, 1)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* put(other, "f", "new"), "done")
    })
  )

  it.live("succeeds for one of two that start at the same time", () =>
    Effect.gen(function* () {
      const { root } = yield* directory()
      const store = yield* NodeFileStore.make({ root, write: "overwrite" })
      const start = Effect.match(store.write(request("f")), { onSuccess: () => "in", onFailure: refusal })
      const outcomes = yield* Effect.all([start, start, start], { concurrency: "unbounded" })
      assert.deepStrictEqual([...outcomes].sort(), ["Busy", "Busy", "in"])
    })
  )

  it.live("of another process locks its name until that process is killed", () =>
    Effect.gen(function* () {
      const { root } = yield* directory({ f: "old" })
      const store = yield* NodeFileStore.make({ root, write: "overwrite" })
      const child = yield* uploader([root, "hold"])
      assert.strictEqual(yield* line(child), "writing")
      assert.strictEqual(yield* put(store, "f", "new"), "Busy")
      assert.strictEqual(yield* put(store, "g", "new"), "done")
      assert.strictEqual(temporary(root).length, 1)
      yield* kill(child)
      assert.strictEqual(yield* get(store, "f"), "old")
      assert.strictEqual(temporary(root).length, 1)
      assert.strictEqual(yield* put(store, "f", "new"), "done")
      assert.strictEqual(yield* get(store, "f"), "new")
      assert.deepStrictEqual(temporary(root), [])
    })
  )

  it.live.skipIf(process.platform !== "linux")("looks once for another process, and never for its own (Linux)", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory()
      const store = yield* NodeFileStore.make({ root, write: "overwrite" })
      const reads = yield* processReads
      const start = (name: string) => Effect.map(store.write(request(name)), () => reads.splice(0))
      yield* start("first")
      for (let at = 0; at < 20; at++) assert.deepStrictEqual(yield* start(`own ${at}`), [])
      const parent = `/proc/${process.ppid}/stat`
      const boot = Fs.readFileSync("/proc/sys/kernel/random/boot_id", "latin1")
      const stat = Fs.readFileSync(parent, "latin1")
      const startTicks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]
      const started = Crypto.createHash("sha256").update(`${boot}\0${startTicks}`).digest("hex").slice(0, 8)
      const owner = NodeFileOwner.self().replace(/-\d+-.*/, `-${process.ppid}-${started}`)
      const others = Array.from({ length: 20 }, (_, at) => `${FileName.uploadPrefix}0.${owner}.${10_000_000 + at}`)
      for (const name of others) Fs.writeFileSync(inRoot(name), "half")
      reads.splice(0)
      assert.deepStrictEqual(yield* start("last"), [parent])
      assert.includeMembers(temporary(root), others)
    })
  )

  it.live("of a process of another host locks its name for ten minutes after its last write", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory()
      const store = yield* NodeFileStore.make({ root, write: "overwrite" })
      const scope = yield* Scope.make()
      yield* Scope.provide(store.write(request("f")), scope)
      const [own = ""] = temporary(root)
      yield* Scope.close(scope, Exit.void)
      const foreign = inRoot(own.replace(/\.[^.-]+-\d+-/, ".00000000-1-"))
      Fs.writeFileSync(foreign, "half")
      assert.strictEqual(yield* put(store, "f", "new"), "Busy")
      const old = new Date(Date.now() - 11 * 60_000)
      Fs.utimesSync(foreign, old, old)
      assert.strictEqual(yield* put(store, "f", "new"), "done")
      const reborn = inRoot(own.replace(/-(\d+)-[^.]+/, `-${process.ppid}-00000000`))
      Fs.writeFileSync(reborn, "half")
      assert.strictEqual(yield* put(store, "f", "newer"), "done")
      assert.deepStrictEqual(temporary(root), [])
    })
  )
})

describe("NodeFileStore, when it is made", () => {
  it.live("removes what uploads of dead processes have left, if it belongs to this user", () =>
    Effect.gen(function* () {
      const { inRoot, path, root } = yield* directory({ "a/b/f": "old" })
      const store = yield* NodeFileStore.make({ root, write: "overwrite" })
      yield* store.write(request("f"))
      const [own = ""] = temporary(root)
      const dead = own.replace(/-(\d+)-[^.]+/, `-${process.ppid}-00000000`)
      for (const folder of ["", "a", "a/b"]) Fs.writeFileSync(inRoot(`${folder}/${dead}`), "half")
      if (isRoot) Fs.chownSync(inRoot(`a/${dead}`), 1000, 1000)
      const spool = Path.join(path, "spool")
      Fs.mkdirSync(spool)
      const complete = `${dead}.boot%2Fcaf%E9.complete`
      for (const name of [dead, complete, own, `${own}.x.complete`]) Fs.writeFileSync(Path.join(spool, name), "half")
      // The default: read-only.
      const lines: Array<string> = []
      const logs = Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])
      yield* Effect.provide(NodeFileStore.make({ root, spool }), logs)
      const left = ["", "a", "a/b"].map((folder) => temporary(inRoot(folder)))
      assert.deepStrictEqual(left, [[own], isRoot ? [dead] : [], []])
      assert.sameMembers(Fs.readdirSync(spool), [own, complete, `${own}.x.complete`])
      assert.deepStrictEqual(
        lines.map((line) => line.replace(`${spool}/${complete}`, "SPOOLED").replace(/,.*/, "")),
        ['"SPOOLED": the server was killed while it wrote this upload into "boot/caf\\xe9"']
      )
    })
  )
})

describe("NodeUploadTemporary.markComplete", () => {
  it.live("adds the name of the target, however long, to that of the temporary file", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory({ t: "", u: "" })
      const temporaryOf = (path: string): NodeUploadTemporary.Temporary => ({
        ...{ path, folder: root, descriptor: -1, isBeside: true, prefix: "t", isOpen: false, exists: true }
      })
      yield* NodeUploadTemporary.markComplete(temporaryOf(inRoot("t")), "boot/x")
      yield* NodeUploadTemporary.markComplete(temporaryOf(inRoot("u")), "/".repeat(200))
      const [short, long = ""] = Fs.readdirSync(root).sort()
      assert.strictEqual(short, "t.boot%2Fx.complete")
      assert.isBelow(long.length, 140)
    })
  )
})

const canMount =
  Os.platform() === "linux" &&
  (() => {
    try {
      execFileSync("unshare", ["-m", "mount", "-t", "tmpfs", "none", "/mnt"], { stdio: "ignore" })
      return true
    } catch {
      return false
    }
  })()

describe("NodeFileStore, a full disk", () => {
  const fill = Effect.fnUntraced(function* (free: string) {
    const { root } = yield* directory()
    const mount = 'mount -t tmpfs -o size=256k none "$0" && exec "$@"'
    return yield* output(yield* uploader([root, "fill", free], ["unshare", "-m", "sh", "-c", mount, root]))
  })

  it.live.skipIf(!canMount)("stops an upload with code 3 (needs the right to mount)", () =>
    Effect.gen(function* () {
      const [, all, end] = yield* fill("0")
      const [, half, sameEnd] = yield* fill("131072")
      assert.deepStrictEqual([end, sameEnd], ["DiskFull 3", "DiskFull 3"])
      assert.isAbove(Number(all), 200_000)
      assert.isAtMost(Number(half), 131_072)
      assert.deepStrictEqual(yield* fill("1000000"), ["DiskFull 3"])
    })
  )

  it.live("refuses an announced size above the free space, before the first byte", () =>
    Effect.gen(function* () {
      const { root } = yield* directory()
      const store = yield* NodeFileStore.make({ root, write: "create" })
      assert.strictEqual(yield* put(store, "f", "x", { size: 2 ** 52 }), "DiskFull")
      const picky = yield* NodeFileStore.make({ root, write: "create", minFreeBytes: 2 ** 52 })
      assert.strictEqual(yield* put(picky, "f", "x"), "DiskFull")
      assert.deepStrictEqual(Fs.readdirSync(root), [])
    })
  )
})
