import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import * as TftpMetrics from "../../../src/tftp/server/TftpMetrics.ts"

describe("TftpMetrics", () => {
  it.effect("make adds all series with 0, and a histogram without observations", () =>
    Effect.gen(function* () {
      const { addActive, countEnded } = TftpMetrics.make("boot", yield* Effect.context<never>())
      const samples = Effect.map(PrometheusMetrics.format(), (text) =>
        text.split("\n").filter((line) => line.startsWith("effect_inet_tftp_"))
      )
      const lines = yield* samples
      for (const line of [
        'effect_inet_tftp_transfers_active{service="boot"} 0',
        'effect_inet_tftp_resent_packets_total{service="boot"} 0',
        'effect_inet_tftp_rtt_milliseconds_count{service="boot"} 0',
        'effect_inet_tftp_bytes_total{service="boot",direction="in"} 0',
        'effect_inet_tftp_bytes_total{service="boot",direction="out"} 0'
      ])
        assert.include(lines, line)
      for (const direction of ["in", "out"]) {
        for (const result of ["finished", "refused", "refused_by_client", "timed_out", "gave_way", "file_error"])
          assert.include(
            lines,
            `effect_inet_tftp_transfers_total{service="boot",direction="${direction}",result="${result}"} 0`
          )
      }
      const labels = lines.flatMap((line) => /result="([^"]*)"/.exec(line)?.[1] ?? [])
      assert.lengthOf(new Set(labels), 14)
      for (const label of labels) assert.match(label, /^[a-z]+(_[a-z]+)*$/)
      addActive(1)
      countEnded("out", "refused", undefined)
      assert.include(yield* samples, 'effect_inet_tftp_transfers_active{service="boot"} 1')
      assert.include(
        yield* samples,
        'effect_inet_tftp_transfers_total{service="boot",direction="out",result="refused"} 1'
      )
      assert.lengthOf(yield* samples, lines.length)
      // Another server of the process has series of its own.
      TftpMetrics.make("other", yield* Effect.context<never>())
      assert.include(yield* samples, 'effect_inet_tftp_transfers_active{service="boot"} 1')
      assert.include(yield* samples, 'effect_inet_tftp_transfers_active{service="other"} 0')
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))
  )
})
