import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import * as ServerMetrics from "../../../src/network/ServerMetrics.ts"

/** Returns the samples of a service. */
const samplesOf = (service: string) =>
  Effect.map(PrometheusMetrics.format(), (text) =>
    text.split("\n").filter((line) => line.includes(`service="${service}"`))
  )

describe("ServerMetrics", () => {
  it.effect("make adds all series of a service with 0", () =>
    Effect.gen(function* () {
      const { publish, refuse, stats } = ServerMetrics.make("zero", yield* Effect.context<never>())
      const reasons = [
        "InvalidProxyHeader",
        "MaxConnections",
        "MaxConnectionsPerPeer",
        "NoDescriptors",
        "NotAllowed",
        "RateExceeded"
      ]
      assert.deepStrictEqual((yield* samplesOf("zero")).sort(), [
        'effect_inet_bytes_total{service="zero",direction="in"} 0',
        'effect_inet_bytes_total{service="zero",direction="out"} 0',
        'effect_inet_connections_active{service="zero"} 0',
        ...reasons.map((reason) => `effect_inet_connections_refused_total{service="zero",reason="${reason}"} 0`),
        'effect_inet_connections_total{service="zero",result="accepted"} 0',
        'effect_inet_connections_total{service="zero",result="refused"} 0',
        'effect_inet_connections_total{service="zero",result="timed_out"} 0'
      ])
      stats.active = 2
      refuse("NotAllowed")
      publish()
      const changed = (yield* samplesOf("zero")).filter((line) => !line.endsWith(" 0"))
      assert.deepStrictEqual(changed.sort(), [
        'effect_inet_connections_active{service="zero"} 2',
        'effect_inet_connections_refused_total{service="zero",reason="NotAllowed"} 1',
        'effect_inet_connections_total{service="zero",result="refused"} 1'
      ])
    })
  )
})
