import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as FileName from "../../../src/tftp/store/FileName.ts"
import * as FileStore from "../../../src/tftp/store/FileStore.ts"
import * as NodeFile from "../../../src/tftp/store/NodeFileCalls.ts"
import * as NodeFileStore from "../../../src/tftp/store/NodeFileStore.ts"
import type * as Store from "../../../src/tftp/store/Store.ts"
import { stores } from "../../suites/tftp/FileStore.ts"
import { directory } from "../../support/Directory.ts"
import { bytesOf, get, put, request, textOf } from "../../support/Files.ts"

stores(
  "NodeFileStore, common rules",
  Effect.fnUntraced(function* (files, options) {
    const { path, root } = yield* directory(files)
    Fs.writeFileSync(Path.join(path, "secret"), "secret")
    return yield* NodeFileStore.make({ ...options, root })
  })
)

const open = Effect.fnUntraced(function* (
  files: Readonly<Record<string, string>>,
  options?: Omit<NodeFileStore.Options, "root">
) {
  const place = yield* directory(files)
  Fs.mkdirSync(`${place.root}-priv`)
  Fs.writeFileSync(`${place.root}-priv/p`, "secret")
  return { ...place, store: yield* NodeFileStore.make({ ...options, root: place.root }) }
})

/** Returns the names in a listing. */
const listed = (store: Store.Store, listing: string) =>
  Effect.map(get(store, listing), (text) =>
    text.split("\n").flatMap((line) => line.replace(/^\S+ +(?:\d+|-) /, "") || [])
  )

describe("NodeFileStore", () => {
  it.live("follows links that stay inside the root, and refuses others", () =>
    Effect.gen(function* () {
      const { inRoot, path, root, store } = yield* open({ "v3/f": "inside" }, { write: "overwrite" })
      Fs.symlinkSync("v3/f", inRoot("f"))
      Fs.symlinkSync("v3", inRoot("v"))
      Fs.symlinkSync(`${root}/v3/f`, inRoot("absolute"))
      Fs.symlinkSync("/etc/passwd", inRoot("passwd"))
      Fs.symlinkSync("../root-priv/p", inRoot("sibling"))
      Fs.symlinkSync(`${root}-priv`, inRoot("out"))
      Fs.symlinkSync("loop", inRoot("loop"))
      Fs.symlinkSync("nowhere", inRoot("dangling"))
      for (const name of ["f", "v/f", "absolute"]) assert.strictEqual(yield* get(store, name), "inside")
      for (const name of ["passwd", "sibling", "out/p", "out", "out/nope"]) {
        const expected = name === "out/nope" ? "NotFound" : "AccessDenied Outside"
        assert.strictEqual(yield* get(store, name), expected, name)
      }
      assert.strictEqual(yield* get(store, "loop"), "AccessDenied Link")
      assert.strictEqual(yield* get(store, "dangling"), "NotFound")
      for (const name of ["f", "passwd", "dangling"]) {
        assert.strictEqual(yield* put(store, name, "new"), "AccessDenied Link")
      }
      assert.strictEqual(yield* put(store, "out/new", "new"), "AccessDenied Outside")
      assert.strictEqual(yield* put(store, "v/new", "new"), "done")
      assert.strictEqual(Fs.readFileSync(inRoot("v3/new"), "utf8"), "new")
      assert.deepStrictEqual(Fs.readdirSync(path).sort(), ["root", "root-priv"])
      assert.deepStrictEqual(Fs.readdirSync(`${root}-priv`), ["p"])
    })
  )

  it.live("follows links that lead out of the root if it follows all, and hides unfinished uploads there", () =>
    Effect.gen(function* () {
      const { inRoot, root, store } = yield* open(
        { f: "x" },
        { followSymlinks: "all", ignoreCase: true, listing: "ls" }
      )
      Fs.symlinkSync("../root-priv/p", inRoot("sibling"))
      Fs.symlinkSync(`${root}-priv`, inRoot("out"))
      Fs.symlinkSync(`../root-priv/${FileName.uploadPrefix}x`, inRoot("upload"))
      Fs.writeFileSync(`${root}-priv/${FileName.uploadPrefix}x`, "half")
      Fs.symlinkSync("/dev/null", inRoot("device"))
      for (const name of ["sibling", "out/p", "OUT/P"]) assert.strictEqual(yield* get(store, name), "secret", name)
      assert.strictEqual(yield* get(store, "upload"), "AccessDenied Reserved")
      assert.strictEqual(yield* get(store, "device"), "AccessDenied Device")
      assert.strictEqual(yield* get(store, "out/../../root-priv/p"), "AccessDenied Outside")
      assert.strictEqual(yield* get(store, "out/../f"), "x")
      assert.deepStrictEqual(yield* listed(store, "ls"), ["f", "out/", "sibling"])
      assert.deepStrictEqual(yield* listed(store, "out/ls"), ["p"])
    })
  )

  it.live.skipIf(process.platform !== "linux")("looks into all folders that match if case is ignored (Linux)", () =>
    Effect.gen(function* () {
      const files = { "boot/x": "x", "Boot/BCD": "bcd", "BOOT/fonts/y": "y", "c/z": "z", C: "a file" }
      const { store } = yield* open(files, { ignoreCase: true })
      for (const [name, text] of [
        ["boot/bcd", "bcd"],
        ["BOOT/X", "x"],
        ["boot/Fonts/Y", "y"],
        ["C/Z", "z"],
        ["boot/none", "NotFound"]
      ] as const)
        assert.strictEqual(yield* get(store, name), text, name)
    })
  )

  it.live.skipIf(process.platform !== "linux")("reads and lists names that are not UTF-8 (Linux)", () =>
    Effect.gen(function* () {
      const { root, store } = yield* open({}, { ignoreCase: true, listing: "ls", write: "create" })
      const path = (name: string) => Buffer.concat([Buffer.from(`${root}/`), Buffer.from(name, "latin1")])
      Fs.mkdirSync(path("k\xfcche"))
      Fs.writeFileSync(path("k\xfcche/caf\xe9.bin"), "latin")
      Fs.symlinkSync(path("k\xfcche/caf\xe9.bin"), path("link"))
      assert.strictEqual(yield* get(store, "k\udcfcche/caf\udce9.bin"), "latin")
      assert.strictEqual(yield* get(store, "K\udcfcche/CAF\udce9.BIN\udcff"), "latin")
      assert.strictEqual(yield* get(store, "link"), "latin")
      assert.strictEqual(yield* get(store, "küche/café.bin"), "NotFound")
      assert.strictEqual(yield* put(store, "k\udcfcche/\udce4", "new"), "done")
      assert.strictEqual(Fs.readFileSync(path("k\xfcche/\xe4"), "utf8"), "new")
      assert.deepStrictEqual(yield* listed(store, "ls"), ["k\udcfcche/", "link"])
      assert.deepStrictEqual(yield* listed(store, "k\udcfcche/ls"), ["caf\udce9.bin", "\udce4"])
    })
  )

  it.live.skipIf(process.platform !== "linux")("serves a root whose name is not UTF-8 (Linux)", () =>
    Effect.gen(function* () {
      const { root } = yield* open({})
      const folder = Buffer.concat([Buffer.from(root), Buffer.from("/\xe9", "latin1")])
      Fs.mkdirSync(folder)
      const store = yield* NodeFileStore.make({ root: `${root}/\udce9`, write: "create" })
      assert.strictEqual(yield* put(store, "f", "text"), "done")
      assert.strictEqual(yield* get(store, "f"), "text")
    })
  )

  it.live("lists a folder: entries that can be requested, by name, with size and time", () =>
    Effect.gen(function* () {
      const files = {
        b: "four",
        "a b": "x".repeat(12),
        "sub/c": "",
        "dir/ls": "a file",
        [`${FileName.uploadPrefix}x`]: ""
      }
      const { inRoot, store } = yield* open(files, { listing: "ls" })
      for (const name of ["C:", "back\\slash", "line\nfeed"]) Fs.writeFileSync(inRoot(name), "")
      execFileSync("mkfifo", [inRoot("pipe")])
      Fs.symlinkSync("b", inRoot("link"))
      for (const [name, target] of [
        ["out", "/etc"],
        ["dangling", "nowhere"],
        ["loop", "loop"]
      ] as const) {
        Fs.symlinkSync(target, inRoot(name))
      }
      const at = new Date("2001-02-03T04:05:06.789Z")
      for (const name of ["b", "a b", "sub", "dir"]) Fs.utimesSync(inRoot(name), at, at)
      assert.strictEqual(
        yield* get(store, "/ls"),
        [
          "2001-02-03T04:05:06Z 12 a b\n",
          "2001-02-03T04:05:06Z  4 b\n",
          "2001-02-03T04:05:06Z  - dir/\n",
          "2001-02-03T04:05:06Z  4 link\n",
          "2001-02-03T04:05:06Z  - sub/\n"
        ].join("")
      )
      assert.strictEqual(yield* get(store, "dir/ls"), "a file")
      assert.deepStrictEqual(yield* listed(store, "sub\\ls"), ["c"])
      for (const name of ["nope/ls", "b/ls", "LS", "ls/x"])
        assert.strictEqual(yield* get(store, name), "NotFound", name)
      assert.strictEqual(yield* get(store, "out/ls"), "AccessDenied Outside")
      assert.strictEqual(yield* get(yield* NodeFileStore.make({ root: inRoot("") }), "ls"), "NotFound")
    })
  )

  it.live("lists no name that is too long to be requested, and an empty folder as an empty file", () =>
    Effect.gen(function* () {
      const folder = `${"d".repeat(250)}/${"e".repeat(250)}`
      const { inRoot, store } = yield* open({ [`${folder}/f`]: "", [`${folder}/gh`]: "" }, { listing: "l" })
      assert.deepStrictEqual(yield* listed(store, `${folder}/l`), ["f"])
      Fs.mkdirSync(inRoot("empty"))
      assert.strictEqual(yield* get(store, "empty/l"), "")
    })
  )

  it.live.skipIf(process.getuid?.() === 0)("lists no file that cannot be read (skipped as root)", () =>
    Effect.gen(function* () {
      const { inRoot, store } = yield* open({ f: "x", secret: "y", "closed/f": "z" }, { listing: "ls" })
      Fs.chmodSync(inRoot("secret"), 0)
      Fs.chmodSync(inRoot("closed"), 0)
      assert.deepStrictEqual(yield* listed(store, "ls"), ["f"])
      Fs.chmodSync(inRoot("closed"), 0o700)
    })
  )

  it.live("takes requested names as names below the root", () =>
    Effect.gen(function* () {
      const { root, store } = yield* open({ f: "x" })
      assert.strictEqual(yield* get(store, `${root}/f`), "NotFound")
      assert.strictEqual(yield* get(store, "/etc/passwd"), "NotFound")
      for (const name of [`${root}-priv/p`, "-priv/p", "root-priv/p"]) {
        assert.strictEqual(yield* get(store, name), "NotFound")
      }
      const error = yield* Effect.flip(Effect.scoped(store.read(request("nope"))))
      assert.notInclude(error.message + error.peerMessage, root)
    })
  )

  it.live("refuses pipes, sockets and devices without waiting for them", () =>
    Effect.gen(function* () {
      const { inRoot, store } = yield* open({}, { write: "overwrite" })
      execFileSync("mkfifo", [inRoot("pipe")])
      const server = yield* Effect.acquireRelease(
        Effect.callback<Net.Server>((resume) => {
          const server = Net.createServer().listen(inRoot("socket"), () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.callback<void>((resume) => void server.close(() => resume(Effect.void)))
      )
      assert.isTrue(server.listening)
      for (const name of ["pipe", "socket"]) {
        assert.strictEqual(yield* get(store, name), "AccessDenied Device")
        assert.strictEqual(yield* put(store, name, "x"), "AccessDenied Device")
      }
      const devices = yield* NodeFileStore.make({ root: "/dev" })
      for (const name of ["null", "zero", "full"]) assert.strictEqual(yield* get(devices, name), "AccessDenied Device")
    })
  )

  it.live("hides the files of unfinished uploads, also behind a link", () =>
    Effect.gen(function* () {
      const name = `${FileName.uploadPrefix}x`
      const { inRoot, store } = yield* open({ [name]: "half" }, { ignoreCase: true, write: "overwrite" })
      Fs.symlinkSync(name, inRoot("link"))
      for (const asked of [name, name.toUpperCase(), "link"]) {
        assert.strictEqual(yield* get(store, asked), "AccessDenied Reserved")
      }
      assert.strictEqual(yield* put(store, name, "x"), "AccessDenied Reserved")
    })
  )

  it.live("reads from the current target of a root that is a link", () =>
    Effect.gen(function* () {
      const { inRoot } = yield* open({ "v1/f": "one", "v2/f": "two" })
      Fs.symlinkSync("v1", inRoot("current"))
      const store = yield* NodeFileStore.make({ root: inRoot("current") })
      assert.strictEqual(yield* get(store, "f"), "one")
      Fs.symlinkSync("v2", inRoot("next"))
      Fs.renameSync(inRoot("next"), inRoot("current"))
      assert.strictEqual(yield* get(store, "f"), "two")
    })
  )

  it.live("returns a descriptor, reads large files at any position, and reports read errors", () =>
    Effect.gen(function* () {
      const { inRoot, store } = yield* open({ big: "" })
      Fs.truncateSync(inRoot("big"), 5 * 2 ** 30)
      const scope = yield* Scope.make()
      const { body, descriptor, size } = yield* Scope.provide(store.read(request("big")), scope)
      assert.strictEqual(size, 5 * 2 ** 30)
      assert.isTrue(Fs.fstatSync(descriptor!).isFile())
      if (body._tag === "Stream") return assert.fail("a stream")
      const into = new Uint8Array(262_144).fill(1)
      assert.strictEqual(yield* body.readAt(5 * 2 ** 30 - 1000, into), 1000)
      assert.strictEqual(into[999]! + into[1000]!, 1)
      yield* Scope.close(scope, Exit.void)
      assert.throws(() => Fs.fstatSync(descriptor!))
      const error = yield* Effect.flip(body.readAt(0, into))
      assert.strictEqual(`${error.reason._tag} ${error.code}`, "ReadFailed 0")
    })
  )

  it.live("fails to start if the root is not a directory", () =>
    Effect.gen(function* () {
      const { inRoot } = yield* open({ f: "x" })
      for (const root of [inRoot("f"), inRoot("nope"), "a\0b"]) {
        const error = yield* Effect.flip(NodeFileStore.make({ root }))
        assert.strictEqual(error.reason._tag, "BadRoot")
        assert.notInclude(error.peerMessage, root)
      }
    })
  )

  it.live("is provided by a layer", () =>
    Effect.gen(function* () {
      const { root } = yield* open({ f: "text" })
      const read = Effect.flatMap(FileStore.FileStore, (store) => Effect.flatMap(store.read(request("f")), textOf))
      assert.strictEqual(yield* Effect.provide(read, NodeFileStore.layer({ root })), "text")
    })
  )
})

describe("NodeFile", () => {
  it.live("finds the current path of an open file, with and without /proc", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* open({ f: "x", g: "y" })
      const descriptor = yield* Effect.acquireRelease(NodeFile.open(inRoot("f"), Fs.constants.O_RDONLY), (descriptor) =>
        Effect.ignore(NodeFile.close(descriptor))
      )
      assert.strictEqual(yield* NodeFile.realPathOf(descriptor, inRoot("f"), "/nowhere"), inRoot("f"))
      assert.strictEqual((yield* Effect.flip(NodeFile.realPathOf(descriptor, inRoot("g"), "/nowhere"))).code, "ENOENT")
      assert.strictEqual(yield* NodeFile.pathThrough(descriptor, root, "/nowhere"), root)
      if (process.platform !== "linux") return
      Fs.renameSync(inRoot("f"), `${root}-priv/f`)
      assert.strictEqual(yield* NodeFile.realPathOf(descriptor, inRoot("f")), `${root}-priv/f`)
    })
  )

  it("compares paths by folder, not by prefix", () => {
    assert.isTrue(NodeFile.isInside("/srv", "/srv/f"))
    assert.isTrue(NodeFile.isInside("/", "/f"))
    assert.isFalse(NodeFile.isInside("/srv", "/srv-priv/f"))
  })

  it.each([
    ["ENOSPC", 3],
    ["EDQUOT", 3],
    ["EROFS", 2],
    ["EACCES", 2],
    ["ENAMETOOLONG", 1],
    ["ENXIO", 2],
    ["EIO", 0],
    ["EMFILE", 0]
  ])("maps %s to code %i", (code, expected) => {
    assert.strictEqual(NodeFile.writeReason(NodeFile.errno(code)).code, expected)
    assert.strictEqual(NodeFile.readReason(NodeFile.errno(code)).code, expected)
  })

  it("explains a read-only file system, not the permission to write", () => {
    const { detail } = NodeFile.writeReason(NodeFile.errno("EROFS"))
    assert.strictEqual(
      detail,
      "the file system is mounted read-only; mount it for writing, or move the folder to another one"
    )
  })
})

/** Replaces a folder by a link out of the root and back, at varying times during the effect. */
const swapping = <A, E>(
  { inRoot, root }: { readonly inRoot: (name: string) => string; readonly root: string },
  effect: Effect.Effect<A, E>
) =>
  Effect.suspend(() => {
    Fs.symlinkSync(`${root}-priv`, inRoot("link"))
    let [other, spare] = ["link", "real"]
    const turn = (steps: number) =>
      Effect.sync(() => {
        Fs.renameSync(inRoot("d"), inRoot(spare))
        Fs.renameSync(inRoot(other), inRoot("d"))
        ;[other, spare] = [spare, other]
      }).pipe(Effect.andThen(Effect.repeat(Effect.ignore(NodeFile.lstat(root)), { times: steps })))
    const turns = Effect.forEach([1, 3, 2, 1, 2, 4, 1], turn, { discard: true })
    return Effect.raceFirst(effect, Effect.forever(turns))
  })

it.live("NodeFileStore opens no file outside of the root when a folder is replaced by a link during the open", () =>
  Effect.gen(function* () {
    const place = yield* open({ "d/p": "inside" }, { write: "overwrite" })
    const { root, store } = place
    const seen = new Set<string>()
    let uploads = 0
    const once = Effect.gen(function* () {
      seen.add(yield* get(store, "d/p"))
      yield* put(store, `d/new${++uploads}`, "text")
    })
    yield* swapping(place, Effect.repeat(once, { times: 500 }))
    assert.includeMembers(["inside", "NotFound", "AccessDenied Outside"], [...seen])
    assert.isAbove(seen.size, 1)
    assert.deepStrictEqual(Fs.readdirSync(`${root}-priv`), ["p"])
  })
)

it.live.skipIf(process.platform !== "linux")(
  "NodeFileStore leaves no descriptor open after an interruption (Linux)",
  () =>
    Effect.gen(function* () {
      const { store } = yield* open({ f: "x" }, { write: "overwrite" })
      const count = () => Fs.readdirSync("/proc/self/fd").length
      const before = count()
      yield* Effect.scoped(Effect.andThen(store.read(request("f")), Effect.interrupt)).pipe(Effect.exit)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { write } = yield* store.write(request("g"))
          yield* write(bytesOf("half"))
        })
      )
      assert.strictEqual(count(), before)
    })
)
