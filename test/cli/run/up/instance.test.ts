import { assert, describe, it } from "@effect/vitest"
import * as instance from "../../../../src/cli/run/up/instance.ts"

const rot13 = { name: "rot13", service: "rot13" }
const intern = { name: "intern", service: "rot13" }

describe("instance.explain", () => {
  it.each([
    [
      "rot13: TCP port 1 is in use; choose another port with --port",
      rot13,
      "TCP port 1 is in use; choose another port with --rot13-port"
    ],
    [
      "rot13: TCP port 1 is in use; choose another port with --port",
      intern,
      "TCP port 1 is in use; choose another port with up.services.intern.port"
    ],
    ['tftp: --root "x": no such file', { name: "tftp", service: "tftp" }, '--tftp-root "x": no such file'],
    ["status relay: 127.0.0.1:1: in use", { name: "status", service: "status" }, "127.0.0.1:1: in use"],
    [
      "scores.txt: in use by another server",
      { name: "hangman", service: "hangman" },
      "scores.txt: in use by another server"
    ],
    ["rot13", rot13, "rot13"]
  ] as const)("of %s in %j does not name the instance", (message, planned, expected) => {
    assert.strictEqual(instance.explain(message, planned), expected)
  })
})
