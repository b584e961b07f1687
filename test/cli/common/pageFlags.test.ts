import { assert, describe, it } from "@effect/vitest"
import * as pageFlags from "../../../src/cli/common/pageFlags.ts"

describe("pageFlags.parsePage", () => {
  it.each([
    ["on", { host: "127.0.0.1", port: 8066 }],
    ["true", { host: "127.0.0.1", port: 8066 }],
    ["off", "off"],
    ["no", "off"],
    ["0", { host: "127.0.0.1", port: 0 }],
    ["1", { host: "127.0.0.1", port: 1 }],
    ["8067", { host: "127.0.0.1", port: 8067 }],
    ["0.0.0.0:80", { host: "0.0.0.0", port: 80 }],
    ["[::1]:8066", { host: "::1", port: 8066 }],
    ["localhost:8066", { host: "localhost", port: 8066 }],
    ["65536", undefined],
    ["127.0.0.1", undefined],
    ["http://127.0.0.1:8066/", undefined],
    ["", undefined]
  ] as const)("parses %j", (text, expected) => {
    assert.deepStrictEqual(pageFlags.parsePage(text), expected)
  })
})
