import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Network from "../../src/network/Network.ts"
import * as NodeNetwork from "../../src/network/node/NodeNetwork.ts"
import * as Cli from "../support/Cli.ts"
import { readAll } from "../support/Hosts.ts"

describe("examples/line-session", () => {
  it.live.each(["fibers", "select", "iterative", "processes", "threads"])(
    "serves the adding machine with %s",
    (model) =>
      Effect.gen(function* () {
        const example = yield* Cli.startScript("examples/line-session.ts", [model])
        const [, name, host, port] = yield* example.waitForOutput("stdout", /^(\w+): nc (\S+) (\d+)$/m)
        assert.strictEqual(name, model)
        const network = yield* Network.Network
        const connection = yield* network.connect(NetAddress.inetAddressFromIpStringUnsafe(host!, Number(port)))
        yield* connection.write("2\n40.5\nx\n-1\nbye\n")
        const answers = ["client 1: numbers, or bye", "2", "42.5", "not a number", "41.5", "41.5, bye", ""]
        assert.strictEqual((yield* readAll(connection)).toString(), answers.join("\r\n"))
      }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
  )
})
