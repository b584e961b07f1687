import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NodeNetwork from "../../src/network/node/NodeNetwork.ts"
import { freePort } from "../suites/status/StatusTestNetwork.ts"
import * as Cli from "../support/Cli.ts"

it.live("examples/presence: two instances see each other, a published payload and a goodbye", () =>
  Effect.gen(function* () {
    const port = `${yield* freePort}`
    const one = yield* Cli.startScript("examples/presence.ts", ["one", port])
    yield* one.waitForOutput("stdout", /^one has joined: broadcast to 127\.255\.255\.255 port \d+$/m)
    const two = yield* Cli.startScript("examples/presence.ts", ["two", port])
    yield* one.waitForOutput("stdout", /^Joined two \{"jobs":0,"queue":\[\]\}$/m)
    yield* two.waitForOutput("stdout", /^Joined one /m)
    yield* one.waitForOutput("stdout", /^Updated two \{"jobs":1,"queue":\["mail"\]\}$/m)
    yield* two.kill("SIGINT")
    yield* one.waitForOutput("stdout", /^Left two /m)
  }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
)
