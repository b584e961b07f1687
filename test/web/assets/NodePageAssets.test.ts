import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Zlib from "node:zlib"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { build } from "../../../scripts/build-page.ts"
import * as NodePageAssets from "../../../src/web/assets/NodePageAssets.ts"

describe("NodePageAssets", () => {
  const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-inet-assets-"))

  beforeAll(() => build(folder))
  afterAll(() => Fs.rmSync(folder, { recursive: true, force: true }))

  it.live("has the page of the sources, compressed, the same as the package", () =>
    Effect.gen(function* () {
      const assets = yield* NodePageAssets.make
      const index = yield* assets.get("/")
      assert.strictEqual(index?.type, "text/html; charset=utf-8")
      assert.isFalse(index?.isImmutable)
      const names = Fs.globSync("**/*.{html,js,css,svg}", { cwd: folder })
      assert.isAbove(names.length, 5)
      for (const name of names) {
        const asset = yield* assets.get(`/${name}`)
        assert.isDefined(asset, name)
        assert.isTrue(Fs.readFileSync(Path.join(folder, name)).equals(asset!.bytes), name)
        assert.strictEqual(asset!.isImmutable, name.startsWith("assets/"))
        if (asset!.brotli !== undefined)
          assert.isTrue(Zlib.brotliDecompressSync(asset!.brotli).equals(asset!.bytes), name)
        assert.match(asset!.etag, /^"[\w-]{43}"$/)
      }
      assert.isUndefined(yield* assets.get("/licenses.txt"))
      assert.isUndefined(yield* assets.get("/../package.json"))
    }).pipe(Effect.scoped)
  )

  it.live("reads the bundle once for all requests", () =>
    Effect.gen(function* () {
      const assets = yield* NodePageAssets.make
      const all = yield* Effect.all(
        Array.from({ length: 20 }, () => assets.get("/")),
        { concurrency: "unbounded" }
      )
      for (const asset of all) assert.strictEqual(asset, all[0])
    }).pipe(Effect.scoped)
  )
})
