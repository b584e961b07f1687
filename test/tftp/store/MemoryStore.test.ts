import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as MemoryStore from "../../../src/tftp/store/MemoryStore.ts"
import { stores } from "../../suites/tftp/FileStore.ts"
import { bytesOf, get, put, request } from "../../support/Files.ts"

stores("MemoryStore", (files, options) => {
  const map = new Map(Object.entries(files).map(([name, text]) => [name, bytesOf(text)]))
  return Effect.succeed(MemoryStore.make({ ...options, files: map }))
})

describe("MemoryStore.make", () => {
  it.effect("reads files that the program adds to its map, and copies written bytes", () =>
    Effect.gen(function* () {
      const files = new Map<string, Uint8Array>()
      const store = MemoryStore.make({ files, write: "create" })
      files.set("f", bytesOf("now"))
      assert.strictEqual(yield* get(store, "f"), "now")
      const bytes = bytesOf("abc")
      const { commit, write } = yield* store.write(request("g"))
      yield* write(bytes)
      bytes.fill(0)
      yield* commit
      assert.strictEqual(yield* get(store, "g"), "abc")
      assert.strictEqual(yield* put(MemoryStore.make(), "f", "x"), "AccessDenied ReadOnly")
    })
  )
})
