/**
 * An HTTP server for operators: health, metrics, and the states of the services of this process.
 *
 * | request | response |
 * | --- | --- |
 * | `GET /health` | 200 if all services are ready, else 503; JSON of `ServiceState.Health` |
 * | `GET /metrics` | all metrics of the process, for Prometheus |
 * | `GET /services` | JSON array of `ServiceState` |
 *
 * It has no authentication: listen on loopback only.
 *
 * **Example** (Health and metrics of an app)
 *
 * ```ts
 * import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
 * import * as Effect from "effect/Effect"
 * import * as HttpClient from "effect/http/HttpClient"
 * import * as Layer from "effect/Layer"
 * import { AdminServer, type ServiceState } from "effect-inet/admin"
 *
 * const worker: ServiceState.ServiceState = { name: "worker", state: "starting", restarts: 0, sinceMillis: 0 }
 * const live = AdminServer.layer({ services: Effect.succeed([worker]) })
 *
 * const program = Effect.gen(function* () {
 *   const { json, status } = yield* HttpClient.get("/health")
 *   status // => 503
 *   yield* json // => { status: "unavailable", services: [{ name: "worker", state: "starting" }] }
 * })
 *
 * // In an app: Layer.provide(live, NodeAdminServer.layerHttp({ port: 9100 }))
 * await Effect.runPromise(Effect.provide(program, Layer.provideMerge(live, NodeHttpServer.layerTest)))
 * ```
 */
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import type * as HttpServer from "effect/http/HttpServer"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import * as ServiceState from "./ServiceState.ts"

/** Options of an admin server. @category models @since 0.1.0 */
export interface Options {
  /** Returns the states of the services. Default: none, so that the process is ready while it responds. */
  readonly services?: Effect.Effect<ReadonlyArray<ServiceState.ServiceState>> | undefined
  /** Updates metrics that are read at a request for `/metrics` only. Default: none. */
  readonly sample?: Effect.Effect<void> | undefined
}

/** Time that `services` and `sample` have to return. */
const responseTimeout = "5 seconds"

const headers = { "cache-control": "no-store" }

const tooSlow = HttpServerResponse.jsonUnsafe(
  { status: "unavailable", error: "the services did not return their state in time (limit 5 s)" },
  { status: 503, headers }
)

const route = (path: `/${string}`, response: Effect.Effect<HttpServerResponse.HttpServerResponse>) =>
  HttpRouter.add(
    "GET",
    path,
    Effect.timeoutOrElse(response, { duration: responseTimeout, orElse: () => Effect.succeed(tooSlow) })
  )

const ready = Metric.gauge("effect_inet_service_ready", { description: "1 if the service is ready, else 0" })
const restarts = Metric.gauge("effect_inet_service_restarts", { description: "Restarts of the service" })

/** Returns a function that publishes the states of services, and removes the series of those that are gone. */
const makePublisher = () => {
  let published: ReadonlySet<string> = new Set()
  return Effect.fnUntraced(function* (services: ReadonlyArray<ServiceState.ServiceState>) {
    for (const { name, restarts: count, state } of services) {
      yield* Metric.update(Metric.withAttributes(ready, { service: name }), state === "ready" ? 1 : 0)
      yield* Metric.update(Metric.withAttributes(restarts, { service: name }), count)
    }
    const names = new Set(services.map(({ name }) => name))
    for (const name of published) {
      if (names.has(name)) continue
      yield* Metric.remove(Metric.withAttributes(ready, { service: name }))
      yield* Metric.remove(Metric.withAttributes(restarts, { service: name }))
    }
    published = names
  })
}

const routes = ({ sample = Effect.void, services = Effect.succeed([]) }: Options) => {
  const publish = makePublisher()
  const health = Effect.map(services, (states) => {
    const body = ServiceState.healthOf(states)
    return HttpServerResponse.jsonUnsafe(body, { status: body.status === "ready" ? 200 : 503, headers })
  })
  const metrics = Effect.gen(function* () {
    yield* sample
    yield* Effect.flatMap(services, publish)
    const text = yield* PrometheusMetrics.format()
    return HttpServerResponse.text(text, { headers, contentType: "text/plain; version=0.0.4; charset=utf-8" })
  })
  const states = Effect.map(services, (all) => HttpServerResponse.jsonUnsafe(all, { headers }))
  return Layer.mergeAll(route("/health", health), route("/metrics", metrics), route("/services", states))
}

/** Layer that serves the requests of operators on an `HttpServer`. @category layers @since 0.1.0 */
export const layer = (options: Options = {}): Layer.Layer<never, never, HttpServer.HttpServer> =>
  HttpRouter.serve(
    Layer.suspend(() => routes(options)),
    { disableLogger: true, disableListenLog: true }
  )
