import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { pipe } from "effect/Function"
import * as Ref from "effect/Ref"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as RemapRules from "../../../src/tftp/rules/RemapRules.ts"
import * as FileStore from "../../../src/tftp/store/FileStore.ts"
import * as FileStoreError from "../../../src/tftp/store/FileStoreError.ts"
import * as MemoryStore from "../../../src/tftp/store/MemoryStore.ts"
import type * as Store from "../../../src/tftp/store/Store.ts"
import { bytesOf, get, put, request } from "../../support/Files.ts"

const store = (files: Readonly<Record<string, string>>, write: Store.WriteMode = "none") => {
  const map = new Map(Object.entries(files).map(([name, text]) => [name, bytesOf(text)]))
  return { map, store: MemoryStore.make({ files: map, write }) }
}

const names = (map: ReadonlyMap<string, unknown>) => [...map.keys()].sort()

/** Returns the names in the errors of a file that can be neither read nor written. */
const namesInErrors = (store: Store.Store, filename: string) => {
  const nameIn = <A>(open: Effect.Effect<A, FileStoreError.FileStoreError, Scope.Scope>) =>
    Effect.map(Effect.flip(Effect.scoped(open)), (error) => error.filename)
  return Effect.all([nameIn(store.read(request(filename))), nameIn(store.write(request(filename)))])
}

describe("FileStore.orElse", () => {
  it.effect("opens files in the second store that the first does not have", () =>
    Effect.gen(function* () {
      const both = FileStore.orElse(store({ a: "1" }).store, store({ a: "2", b: "2" }).store)
      assert.strictEqual(yield* get(both, "a"), "1")
      assert.strictEqual(yield* get(both, "b"), "2")
      assert.strictEqual(yield* get(both, "c"), "NotFound")
      assert.strictEqual(yield* get(both, "../b"), "AccessDenied Outside")
    })
  )

  it.effect("skips a read-only store for writing, but no other refusal", () =>
    Effect.gen(function* () {
      const first = store({ a: "1" }, "create")
      const second = store({}, "create")
      assert.strictEqual(yield* put(FileStore.orElse(store({}).store, second.store), "a", "new"), "done")
      assert.deepStrictEqual(names(second.map), ["a"])
      assert.strictEqual(yield* put(FileStore.orElse(first.store, second.store), "a", "new"), "Exists")
    })
  )
})

describe("FileStore.withoutTrailingFf", () => {
  it.effect("reads a name without its last byte 0xff if no file has the whole name, and writes the whole name", () =>
    Effect.gen(function* () {
      const { map, store: root } = store({ fw: "plain", both: "plain", "both\udcff": "with" }, "create")
      const lenient = FileStore.withoutTrailingFf(root)
      assert.strictEqual(yield* get(root, "fw\udcff"), "NotFound")
      assert.strictEqual(yield* get(lenient, "fw\udcff"), "plain")
      assert.strictEqual(yield* get(lenient, "both\udcff"), "with")
      for (const name of ["fw\udcff\udcff", "fw\udcfe", "nope\udcff"]) {
        assert.strictEqual(yield* get(lenient, name), "NotFound")
      }
      const error = yield* Effect.flip(Effect.scoped(lenient.read(request("nope\udcff"))))
      assert.strictEqual(error.message, '"nope\\xff": no such file or folder')
      assert.strictEqual(yield* put(lenient, "new\udcff", "x"), "done")
      assert.deepStrictEqual(names(map), ["both", "both\udcff", "fw", "new\udcff"])
    })
  )
})

describe("FileStore.virtual", () => {
  const files = FileStore.virtual({ "dir/motd": "hello", bytes: bytesOf("abc"), live: Stream.make(bytesOf("now")) })

  it.effect("reads texts, bytes and streams by name", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* get(files, "\\dir\\motd"), "hello")
      assert.strictEqual(yield* get(files, "bytes"), "abc")
      assert.strictEqual(yield* get(files, "__proto__"), "NotFound")
      assert.strictEqual(yield* get(files, "constructor"), "NotFound")
      const { body, size } = yield* files.read(request("live"))
      assert.isUndefined(size)
      if (body._tag === "Stream") assert.deepStrictEqual(yield* Stream.runCollect(body.stream), [bytesOf("now")])
      else assert.fail("no stream")
    })
  )

  it.effect("generates files on request, before another store, and refuses to write them", () =>
    Effect.gen(function* () {
      const made = FileStore.virtual(({ client, filename }) =>
        Effect.succeed(filename === "whoami" ? client.address : undefined)
      )
      const other = store({ f: "file", whoami: "shadowed" }, "overwrite")
      const both = FileStore.orElse(made, other.store)
      assert.strictEqual(yield* get(both, "/whoami"), "192.0.2.7")
      assert.strictEqual(yield* get(both, "f"), "file")
      assert.strictEqual(yield* put(both, "whoami", "x"), "AccessDenied Virtual")
      assert.strictEqual(yield* put(both, "f", "new"), "done")
      assert.strictEqual(yield* get(both, "f"), "new")
    })
  )
})

describe("FileStore.remap", () => {
  const rules = (text: string) => Result.getOrThrow(RemapRules.parse(text))

  it.effect("renames by the rules in force, and names the renamed file in errors", () =>
    Effect.gen(function* () {
      const inForce = yield* Ref.make(rules("r ^x$ a"))
      const renamed = FileStore.remap(store({ a: "1" }).store, Ref.get(inForce))
      assert.strictEqual(yield* get(renamed, "x"), "1")
      yield* Ref.set(inForce, rules("r ^x$ ../a"))
      assert.strictEqual(yield* get(renamed, "x"), "AccessDenied Outside")
      assert.deepStrictEqual(yield* namesInErrors(renamed, "x"), ["../a", "../a"])
    })
  )

  it.effect("refuses with the message of the rule, and rules that do not end", () =>
    Effect.gen(function* () {
      const refusing = FileStore.remap(store({ a: "1" }, "create").store, rules("aP . read\\ only\nrg ^ x"))
      const written = yield* Effect.flip(Effect.scoped(refusing.write(request("b"))))
      assert.deepStrictEqual([written.code, written.peerMessage], [2, "read only"])
      const read = yield* Effect.flip(Effect.scoped(refusing.read(request("a"))))
      assert.deepStrictEqual([read.code, read.peerMessage], [2, "Access denied"])
      assert.match(read.message, /^"a": the rules did not come to an end at line 2;/)
    })
  )
})

describe("FileStore.perClient", () => {
  const files = { "192.0.2.7/f": "own", "192.0.2.8/f": "other", f: "common", g: "common" }

  it.effect("opens files in the client's folder, then in the common root", () =>
    Effect.gen(function* () {
      const { map, store: root } = store(files, "overwrite")
      const own = FileStore.perClient(root)
      const otherClient = { client: { address: "192.0.2.9", port: 1 } }
      assert.strictEqual(yield* get(own, "C:\\f"), "own")
      assert.strictEqual(yield* get(own, "g"), "common")
      assert.strictEqual(yield* get(own, "f", otherClient), "common")
      assert.strictEqual(yield* put(own, "up", "x"), "done")
      assert.strictEqual(yield* put(own, "up", "x", otherClient), "done")
      assert.deepStrictEqual(
        names(map).filter((name) => name.endsWith("up")),
        ["192.0.2.7/up", "up"]
      )
      map.set("sub/f", bytesOf(""))
      assert.strictEqual(yield* put(own, "sub/up", "x"), "done")
      assert.isTrue(map.has("sub/up"))
    })
  )

  it.effect("opens only files of the client's folder without the common root", () =>
    Effect.gen(function* () {
      const own = FileStore.perClient(store(files).store, { common: false })
      assert.strictEqual(yield* get(own, "f"), "own")
      for (const name of ["g", "192.0.2.8/f"]) assert.strictEqual(yield* get(own, name), "NotFound")
      assert.strictEqual(yield* get(own, "../192.0.2.8/f"), "AccessDenied Outside")
      assert.strictEqual(yield* get(own, "x/../../192.0.2.8/f"), "AccessDenied Outside")
      assert.strictEqual(yield* get(own, "x/../f"), "own")
      assert.deepStrictEqual(yield* namesInErrors(own, "g"), ["192.0.2.7/g", "192.0.2.7/g"])
      const none = FileStore.perClient(store(files).store, { common: false, folder: () => undefined })
      assert.strictEqual(yield* get(none, "f"), "NotFound")
    })
  )
})

describe("FileStore.rewrite", () => {
  it.effect("renames by rules or by a function, and the store checks the new name, which errors have", () =>
    Effect.gen(function* () {
      const { store: root } = store({ "pxe/x": "found", f: "file" })
      const rules = FileStore.rewrite(root, [
        { match: /^boot\//i, replace: "pxe/" },
        { match: /^up$/, replace: "../x" }
      ])
      assert.strictEqual(yield* get(rules, "\\Boot\\x"), "found")
      assert.strictEqual(yield* get(rules, "f"), "file")
      assert.strictEqual(yield* get(rules, "up"), "AccessDenied Outside")
      assert.deepStrictEqual(yield* namesInErrors(rules, "up"), ["../x", "../x"])
      const byKind = FileStore.rewrite(root, ({ filename }, kind) =>
        filename === "a" && kind === "read" ? "f" : undefined
      )
      assert.strictEqual(yield* get(byKind, "/a"), "file")
      assert.strictEqual(yield* get(byKind, "b"), "NotFound")
    })
  )
})

describe("The combinators of FileStore", () => {
  it.effect("take the store as the first argument, or pipe it", () =>
    Effect.gen(function* () {
      const { store: root } = store({ "192.0.2.7/f": "own", f: "common", g: "root" })
      const second = FileStore.virtual({ h: "generated" })
      const rules: FileStore.Rewrite = [{ match: /^old$/, replace: "f" }]
      for (const combined of [
        FileStore.orElse(FileStore.rewrite(FileStore.perClient(root), rules), second),
        pipe(root, FileStore.perClient(), FileStore.rewrite(rules), FileStore.orElse(second))
      ]) {
        assert.strictEqual(yield* get(combined, "old"), "own")
        assert.strictEqual(yield* get(combined, "g"), "root")
        assert.strictEqual(yield* get(combined, "h"), "generated")
      }
      for (const own of [
        FileStore.perClient(root, { common: false }),
        pipe(root, FileStore.perClient({ common: false }))
      ]) {
        assert.strictEqual(yield* get(own, "f"), "own")
        assert.strictEqual(yield* get(own, "g"), "NotFound")
      }
    })
  )
})

it("FileStoreError shows details to the operator, and only its kind to the peer", () => {
  const cause = new Error("EIO: i/o error, open '/srv/tftp/f'")
  const error = new FileStoreError.FileStoreError({ reason: new FileStoreError.ReadFailed({ cause }), filename: "f" })
  assert.strictEqual(error.message, '"f": reading failed: input or output failed')
  assert.strictEqual(error.peerMessage, "Read error")
  assert.strictEqual(error.code, 0)
})
