/** An HTTP API whose client retries, with a bug that only a lost response shows; FIXED=1 is without it. */

import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as HttpApiClient from "effect/http-api/HttpApiClient"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { HttpDissector, InteropHttpClient, InteropHttpServer } from "effect-inet/network"
import { SimCheck } from "effect-inet/simulation"

const payload = Schema.Struct({ id: Schema.Int, amount: Schema.Int })
const pay = HttpApiEndpoint.post("pay", "/payments", { payload, success: Schema.Int })
/** An account: a payment returns the balance. */
const Bank = HttpApi.make("bank").add(HttpApiGroup.make("account").add(pay))

const account = HttpApiBuilder.group(Bank, "account", (group) => {
  const payments = new Map<number, number>()
  return group.handle("pay", ({ payload: { amount, id } }) =>
    Effect.sync(() => {
      payments.set(process.env.FIXED === undefined ? payments.size : id, amount) // The bug: repetitions count.
      return Array.from(payments.values()).reduce((sum, amount) => sum + amount, 0)
    })
  )
})

const server = HttpRouter.serve(HttpApiBuilder.layer(Bank).pipe(Layer.provide(account)), {
  disableListenLog: true,
  disableLogger: true
}).pipe(Layer.provide(HttpServer.layerServices), Layer.provide(InteropHttpServer.layer({ host: "0.0.0.0", port: 80 })))

/** Makes three payments, each with retries, and returns the last balance. */
const payments = Effect.gen(function* () {
  const { account } = yield* HttpApiClient.make(Bank, { baseUrl: "http://bank" })
  const surely = Effect.retry({ schedule: Schedule.spaced("1 second"), times: 20 })
  const pay = (amount: number, id: number) => surely(account.pay({ payload: { id, amount } }))
  return (yield* Effect.forEach([1, 2, 3], pay)).at(-1)
}).pipe(Effect.provide(InteropHttpClient.layer))

const check = SimCheck.check(
  Effect.fnUntraced(function* ({ host }) {
    yield* (yield* host("bank")).start(Layer.launch(server))
    const balance = yield* (yield* host("customer")).run(payments)
    if (balance !== 6) yield* Effect.fail(new Error(`1 + 2 + 3 were paid, but the balance is ${balance}`))
  }),
  { plan: "reset=10%, delay=20% 1ms..20ms", dissectors: [HttpDissector.dissector] }
)

const result = await Effect.runPromise(Effect.result(check))
process.exitCode = Result.isFailure(result) ? 1 : 0
process.stdout.write(`${Result.match(result, { onFailure: ({ message }) => message, onSuccess: SimCheck.format })}\n`)
