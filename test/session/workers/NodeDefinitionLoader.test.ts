import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NodeDefinitionLoader from "../../../src/session/workers/NodeDefinitionLoader.ts"

describe("NodeDefinitionLoader", () => {
  it.effect("refuses a module that is a relative path, and names the expression to write", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(NodeDefinitionLoader.load("./lab.ts", {}))
      assert.strictEqual(
        error.message,
        'invalid module ./lab.ts: a relative path has no base; write new URL("./lab.ts", import.meta.url).href'
      )
    })
  )
})
