import { afterEach, assert, describe, it, vi } from "@effect/vitest"
import * as NodeInvocation from "../../../../src/cli/run/common/NodeInvocation.ts"

describe("NodeInvocation", () => {
  afterEach(() => {
    vi.unstubAllEnvs()
  })

  it.each([
    ["npx", "npx effect-inet"],
    ["inet", "npm run -s inet --"],
    ["", "effect-inet"],
    ["constructor", "effect-inet"]
  ])("commandPrefix of the script %o is %s", (script, prefix) => {
    vi.stubEnv("npm_lifecycle_event", script)
    assert.strictEqual(NodeInvocation.commandPrefix(), prefix)
  })
})
