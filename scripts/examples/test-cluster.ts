/** Accounts as entities on three runners, with a bug that only a lost reply shows; FIXED=1 is without it. */

import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Rpc from "effect/rpc/Rpc"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { InteropHttpClient, InteropHttpServer, RpcDissector } from "effect-inet/network"
import { NodeSimIsolation, SimCheck } from "effect-inet/simulation"

NodeSimIsolation.register() // Before their modules are loaded: the ids of requests begin anew in each run.
const [Cluster, { MemoryDatabase }] = await Promise.all([import("effect/cluster"), import("effect-inet/cluster")])

const isFixed = process.env.FIXED !== undefined // The bug: a message that is not persisted is a new one when retried.
const Deposit = Rpc.make("Deposit", { payload: { amount: Schema.Int }, success: Schema.Int })
const Account = Cluster.Entity.make("Account", [Deposit.annotate(Cluster.ClusterSchema.Persisted, isFixed)])

const account = Account.toLayer(
  Effect.sync(() => {
    let balance = 0
    return { Deposit: ({ payload: { amount } }) => Effect.sync(() => (balance = balance + amount)) }
  })
)
const routes = Layer.provideMerge(account, Cluster.HttpRunner.layerHttpOptions({ path: "/" }))
const server = HttpRouter.serve(routes, { disableListenLog: true, disableLogger: true }).pipe(
  Layer.provide([Cluster.HttpRunner.layerClientProtocolHttpDefault, Cluster.RunnerHealth.layerNoop]),
  Layer.provide(InteropHttpServer.layer({ host: "0.0.0.0", port: 80 }))
)

/** Deposits 5 on each of three accounts, with retries, and returns the balances. */
const deposits = Effect.gen(function* () {
  const accountOf = yield* Account.client
  const deposit = (id: string) => Effect.retry(accountOf(id).Deposit({ amount: 5 }), Schedule.spaced("1 second"))
  return yield* Effect.forEach(["ann", "bob", "eve"], deposit)
}).pipe(Effect.provide(Cluster.HttpRunner.layerHttpClientOnly))

const check = SimCheck.check(
  Effect.fnUntraced(function* ({ host }) {
    const database = Layer.mergeAll(yield* MemoryDatabase.make(), InteropHttpClient.layer, RpcSerialization.layerNdjson)
    const config = (runnerAddress: typeof Cluster.ShardingConfig.defaults.runnerAddress) =>
      Effect.provide([database, Cluster.ShardingConfig.layer({ runnerAddress, shardsPerGroup: 6 })])
    for (const name of ["one", "two", "three"]) {
      const address = Option.some(Cluster.RunnerAddress.make(name, 80))
      yield* (yield* host(name)).start(config(address)(Layer.launch(server)))
    }
    const balances = yield* (yield* host("bank")).run(config(Option.none())(deposits))
    if (`${balances}` !== "5,5,5")
      yield* Effect.fail(new Error(`5 was deposited thrice, but the balances are ${balances}`))
  }),
  { plan: "reset=10%, delay=20% 1ms..20ms", dissectors: [RpcDissector.dissector] }
)

const result = await Effect.runPromise(Effect.result(check))
process.exitCode = Result.isFailure(result) ? 1 : 0
process.stdout.write(`${Result.match(result, { onFailure: ({ message }) => message, onSuccess: SimCheck.format })}\n`)
