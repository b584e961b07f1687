import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Cli from "../../../support/Cli.ts"

describe("demo broadcast", () => {
  it.live.skipIf(process.platform !== "linux")(
    "fails without SO_BROADCAST and reaches all sockets with it (Linux)",
    () =>
      Effect.gen(function* () {
        const { code, stdout } = yield* Cli.runInProcess(["demo", "broadcast", "--json"])
        assert.strictEqual(code, 0)
        const { heard, tcp, to, without } = JSON.parse(stdout)
        assert.deepStrictEqual(without, { reason: "PermissionDenied", code: "EACCES" })
        assert.deepStrictEqual(tcp, { reason: "Unreachable", code: "ENETUNREACH" })
        const from = { address: "127.0.0.1", port: to.port }
        assert.deepStrictEqual(
          heard,
          ["socket 1, the sender", "socket 2", "socket 3"].map((socket) => ({ socket, from, text: "Hello, everybody" }))
        )
      })
  )

  it.live("ends without a datagram that was lost", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* Cli.runInProcess(["demo", "broadcast", "--faults", "drop=100%"])
      assert.match(stdout, /^with SO_BROADCAST +sent once, received by 0 sockets$/m)
      assert.strictEqual(code, 0)
    })
  )
})
