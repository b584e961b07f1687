import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as HttpBody from "effect/http/HttpBody"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as HttpApiClient from "effect/http-api/HttpApiClient"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as InteropHttpClient from "../../../../src/network/interop/http/InteropHttpClient.ts"
import * as InteropHttpServer from "../../../../src/network/interop/http/InteropHttpServer.ts"
import * as Network from "../../../../src/network/Network.ts"
import type * as Packet from "../../../../src/network/Packet.ts"
import * as FaultPlanSyntax from "../../../../src/simulation/faults/FaultPlanSyntax.ts"
import * as Simulation from "../../../../src/simulation/Simulation.ts"
import * as Simulated from "../../../support/Simulated.ts"
import { readToEnd, simulated } from "./HttpLab.ts"

const Request = HttpServerRequest.HttpServerRequest
const echo = Effect.flatMap(Request, ({ text }) => Effect.map(text, (body) => HttpServerResponse.text(body)))

const connect = Effect.gen(function* () {
  const network = yield* Network.Network
  return yield* network.connect(NetAddress.inetAddressUnsafe(NetAddress.ipFromStringUnsafe("10.0.0.1"), 80))
})

/** Sends texts, then reads to the end; returns the first line of the answer and the virtual seconds it took. */
const timed = Effect.fnUntraced(function* (...texts: ReadonlyArray<string>) {
  const start = yield* Clock.currentTimeMillis
  const connection = yield* connect
  for (const text of texts) {
    yield* connection.write(text)
    yield* Effect.sleep("1 second")
  }
  const answer = yield* readToEnd(connection)
  return [answer.split("\r\n")[0], Math.floor(((yield* Clock.currentTimeMillis) - start) / 1_000)] as const
})

describe("InteropHttpServer in virtual time", () => {
  const limits = { headTimeout: "10 seconds", requestTimeout: "30 seconds", keepAliveTimeout: "5 seconds" } as const
  simulated("limits the time of a head, of a request and between requests", { app: echo, server: { limits } }, () =>
    Effect.gen(function* () {
      const head = "POST / HTTP/1.1\r\nHost: a\r\n"
      assert.deepStrictEqual(yield* timed(), ["", 10], "without a byte")
      assert.deepStrictEqual(yield* timed(head), ["HTTP/1.1 408 Request Timeout", 10], "within a head")
      const body = yield* timed(`${head}Content-Length: 9\r\n\r\nabc`)
      assert.deepStrictEqual(body, ["HTTP/1.1 400 Bad Request", 30], "within a body")
      const idle = yield* timed(`${head}Content-Length: 3\r\n\r\nabc`)
      assert.deepStrictEqual(idle, ["HTTP/1.1 200 OK", 5], "after a request")
    })
  )

  simulated(
    "does not limit the time of a handler",
    { app: Effect.as(Effect.sleep("30 minutes"), HttpServerResponse.empty()), server: { limits } },
    (url) => Effect.map(HttpClient.get(url), ({ status }) => assert.strictEqual(status, 204))
  )

  simulated("stops a sender whose body is not read", { app: Effect.interruptible(Effect.never) }, () =>
    Effect.gen(function* () {
      const connection = yield* connect
      yield* connection.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n")
      const chunk = () => connection.write(new Uint8Array(1_000_000))
      const sending = Effect.forEach(Array.from({ length: 100 }), chunk, { discard: true })
      yield* Effect.timeoutOption(Effect.ignore(sending), "20 seconds")
      assert.isBelow(connection.traffic().sent, 20_000_000)
      yield* connection.abort
    })
  )
})

class Items extends HttpApi.make("items").add(
  HttpApiGroup.make("items").add(
    HttpApiEndpoint.post("add", "/items/:name", {
      params: { name: Schema.String },
      payload: Schema.Struct({ count: Schema.Int }),
      success: Schema.Struct({ total: Schema.Int })
    }),
    HttpApiEndpoint.get("total", "/items", { success: Schema.Int })
  )
) {}

const handlers = HttpApiBuilder.group(
  Items,
  "items",
  Effect.fnUntraced(function* (group) {
    let total = 0
    const add = (count: number) => {
      total += count
      return { total }
    }
    return group
      .handle("add", ({ payload }) => Effect.sync(() => add(payload.count)))
      .handle("total", () => Effect.sync(() => total))
  })
)

const api = HttpRouter.serve(HttpApiBuilder.layer(Items).pipe(Layer.provide(handlers)), {
  disableListenLog: true,
  disableLogger: true
}).pipe(Layer.provide(HttpServer.layerServices), Layer.provide(InteropHttpServer.layer({ host: "0.0.0.0", port: 80 })))

describe("HttpApi and HttpApiClient in a simulated run", () => {
  const scenario = ({ host }: Simulation.Simulation) =>
    Effect.gen(function* () {
      const server = yield* host("server")
      yield* server.start(Layer.launch(api))
      const client = yield* host("client")
      const program = Effect.gen(function* () {
        const items = yield* HttpApiClient.make(Items, { baseUrl: "http://server" })
        yield* items.items.add({ params: { name: "a" }, payload: { count: 2 } })
        yield* items.items.add({ params: { name: "b" }, payload: { count: 3 } })
        return yield* items.items.total()
      })
      const retried = Effect.retry(program, { schedule: Schedule.spaced("1 second"), times: 100 })
      return yield* client.run(Effect.scoped(Effect.provide(retried, InteropHttpClient.layer)))
    }) as Effect.Effect<number>

  it.effect("work unchanged", () =>
    Effect.map(Simulated.run(scenario, "delay=1ms..50ms"), (total) => assert.strictEqual(total, 5))
  )

  it.effect("give the same packets for the same seed, under faults", () =>
    Effect.gen(function* () {
      const plan = FaultPlanSyntax.parseUnsafe("reset=10%, delay=30% 1ms..2s")
      const trace = Effect.fnUntraced(function* (seed: number) {
        const packets: Array<string> = []
        const tap = ({ at, bytes, host }: Packet.ObservedPacket) =>
          void packets.push(`${at} ${host} ${Buffer.from(bytes)}`)
        const report = yield* Simulation.run(scenario, { seed, plan, tap })
        return [report.outcome, report.time, packets.map((text) => text.replace(/^(?:b3|traceparent): .*$/gm, ""))]
      })
      for (let seed = 0; seed < 5; seed++) assert.deepStrictEqual(yield* trace(seed), yield* trace(seed))
    })
  )

  simulated(
    "send a long body through delay and a pause of the host",
    { app: echo, plan: "delay=20ms, pause=server@1s..3s" },
    (url) =>
      Effect.gen(function* () {
        const body = "x".repeat(300_000)
        const response = yield* HttpClient.post(url, { body: HttpBody.text(body) })
        assert.strictEqual(yield* response.text, body)
      })
  )
})
