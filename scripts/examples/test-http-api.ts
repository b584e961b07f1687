/** An HTTP API whose client retries, with a bug that only a lost response shows; the check finds it and shrinks it. */

import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as HttpApiClient from "effect/http-api/HttpApiClient"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { InteropHttpClient, InteropHttpServer } from "effect-inet/network"
import { SimCheck } from "effect-inet/simulation"

/** An account: money is paid in, and the balance is read. */
class Bank extends HttpApi.make("bank").add(
  HttpApiGroup.make("account").add(
    HttpApiEndpoint.post("pay", "/payments", { payload: Schema.Struct({ amount: Schema.Int }), success: Schema.Int }),
    HttpApiEndpoint.get("balance", "/balance", { success: Schema.Int })
  )
) {}

const account = HttpApiBuilder.group(
  Bank,
  "account",
  Effect.fnUntraced(function* (group) {
    let balance = 0
    const pay = (amount: number) => Effect.sync(() => (balance = balance + amount)) // The bug: it pays twice.
    return group.handle("pay", ({ payload }) => pay(payload.amount)).handle("balance", () => Effect.sync(() => balance))
  })
)

const server = HttpRouter.serve(HttpApiBuilder.layer(Bank).pipe(Layer.provide(account)), {
  disableListenLog: true,
  disableLogger: true
}).pipe(Layer.provide(HttpServer.layerServices), Layer.provide(InteropHttpServer.layer({ host: "0.0.0.0", port: 80 })))

/** Pays three times, each with retries, and returns the balance. */
const payments = Effect.gen(function* () {
  const { account } = yield* HttpApiClient.make(Bank, { baseUrl: "http://bank" })
  const surely = Effect.retry({ schedule: Schedule.spaced("1 second"), times: 20 })
  for (const amount of [1, 2, 3]) yield* surely(account.pay({ payload: { amount } }))
  return yield* surely(account.balance())
}).pipe(Effect.provide(InteropHttpClient.layer))

const check = SimCheck.check(
  Effect.fnUntraced(function* ({ host }) {
    yield* (yield* host("bank")).start(Layer.launch(server))
    const balance = yield* (yield* host("customer")).run(payments)
    if (balance !== 6) yield* Effect.fail(new Error(`1 + 2 + 3 were paid, but the balance is ${balance}`))
  }),
  { plan: "reset=10%, delay=20% 1ms..20ms" }
)

await Effect.runPromise(Effect.flatMap(Effect.flip(check), ({ message }) => Console.log(message)))
