import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodeSocketServer from "@effect/platform-node/NodeSocketServer"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import { explainStartError } from "../../../../src/cli/run/farm/serve.ts"

describe("farm serve", () => {
  it.live("names the process that has bound the port since it was found free", () =>
    Effect.gen(function* () {
      const { address } = yield* NodeSocketServer.make({ host: "127.0.0.1", port: 0 })
      if (!NetAddress.isInetAddress(address)) return assert.fail("not a TCP server")
      const { port } = address
      const second = Effect.orDie(Effect.flip(NodeSocketServer.make({ host: "127.0.0.1", port })))
      const { message } = yield* Effect.flip(Effect.flatMap(second, explainStartError(address, port)))
      const start = `farm: TCP port ${port} is in use by `
      assert.strictEqual(message.slice(0, start.length), start)
      assert.match(message, new RegExp(`\\(pid ${process.pid}\\); choose another port with --port$`))
    }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer))
  )
})
