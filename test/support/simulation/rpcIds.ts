/** Program that prints the ids of the requests of two runs, and of requests outside of them, as JSON. */
import * as Effect from "effect/Effect"
import * as Rpc from "effect/rpc/Rpc"
import * as RpcClient from "effect/rpc/RpcClient"
import * as RpcGroup from "effect/rpc/RpcGroup"
import * as Schema from "effect/Schema"
import * as Simulation from "../../../src/simulation/Simulation.ts"

const group = RpcGroup.make(Rpc.make("Ask", { success: Schema.Void }))

/** Ids of three requests, as they would reach the wire. */
const ids = Effect.gen(function* () {
  const ids: Array<unknown> = []
  const { client } = yield* RpcClient.makeNoSerialization(group, {
    supportsAck: false,
    onFromClient: ({ message }) => Effect.sync(() => void (message._tag === "Request" && ids.push(message.id)))
  })
  for (let n = 0; n < 3; n++) {
    yield* Effect.forkScoped(client.Ask())
    yield* Effect.yieldNow
  }
  return ids
})

const outside = () => Effect.runPromise(Effect.scoped(ids))
const inside = () =>
  Effect.runPromise(
    Effect.flatMap(
      Simulation.run(() => Effect.scoped(ids)),
      ({ exit }) => exit
    )
  )

const results = [await outside(), await inside(), await outside(), await inside()]
process.stdout.write(JSON.stringify(results))
