import { execFileSync, spawn, spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import * as FileName from "../../../src/tftp/store/FileName.ts"
import * as NodeFileStore from "../../../src/tftp/store/NodeFileStore.ts"
import { directory } from "../../support/Directory.ts"
import { bytesOf, get, put, request } from "../../support/Files.ts"
import type { Put, Report } from "../../support/tftp/Replacer.ts"

const program = fileURLToPath(new URL("../../support/tftp/Replacer.ts", import.meta.url))

const isRoot = process.getuid?.() === 0

const works = (command: string, ...args: ReadonlyArray<string>) => spawnSync(command, args).status === 0

const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
const canBecomeNobody = isRoot && works("setpriv", "--version")
const canMount = isRoot && works("unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt")

/** Writes files in a child process, under other commands. */
const putUnder = (before: ReadonlyArray<string>, root: string, puts: ReadonlyArray<Put>): Report => {
  const [command = "", ...args] = [...before, process.execPath, program, JSON.stringify({ root, puts })]
  return JSON.parse(execFileSync(command, args, { encoding: "utf8" }))
}

/** Runs an effect with a logger; returns its result and the lines. */
const withLog = <A, E, R>(effect: Effect.Effect<A, E, R>) => {
  const lines: Array<string> = []
  const logs = Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])
  return Effect.map(Effect.provide(effect, logs), (value) => [value, lines] as const)
}

/** Writes a file with a mode, whatever the umask. */
const file = (path: string, text: string, mode: number, owner?: readonly [user: number, group: number]) => {
  Fs.writeFileSync(path, text)
  if (owner !== undefined) Fs.chownSync(path, ...owner)
  Fs.chmodSync(path, mode)
}

const stateOf = (path: string) => {
  const { gid, ino, mode, uid } = Fs.statSync(path)
  return { ino, mode: (mode & 0o7777).toString(8), owner: `${uid}:${gid}`, text: Fs.readFileSync(path, "utf8") }
}

const temporary = (folder: string) => Fs.readdirSync(folder).filter((name) => name.startsWith(FileName.uploadPrefix))

describe("NodeFileStore, an upload over an existing file", () => {
  it.live("is a rename that keeps the mode, but neither set-user-ID nor set-group-ID", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory()
      file(inRoot("f"), "old", 0o640)
      file(inRoot("s"), "old", 0o6751)
      const store = yield* NodeFileStore.make({ root, write: "overwrite", permissions: 0o666 })
      const before = stateOf(inRoot("f"))
      const reader = Fs.openSync(inRoot("f"), "r")
      const [outcomes, lines] = yield* withLog(Effect.all([put(store, "f", "new"), put(store, "s", "new")]))
      assert.deepStrictEqual([outcomes, lines], [["done", "done"], []])
      const after = stateOf(inRoot("f"))
      assert.deepStrictEqual({ ...after, ino: 0 }, { ...before, ino: 0, text: "new" })
      assert.notStrictEqual(after.ino, before.ino)
      assert.strictEqual(Fs.readFileSync(reader, "utf8"), "old")
      Fs.closeSync(reader)
      assert.strictEqual(stateOf(inRoot("s")).mode, "751")
      assert.deepStrictEqual(Fs.readdirSync(root).sort(), ["f", "s"])
    })
  )

  it.live.skipIf(!isRoot)("keeps the owner and the group (skipped without root)", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory()
      file(inRoot("f"), "old", 0o664, [1000, 2000])
      const store = yield* NodeFileStore.make({ root, write: "overwrite" })
      const { ino } = stateOf(inRoot("f"))
      assert.strictEqual(yield* put(store, "f", "new"), "done")
      const after = stateOf(inRoot("f"))
      assert.deepStrictEqual({ ...after, ino: 0 }, { ino: 0, mode: "664", owner: "1000:2000", text: "new" })
      assert.notStrictEqual(after.ino, ino)
    })
  )

  it.live("is refused before its first byte if no one may write the file, also to root", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory()
      file(inRoot("f"), "old", 0o444)
      for (const replace of ["auto", "atomic", "in-place"] as const) {
        const store = yield* NodeFileStore.make({ root, write: "overwrite", replace })
        const error = yield* Effect.flip(Effect.scoped(store.write(request("f"))))
        assert.strictEqual(
          error.message,
          '"f": permission denied; check the owner and the mode of the file and its folders'
        )
      }
      assert.deepStrictEqual({ ...stateOf(inRoot("f")), ino: 0 }.text, "old")
      assert.deepStrictEqual(Fs.readdirSync(root), ["f"])
    })
  )

  it.live("is written in place to keep hard links, and says so; a rename separates them", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory({ f: "the old content" })
      Fs.linkSync(inRoot("f"), inRoot("g"))
      const auto = yield* NodeFileStore.make({ root, write: "overwrite" })
      const [outcome, lines] = yield* withLog(put(auto, "f", "short"))
      assert.strictEqual(outcome, "done")
      assert.deepStrictEqual(lines, ['"f": written in place, not replaced atomically: it has other hard links'])
      assert.strictEqual(Fs.readFileSync(inRoot("g"), "utf8"), "short")
      const long = "a longer content than before".repeat(100_000)
      assert.strictEqual((yield* withLog(put(auto, "g", long)))[0], "done")
      assert.strictEqual(Fs.readFileSync(inRoot("f"), "utf8"), long)
      assert.strictEqual(stateOf(inRoot("f")).ino, stateOf(inRoot("g")).ino)
      const atomic = yield* NodeFileStore.make({ root, write: "overwrite", replace: "atomic" })
      assert.strictEqual(yield* put(atomic, "f", "separate"), "done")
      assert.strictEqual(Fs.readFileSync(inRoot("g"), "utf8"), long)
      assert.deepStrictEqual(Fs.readdirSync(root).sort(), ["f", "g"])
    })
  )

  it.live("leaves the file as it was until the whole upload is on the disk, also if it is written in place", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory({ f: "the old content" })
      const { ino } = stateOf(inRoot("f"))
      const store = yield* NodeFileStore.make({ root, write: "overwrite", replace: "in-place", sync: true })
      const scope = yield* Scope.make()
      const upload = yield* Scope.provide(store.write(request("f")), scope)
      yield* upload.write(bytesOf("new"))
      const [spooled = ""] = temporary(root)
      assert.strictEqual(Fs.readFileSync(inRoot(spooled), "utf8"), "new")
      assert.strictEqual(Fs.readFileSync(inRoot("f"), "utf8"), "the old content")
      yield* upload.commit
      assert.deepStrictEqual(temporary(root), [])
      assert.strictEqual(yield* put(store, "f", "newer"), "done")
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual([stateOf(inRoot("f")).ino, yield* get(store, "f")], [ino, "newer"])
      yield* Effect.scoped(Effect.flatMap(store.write(request("f")), ({ write }) => write(bytesOf("aborted"))))
      assert.strictEqual(yield* get(store, "f"), "newer")
      assert.deepStrictEqual(Fs.readdirSync(root), ["f"])
    })
  )

  it.live.skipIf(!canBecomeNobody)(
    "of another user is written in place if its folder or its owner demands it (needs root)",
    () =>
      Effect.gen(function* () {
        const { inRoot, path, root } = yield* directory()
        Fs.chmodSync(path, 0o755)
        for (const [folder, mode] of [
          ["shut", 0o755],
          ["sticky", 0o1777],
          ["open", 0o777],
          ["own", 0o777]
        ] as const) {
          Fs.mkdirSync(inRoot(folder))
          Fs.chmodSync(inRoot(folder), mode)
        }
        Fs.mkdirSync(Path.join(path, "spool"), { mode: 0o700 })
        for (const folder of ["shut", "sticky", "open"]) file(inRoot(`${folder}/f`), "old", 0o666)
        file(inRoot("shut/private"), "old", 0o644)
        file(inRoot("own/f"), "old", 0o640, [65_534, 65_534])
        const inodes = ["shut", "sticky", "open"].map((folder) => stateOf(inRoot(`${folder}/f`)).ino)
        const { lines, outcomes } = putUnder(nobody, root, [
          [{}, "shut/f", "new"],
          [{}, "sticky/f", "new"],
          [{}, "open/f", "new"],
          [{}, "own/f", "new"],
          [{}, "shut/private", "new"],
          [{}, "shut/missing", "new"],
          [{ replace: "atomic" }, "shut/f", "newer"],
          [{ replace: "atomic" }, "sticky/f", "newer"],
          [{ spool: Path.join(path, "spool") }, "shut/f", "newer"]
        ])
        assert.deepStrictEqual(outcomes, [
          ...["done", "done", "done", "done"],
          ...["refused: AccessDenied Forbidden", "refused: AccessDenied Forbidden"],
          ...["refused: NotReplaceable Folder", "refused: NotReplaceable Sticky"],
          "refused: WriteFailed"
        ])
        assert.deepStrictEqual(lines, [
          '"shut/f": written in place, not replaced atomically: its folder is not writable',
          '"sticky/f": written in place, not replaced atomically: its folder is sticky, and it belongs to another user',
          '"open/f": written in place, not replaced atomically: its owner and group cannot be kept'
        ])
        for (const [index, folder] of ["shut", "sticky", "open"].entries()) {
          const expected = { ino: inodes[index], mode: "666", owner: "0:0", text: "new" }
          assert.deepStrictEqual(stateOf(inRoot(`${folder}/f`)), expected)
        }
        assert.deepInclude(stateOf(inRoot("own/f")), { mode: "640", owner: "65534:65534", text: "new" })
        for (const folder of ["shut", "sticky", "open", "own"]) assert.deepStrictEqual(temporary(inRoot(folder)), [])
      })
  )

  it.live.skipIf(!canBecomeNobody)(
    "is renamed with the owner that is permitted if it has to be atomic (needs root)",
    () =>
      Effect.gen(function* () {
        const { inRoot, path, root } = yield* directory()
        Fs.chmodSync(path, 0o755)
        Fs.chmodSync(root, 0o777)
        file(inRoot("f"), "old", 0o666, [0, 65_534])
        const { lines, outcomes } = putUnder(nobody, root, [[{ replace: "atomic" }, "f", "new"]])
        assert.deepStrictEqual([lines, outcomes], [[], ["done"]])
        assert.deepInclude(stateOf(inRoot("f")), { mode: "666", owner: "65534:65534", text: "new" })
      })
  )

  it.live.skipIf(!canMount)("is written in place if the file is a mount point (needs the right to mount)", () =>
    Effect.gen(function* () {
      const { inRoot, path, root } = yield* directory({ same: "mount point", other: "mount point" })
      file(Path.join(path, "source"), "old", 0o644)
      const mount = [
        'mount --bind "$0/source" "$0/root/same"',
        'mount -t tmpfs -o size=256k none /mnt && echo old > /mnt/f && mount --bind /mnt/f "$0/root/other"',
        '"$@" && cat "$0/root/other" >&2'
      ].join(" && ")
      const before = ["unshare", "-m", "sh", "-c", mount, path]
      const { lines, outcomes } = putUnder(before, root, [
        [{}, "same", "new"],
        [{}, "other", "new"],
        [{ replace: "atomic" }, "same", "newer"],
        [{ replace: "atomic" }, "other", "newer"]
      ])
      assert.deepStrictEqual(outcomes, [
        "done",
        "done",
        "refused: NotReplaceable Mount",
        "refused: NotReplaceable Mount"
      ])
      assert.deepStrictEqual(
        lines,
        ["same", "other"].map((name) => `"${name}": written in place, not replaced atomically: it is a mount point`)
      )
      assert.strictEqual(Fs.readFileSync(Path.join(path, "source"), "utf8"), "new")
      assert.strictEqual(Fs.readFileSync(inRoot("same"), "utf8"), "mount point")
      assert.deepStrictEqual(temporary(root), [])
    })
  )

  it.live.skipIf(!canMount)("leaves the file as it was if the disk is full (needs the right to mount)", () =>
    Effect.gen(function* () {
      const { path, root } = yield* directory({ f: "mount point" })
      const mount = [
        'mount -t tmpfs -o size=128k none /mnt && echo old > /mnt/f && mount --bind /mnt/f "$0/root/f"',
        '"$@" && cmp -s /mnt/f "$0/expected"'
      ].join(" && ")
      Fs.writeFileSync(Path.join(path, "expected"), "old\n")
      const { outcomes } = putUnder(["unshare", "-m", "sh", "-c", mount, path], root, [[{}, "f", 320_000]])
      assert.deepStrictEqual(outcomes, ["DiskFull"])
      assert.deepStrictEqual(Fs.readdirSync(root), ["f"])
    })
  )
})

describe("NodeFileStore, a killed server", () => {
  it.live("leaves the file as it was, or the whole upload beside it", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory({ f: "old", g: "other" })
      const text = "the new content ".repeat(1_000_000)
      const child = spawn(process.execPath, [
        program,
        JSON.stringify({ root, puts: [[{ replace: "in-place" }, "f", 16_000_000]] })
      ])
      const ended = Effect.callback<void>((resume) => void child.once("exit", () => resume(Effect.void)))
      while (child.exitCode === null && Fs.statSync(inRoot("f")).size === 3)
        yield* Effect.promise(() => new Promise(setImmediate))
      child.kill("SIGKILL")
      yield* ended
      const [left] = temporary(root)
      const store = yield* NodeFileStore.make({ root, write: "overwrite", replace: "in-place" })
      assert.strictEqual(Fs.readFileSync(inRoot(left ?? "f"), "utf8"), text)
      assert.strictEqual(yield* put(store, "g", "new"), "done")
      assert.deepStrictEqual(temporary(root), left === undefined ? [] : [left])
      assert.strictEqual(yield* put(store, "f", "newer"), "done")
      assert.deepStrictEqual(Fs.readdirSync(root).sort(), ["f", "g"])
    })
  )
})

/** Returns true if files of the temporary folder may have extended attributes, and a program can set them. */
const canSetAttributes = () => {
  const folder = Fs.mkdtempSync("/tmp/inet-xattr-")
  try {
    Fs.writeFileSync(Path.join(folder, "f"), "")
    return setAttribute(Path.join(folder, "f"), "yes") && works("cp", "--attributes-only", "--version")
  } finally {
    Fs.rmSync(folder, { recursive: true })
  }
}

const setAttribute = (path: string, value: string) =>
  works("python3", "-c", `import os, sys; os.setxattr(sys.argv[1], "user.inet", sys.argv[2].encode())`, path, value)

const attributeOf = (path: string) =>
  spawnSync("python3", ["-c", `import os, sys; print(os.getxattr(sys.argv[1], "user.inet").decode())`, path])
    .stdout.toString()
    .trim()

describe("NodeFileStore, attributes", () => {
  it.live.skipIf(!canSetAttributes())("keeps extended attributes in a rename (needs python3 and GNU cp)", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory({ f: "old" })
      assert.isTrue(setAttribute(inRoot("f"), "kept"))
      const { ino } = stateOf(inRoot("f"))
      const store = yield* NodeFileStore.make({ root, write: "overwrite" })
      const [outcome, lines] = yield* withLog(put(store, "f", "new"))
      assert.deepStrictEqual([outcome, lines], ["done", []])
      assert.strictEqual(attributeOf(inRoot("f")), "kept")
      assert.notStrictEqual(stateOf(inRoot("f")).ino, ino)
    })
  )

  it.live("gives new files and folders the permissions of the options, whatever the umask", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory()
      const modeAfter = Effect.fnUntraced(function* (options: Omit<NodeFileStore.Options, "root">, name: string) {
        const store = yield* NodeFileStore.make({ root, write: "create", mkdirs: true, ...options })
        assert.strictEqual(yield* put(store, name, "new"), "done")
        return [Path.dirname(name), name].map((path) => stateOfMode(inRoot(path)))
      })
      assert.deepStrictEqual(yield* modeAfter({}, "a/f"), ["755", "644"])
      assert.deepStrictEqual(yield* modeAfter({ umask: 0o002 }, "b/f"), ["775", "664"])
      assert.deepStrictEqual(yield* modeAfter({ umask: 0o077 }, "c/f"), ["700", "600"])
      assert.deepStrictEqual(yield* modeAfter({ permissions: 0o666 }, "d/f"), ["755", "666"])
      Fs.chmodSync(inRoot("a"), 0o2755)
      assert.deepStrictEqual(yield* modeAfter({ umask: 0o002 }, "a/b/f"), ["2775", "664"])
    })
  )
})

const stateOfMode = (path: string) => (Fs.statSync(path).mode & 0o7777).toString(8)

describe("NodeFileStore, folders of uploads", () => {
  it.live("are created only if that is allowed, and up to a depth", () =>
    Effect.gen(function* () {
      const { inRoot, path, root } = yield* directory({ "a/f": "old" })
      const plain = yield* NodeFileStore.make({ root, write: "create" })
      assert.strictEqual(yield* put(plain, "a/b/f", "new"), "FolderNotFound")
      const store = yield* NodeFileStore.make({ root, write: "create", mkdirs: true })
      assert.strictEqual(yield* put(store, "a/b/c/f", "new"), "done")
      assert.strictEqual(Fs.readFileSync(inRoot("a/b/c/f"), "utf8"), "new")
      assert.strictEqual(yield* put(store, "1/2/3/4/5/6/7/8/f", "new"), "done")
      assert.strictEqual(yield* put(store, "1/2/3/4/5/6/7/8/9/f", "new"), "AccessDenied TooDeep")
      assert.strictEqual(yield* put(store, "x/".repeat(250), "new"), "AccessDenied TooDeep")
      assert.strictEqual(yield* put(store, "a/f/g", "new"), "NotFound")
      Fs.symlinkSync(path, inRoot("out"))
      Fs.symlinkSync("nowhere", inRoot("dangling"))
      assert.strictEqual(yield* put(store, "out/new/f", "new"), "AccessDenied Outside")
      assert.strictEqual(yield* put(store, "dangling/f", "new"), "NotFound")
      assert.deepStrictEqual(Fs.readdirSync(path), ["root"])
    })
  )

  it.live("are removed again if the upload fails, unless another has used them", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory()
      const store = yield* NodeFileStore.make({ root, write: "create", mkdirs: true })
      const scope = yield* Scope.make()
      yield* Scope.provide(store.write(request("a/b/f")), scope)
      assert.strictEqual(yield* put(store, "a/g", "new"), "done")
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(Fs.readdirSync(inRoot("a")), ["g"])
      yield* Effect.scoped(store.write(request("b/c/f")))
      assert.deepStrictEqual(Fs.readdirSync(root), ["a"])
    })
  )

  it.live("are below the upload root, if there is one", () =>
    Effect.gen(function* () {
      const { inRoot, path, root } = yield* directory({ "in/f": "secret", f: "old" })
      const store = yield* NodeFileStore.make({ root, uploadRoot: inRoot("in"), write: "overwrite" })
      assert.strictEqual(yield* put(store, "f", "new"), "done")
      assert.strictEqual(yield* put(store, "../f", "new"), "AccessDenied Outside")
      assert.strictEqual(yield* get(store, "f"), "old")
      assert.strictEqual(Fs.readFileSync(inRoot("in/f"), "utf8"), "new")
      const missing = Path.join(path, "missing")
      const error = yield* Effect.flip(NodeFileStore.make({ root, uploadRoot: missing }))
      assert.strictEqual(error.message, `"${missing}": not a readable directory: no such file or directory`)
    })
  )
})
