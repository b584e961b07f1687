import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import type * as FileStoreError from "../../../src/tftp/store/FileStoreError.ts"
import type * as Quota from "../../../src/tftp/store/Quota.ts"
import type * as Store from "../../../src/tftp/store/Store.ts"
import { bytesOf, get, put, refusal, request, textOf } from "../../support/Files.ts"

/** The options that every store has. */
interface Options {
  readonly write?: Store.WriteMode
  readonly ignoreCase?: boolean
  readonly quota?: Quota.Limits
}

/** Makes a store with files. */
type Make = (
  files: Readonly<Record<string, string>>,
  options?: Options
) => Effect.Effect<Store.Store, FileStoreError.FileStoreError, Scope.Scope>

/** The tests that every store has to pass. */
export const stores = (name: string, make: Make) =>
  describe(name, () => {
    it.live("reads files at any position", () =>
      Effect.gen(function* () {
        const store = yield* make({ f: "hello world", empty: "", "dir/a..b": "dots", größe: "ü" })
        const { body, size } = yield* store.read(request("/f"))
        assert.strictEqual(size, 11)
        if (body._tag === "Stream") return assert.fail("a stream")
        const into = new Uint8Array(8)
        assert.strictEqual(yield* body.readAt(0, into), 8)
        assert.strictEqual(yield* body.readAt(6, into), 5)
        assert.strictEqual(new TextDecoder().decode(into.subarray(0, 5)), "world")
        assert.strictEqual(yield* body.readAt(11, into), 0)
        assert.strictEqual(yield* get(store, "empty"), "")
        assert.strictEqual(yield* get(store, "\\dir\\a..b"), "dots")
        assert.strictEqual(yield* get(store, "C:größe"), "ü")
      })
    )

    it.live("refuses missing files, folders and invalid names", () =>
      Effect.gen(function* () {
        const store = yield* make({ "dir/f": "x" }, { write: "overwrite" })
        const reads = { "": 4, "a\0": 4, "a\x1b": 4, "../x": 2, dir: 2, "/": 2, nope: 1, "dir/f/g": 1, DIR: 1 }
        for (const [filename, code] of Object.entries({ ...reads, ["x".repeat(500)]: 1, ["x/".repeat(9000)]: 1 })) {
          const error = yield* Effect.flip(Effect.scoped(store.read(request(filename))))
          assert.strictEqual(error.code, code, filename)
          assert.notInclude(error.peerMessage, "/")
        }
        assert.strictEqual(yield* put(store, "dir", "x"), "AccessDenied Directory")
        assert.strictEqual(yield* put(store, "new/f", "x"), "FolderNotFound")
        assert.strictEqual(yield* put(store, "dir/f/g", "x"), "FolderNotFound")
        assert.strictEqual(yield* put(store, "x".repeat(250), "long"), "done")
        assert.strictEqual(yield* put(store, "x".repeat(256), "long"), "NotFound")
      })
    )

    it.live("resolves .. inside the root, for folders that need not exist", () =>
      Effect.gen(function* () {
        const store = yield* make({ "dir/f": "in dir", vmlinuz: "kernel" }, { write: "overwrite" })
        for (const name of [
          "dir/../vmlinuz",
          "discovery/../vmlinuz",
          "\\dir\\..\\vmlinuz",
          "vmlinuz/../dir/../vmlinuz"
        ]) {
          assert.strictEqual(yield* get(store, name), "kernel", name)
        }
        assert.strictEqual(yield* get(store, "a/../dir/x/../f"), "in dir")
        assert.strictEqual(yield* put(store, "dir/../new", "new"), "done")
        assert.strictEqual(yield* get(store, "new"), "new")
        for (const name of ["dir/../../vmlinuz", "../root/vmlinuz", "a\\..\\..\\secret"]) {
          assert.strictEqual(yield* get(store, name), "AccessDenied Outside", name)
          assert.strictEqual(yield* put(store, name, "x"), "AccessDenied Outside", name)
        }
      })
    )

    it.live("has files whose names are not UTF-8", () =>
      Effect.gen(function* () {
        const store = yield* make({}, { write: "create", ignoreCase: true })
        const one = yield* store.write(request("CAF\udce9"))
        assert.strictEqual(yield* put(store, "CAF\udce8", "grave"), "done")
        yield* one.write(bytesOf("acute"))
        yield* one.commit
        assert.strictEqual(yield* put(store, "CAF\ufffd", "another"), "done")
        assert.strictEqual(yield* put(store, "CAF\udce9", "x"), "Exists")
        assert.strictEqual(yield* get(store, "CAF\udce9"), "acute")
        assert.strictEqual(yield* get(store, "caf\udce8"), "grave")
        assert.strictEqual(yield* get(store, "CAF\ufffd"), "another")
        assert.strictEqual(yield* get(store, "CAF\udcea"), "NotFound")
      })
    )

    it.live("writes as its permission allows", () =>
      Effect.gen(function* () {
        const none = yield* make({ f: "old" })
        assert.strictEqual(yield* put(none, "g", "new"), "AccessDenied ReadOnly")
        const create = yield* make({ f: "old" }, { write: "create" })
        assert.strictEqual(yield* put(create, "f", "new"), "Exists")
        assert.strictEqual(yield* put(create, "g", "new"), "done")
        assert.strictEqual(yield* get(create, "f"), "old")
        assert.strictEqual(yield* get(create, "g"), "new")
        const existing = yield* make({ f: "old" }, { write: "existing" })
        assert.strictEqual(yield* put(existing, "f", "new"), "done")
        assert.strictEqual(yield* get(existing, "f"), "new")
        assert.strictEqual(yield* put(existing, "g", "new"), "TargetNotFound")
        assert.strictEqual(yield* put(existing, "none/g", "new"), "TargetNotFound")
        assert.strictEqual(yield* get(existing, "g"), "NotFound")
        const overwrite = yield* make({ f: "old" }, { write: "overwrite" })
        assert.strictEqual(yield* put(overwrite, "f", "new"), "done")
        assert.strictEqual(yield* put(overwrite, "g", ""), "done")
        assert.strictEqual(yield* get(overwrite, "f"), "new")
        assert.strictEqual(yield* get(overwrite, "g"), "")
      })
    )

    it.live("shows an upload after its commit, and the old file to readers that opened it before", () =>
      Effect.gen(function* () {
        const store = yield* make({ f: "the old bytes" }, { write: "overwrite" })
        const before = yield* store.read(request("f"))
        const { commit, write } = yield* store.write(request("f"))
        yield* write(bytesOf("new"))
        assert.strictEqual(yield* get(store, "f"), "the old bytes")
        yield* commit
        assert.strictEqual(yield* get(store, "f"), "new")
        assert.strictEqual(yield* textOf(before), "the old bytes")
      })
    )

    it.live("discards an upload that is not committed, and refuses a second one of the same name meanwhile", () =>
      Effect.gen(function* () {
        const store = yield* make({ f: "old" }, { write: "overwrite" })
        const scope = yield* Scope.make()
        const first = yield* Scope.provide(store.write(request("f")), scope)
        yield* first.write(bytesOf("new"))
        const error = yield* Effect.flip(Effect.scoped(store.write(request("/F".toLowerCase()))))
        assert.strictEqual(`${refusal(error)} ${error.code}`, "Busy 2")
        assert.strictEqual(yield* put(store, "g", "other"), "done")
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual(yield* get(store, "f"), "old")
        assert.strictEqual(yield* put(store, "f", "new"), "done")
      })
    )

    it.live("unlocks a name at the commit, and keeps it locked by a later upload", () =>
      Effect.gen(function* () {
        const store = yield* make({}, { write: "overwrite" })
        const scope = yield* Scope.make()
        const first = yield* Scope.provide(store.write(request("f")), scope)
        yield* first.commit
        const second = yield* store.write(request("f"))
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual(yield* put(store, "f", "third"), "Busy")
        yield* second.write(bytesOf("second"))
        yield* second.commit
        assert.strictEqual(yield* get(store, "f"), "second")
      })
    )

    it.live("does not replace an existing file if it may only create", () =>
      Effect.gen(function* () {
        const store = yield* make({}, { write: "create" })
        assert.strictEqual(yield* put(store, "f", "1"), "done")
        assert.strictEqual(yield* put(store, "f", "2"), "Exists")
      })
    )

    it.live("refuses uploads above its quota", () =>
      Effect.gen(function* () {
        const store = yield* make({ f: "12345" }, { write: "overwrite", quota: { file: 10, total: 20 } })
        assert.strictEqual(yield* put(store, "g", "x", { size: 11 }), "TooLarge")
        assert.strictEqual(yield* put(store, "g", "12345678901"), "TooLarge")
        assert.strictEqual(yield* get(store, "g"), "NotFound")
        assert.strictEqual(yield* put(store, "g", "1234567890", { size: 10 }), "done")
        assert.strictEqual(yield* put(store, "h", "123456"), "TooLarge")
        const waiting = yield* Scope.make()
        yield* Scope.provide(store.write(request("h", { size: 4 })), waiting)
        assert.strictEqual(yield* put(store, "i", "12"), "TooLarge")
        assert.strictEqual(yield* put(store, "i", "1"), "done")
        assert.strictEqual(yield* put(store, "j", "1"), "TooLarge")
        yield* Scope.close(waiting, Exit.void)
        assert.strictEqual(yield* put(store, "g", "1"), "done")
        assert.strictEqual(yield* put(store, "h", "1234567890"), "done")
      })
    )

    it.live("finds names in another case if it ignores case", () =>
      Effect.gen(function* () {
        const store = yield* make({ "Boot/x64.EFI": "efi", "Boot/X": "upper" }, { ignoreCase: true })
        assert.strictEqual(yield* get(store, "\\boot\\X64.efi"), "efi")
        assert.strictEqual(yield* get(store, "Boot/X"), "upper")
        assert.strictEqual(yield* get(store, "boot/y"), "NotFound")
      })
    )

    it.live.prop(
      "returns a file or a refusal for any name",
      [Schema.Array(Schema.Union([Schema.Literals(["..", "/", "\\", "sub", "C:", "~"]), Schema.String]))],
      Effect.fnUntraced(function* ([pieces]) {
        const store = yield* make({ "sub/inside": "yes" }, { write: "create" })
        assert.notInclude(yield* get(store, pieces.join("")), "secret")
        assert.isString(yield* put(store, pieces.join(""), "text"))
      }, Effect.scoped),
      { arbitrary: { runs: 60 } }
    )
  })
