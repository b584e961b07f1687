/** A session of your own: an adding machine, under the model that the first argument names (`fibers`, `threads`...). */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Schema from "effect/Schema"
import { NodeNetwork } from "effect-inet/network"
import { Fibers, Iterative, NodeProcesses, NodeThreads, Select, type Session } from "effect-inet/session"

const Options = Schema.Struct({ start: Schema.Finite })

/** Definition that worker processes and threads load from this module. */
export const definition: Session.Definition<typeof Options.Type, number> = {
  ...{ name: "adding-machine", options: Options, ask: Schema.Never, message: Schema.Never },
  make: ({ start }) =>
    Effect.succeed({
      framing: { _tag: "Lines", maxLength: 80 },
      open: ({ id }) => [start, { text: `client ${id}: numbers, or bye\r\n` }],
      receive: (sum, input) => {
        if (input._tag !== "Line") return [sum, {}]
        if (input.text === "bye") return [sum, { text: `${sum}, bye\r\n`, close: true }]
        const next = sum + Number(input.text)
        return Number.isNaN(next) ? [sum, { text: "not a number\r\n" }] : [next, { text: `${next}\r\n` }]
      }
    })
}

const models = [Fibers.model, Select.model, Iterative.model, NodeProcesses.model({ pool: 2 }), NodeThreads.model()]
const model = models.find(({ name }) => name === process.argv[2]) ?? Fibers.model

const serve = Effect.gen(function* () {
  const session = yield* definition.make({ start: 0 })
  const program = { session, definition, options: { start: 0 }, module: import.meta.url }
  const { address } = yield* model.serve(program, { port: 0, maxConnections: 50, idleTimeout: "5 minutes" })
  yield* Console.log(`${model.name}: nc ${NetAddress.formatSocketAddress(address).replace(":", " ")}`)
}).pipe(Effect.andThen(Effect.never), Effect.scoped, Effect.provide(NodeNetwork.layer))

// Workers import this module only for its definition.
if (import.meta.main) NodeRuntime.runMain(serve)
