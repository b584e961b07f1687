import { assert, it } from "@effect/vitest"
import * as TerminalText from "../../src/network/TerminalText.ts"

it("TerminalText.escape returns one line without control characters", () =>
  assert.strictEqual(TerminalText.escape("a\x1b[2J\r\n\u202eb ü"), "a\\u001b[2J\\u000d\\u000a\\u202eb ü"))
