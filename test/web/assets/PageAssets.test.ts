import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as PageAssets from "../../../src/web/assets/PageAssets.ts"

const asset = (path: string, bytes: number, brotliBytes?: number) =>
  PageAssets.makeAsset(path, {
    bytes: new Uint8Array(bytes),
    brotli: brotliBytes === undefined ? undefined : new Uint8Array(brotliBytes),
    hash: "h"
  })

const assets = PageAssets.fromMap(
  new Map(["/index.html", "/assets/main-1.js"].map((path) => [path, asset(path, 10, 5)] as const))
)

describe("PageAssets", () => {
  it("have a media type, an entity tag, and a compressed form if it is shorter", () => {
    const script = asset("/assets/main-1.js", 10, 5)
    assert.strictEqual(script.type, "text/javascript; charset=utf-8")
    assert.strictEqual(script.etag, '"h"')
    assert.strictEqual(script.brotli?.length, 5)
    assert.isTrue(script.isImmutable)
    assert.isUndefined(asset("/index.html", 10, 10).brotli)
    assert.isFalse(asset("/index.html", 10).isImmutable)
    assert.strictEqual(asset("/a", 1).type, "application/octet-stream")
  })

  it.effect("are found by their path, and the page at the root", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* assets.get("/"))?.type, "text/html; charset=utf-8")
      assert.isDefined(yield* assets.get("/assets/main-1.js"))
    })
  )

  it.effect.each([
    "",
    "/assets",
    "/assets/",
    "/../package.json",
    "/assets/../index.html",
    "/assets/%2e%2e/index.html",
    "//index.html",
    "/index.html\0",
    "/INDEX.HTML",
    "__proto__",
    "constructor"
  ])("the path %j has no asset", (path) => Effect.map(assets.get(path), (found) => assert.isUndefined(found)))

  it.effect.prop("no other path has an asset", [Arbitrary.schema(Schema.String)], ([path]) =>
    Effect.gen(function* () {
      if (path === "/") return
      assert.isUndefined(yield* assets.get(path))
    })
  )
})
