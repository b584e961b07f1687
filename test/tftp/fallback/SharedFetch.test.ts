import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SharedFetch from "../../../src/tftp/fallback/SharedFetch.ts"
import { bytesOf } from "../../support/Files.ts"

describe("SharedFetch", () => {
  it.effect("fails its readers if another program has cut the file in the cache", () =>
    Effect.gen(function* () {
      const addition = { write: () => Effect.void, readAt: () => Effect.succeed(0), commit: () => Effect.void }
      const file = {
        _tag: "File",
        size: 5,
        validators: { etag: undefined, lastModified: undefined },
        mayStore: true,
        mustRevalidate: false,
        stream: Stream.make(bytesOf("hello"))
      } as const
      const fetch = SharedFetch.make("URL", file, addition, yield* Scope.make())
      yield* fetch.run
      const { detail } = yield* Effect.flip(Stream.runDrain(fetch.content))
      const why = "its file in the cache has lost bytes; only the server may write there"
      assert.strictEqual(detail, `fetching URL failed: ${why}`)
    })
  )
})
