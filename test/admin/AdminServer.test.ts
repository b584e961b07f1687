import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as AdminServer from "../../src/admin/AdminServer.ts"
import * as ServiceState from "../../src/admin/ServiceState.ts"

const stateOf = (name: string, state: ServiceState.ServiceState["state"], restarts = 0): ServiceState.ServiceState => ({
  name,
  state,
  restarts,
  sinceMillis: 1_000
})

/** Requests a path of an admin server with these services. */
const get = (
  path: string,
  services: Effect.Effect<ReadonlyArray<ServiceState.ServiceState>>,
  method: "get" | "head" = "get"
) =>
  Effect.gen(function* () {
    const response = yield* (method === "get" ? HttpClient.get : HttpClient.head)(path)
    return { status: response.status, headers: response.headers, text: yield* response.text }
  }).pipe(Effect.provide(Layer.provideMerge(AdminServer.layer({ services }), NodeHttpServer.layerTest)))

const all = Effect.succeed([stateOf("rot13", "ready"), stateOf("tftp", "ready")])
const some = Effect.succeed([stateOf("rot13", "ready"), stateOf("tftp", "restarting", 3)])

describe("AdminServer", () => {
  it.live("GET /health is 200 if all services are ready, else 503", () =>
    Effect.gen(function* () {
      const ready = yield* get("/health", all)
      assert.strictEqual(ready.status, 200)
      assert.strictEqual(ready.headers["cache-control"], "no-store")
      const unavailable = yield* get("/health", some)
      assert.strictEqual(unavailable.status, 503)
      assert.deepStrictEqual(JSON.parse(unavailable.text), {
        status: "unavailable",
        services: [
          { name: "rot13", state: "ready" },
          { name: "tftp", state: "restarting" }
        ]
      })
    })
  )

  it.live("GET /services returns what the schema of ServiceState decodes", () =>
    Effect.gen(function* () {
      const { headers, text } = yield* get("/services", some)
      assert.strictEqual(headers["content-type"], "application/json")
      const decoded = yield* Schema.decodeUnknownEffect(Schema.Array(ServiceState.ServiceState))(JSON.parse(text))
      assert.deepStrictEqual(decoded, yield* some)
    })
  )

  it.live("GET /metrics has the metrics of the process and those of the services", () =>
    Effect.gen(function* () {
      yield* Metric.update(Metric.counter("admin_test_total", { description: "a\nb", incremental: true }), 3)
      const { headers, text } = yield* get("/metrics", some)
      assert.match(headers["content-type"]!, /^text\/plain; version=0\.0\.4/)
      const lines = text.split("\n")
      assert.include(lines, "admin_test_total 3")
      assert.include(lines, 'effect_inet_service_ready{service="rot13"} 1')
      assert.include(lines, 'effect_inet_service_ready{service="tftp"} 0')
      assert.include(lines, 'effect_inet_service_restarts{service="tftp"} 3')
      // The format: a comment, or a name, labels and a value.
      for (const line of lines) assert.match(line, /^(|# (HELP|TYPE) .*|[a-z_:][\w:]*(\{.*\})? [-+.\deE]+)$/)
    })
  )

  it.live("GET /metrics has no series of a service that is gone", () =>
    Effect.gen(function* () {
      const states = yield* Ref.make<ReadonlyArray<ServiceState.ServiceState>>([
        stateOf("rot13", "ready"),
        stateOf("old", "ready")
      ])
      const scrape = Effect.flatMap(HttpClient.get("/metrics"), (response) => response.text)
      yield* Effect.gen(function* () {
        assert.include(yield* scrape, 'effect_inet_service_ready{service="old"} 1')
        yield* Ref.update(states, (all) => all.slice(0, 1))
        const text = yield* scrape
        assert.include(text, 'effect_inet_service_ready{service="rot13"} 1')
        assert.notInclude(text, 'service="old"')
      }).pipe(
        Effect.provide(Layer.provideMerge(AdminServer.layer({ services: Ref.get(states) }), NodeHttpServer.layerTest))
      )
    })
  )

  it.live("HEAD returns no body, other paths 404", () =>
    Effect.gen(function* () {
      assert.deepInclude(yield* get("/health", all, "head"), { status: 200, text: "" })
      assert.strictEqual((yield* get("/", all)).status, 404)
      assert.strictEqual((yield* get("/metrics/x", all)).status, 404)
    })
  )

  it("healthOf is ready without services", () => {
    assert.deepStrictEqual(ServiceState.healthOf([]), { status: "ready", services: [] })
  })
})
