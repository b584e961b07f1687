import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import * as Network from "../../src/network/Network.ts"
import * as StatusMetrics from "../../src/status/StatusMetrics.ts"
import { joinOn, waitForCount } from "../suites/status/StatusTestNetwork.ts"
import { packet, relay } from "../suites/status/StatusTransports.ts"
import { run } from "../support/Simulated.ts"

/** Returns the samples of a service, without its name. */
const samplesOf = (service: string) =>
  Effect.map(PrometheusMetrics.format(), (text) =>
    text
      .split("\n")
      .filter((line) => line.includes(`service="${service}"`))
      .map((line) => line.replace(`service="${service}",`, "").replace(`service="${service}"`, ""))
      .sort()
  )

const nonZero = (samples: ReadonlyArray<string>) => samples.filter((line) => !line.endsWith(" 0"))

describe("StatusMetrics", () => {
  it.effect("has all series of a peer from the start, with 0", () =>
    Effect.gen(function* () {
      const { clear, publish } = StatusMetrics.ofPeer("peer-zero", yield* Effect.context<never>())
      const reasons = [
        ...["BadMagic", "BadSignature", "Expired", "Flags", "Future", "Id", "Interval", "Name", "Number"],
        ...["OtherCluster", "Oversized", "QueueFull", "Truncated", "Unsigned", "Version"]
      ]
      assert.deepStrictEqual(yield* samplesOf("peer-zero"), [
        "effect_inet_status_invalid_payloads_total{} 0",
        ...reasons.map((reason) => `effect_inet_status_packets_rejected_total{reason="${reason}"} 0`),
        'effect_inet_status_packets_total{direction="in",result="accepted"} 0',
        'effect_inet_status_packets_total{direction="in",result="dropped"} 0',
        'effect_inet_status_packets_total{direction="in",result="rejected"} 0',
        'effect_inet_status_packets_total{direction="out",result="failed"} 0',
        'effect_inet_status_packets_total{direction="out",result="sent"} 0',
        ...["alive", "down", "left", "suspect"].map((state) => `effect_inet_status_peers{state="${state}"} 0`)
      ])
      const stats = { sent: 5, failed: 1, dropped: undefined, accepted: 4, invalidPayloads: 1 }
      const peers = { alive: 2, suspect: 0, down: 1, left: 0 }
      publish({ ...stats, rejected: { BadMagic: 1, Expired: 1 } }, peers)
      publish({ ...stats, sent: 7, rejected: { BadMagic: 2, Expired: 1 } }, peers)
      const counters = [
        "effect_inet_status_invalid_payloads_total{} 1",
        'effect_inet_status_packets_rejected_total{reason="BadMagic"} 2',
        'effect_inet_status_packets_rejected_total{reason="Expired"} 1',
        'effect_inet_status_packets_total{direction="in",result="accepted"} 4',
        'effect_inet_status_packets_total{direction="in",result="rejected"} 3',
        'effect_inet_status_packets_total{direction="out",result="failed"} 1',
        'effect_inet_status_packets_total{direction="out",result="sent"} 7'
      ]
      assert.deepStrictEqual(nonZero(yield* samplesOf("peer-zero")), [
        ...counters,
        'effect_inet_status_peers{state="alive"} 2',
        'effect_inet_status_peers{state="down"} 1'
      ])
      clear()
      assert.deepStrictEqual(nonZero(yield* samplesOf("peer-zero")), counters)
    })
  )

  it.effect("has all series of a relay from the start, with 0", () =>
    Effect.gen(function* () {
      StatusMetrics.ofRelay("relay-zero", yield* Effect.context<never>())
      assert.deepStrictEqual(yield* samplesOf("relay-zero"), [
        ...["dropped", "forwarded", "malformed", "rate_limited", "received", "unsubscribed"].map(
          (result) => `effect_inet_status_relay_packets_total{result="${result}"} 0`
        ),
        ...["challenged", "full", "granted", "queue_full"].map(
          (result) => `effect_inet_status_relay_requests_total{result="${result}"} 0`
        ),
        "effect_inet_status_relay_subscribers{} 0"
      ])
    })
  )

  it.effect("follows a running peer, without a read of its stats, until it ends", () =>
    run(({ host }) =>
      Effect.gen(function* () {
        yield* Effect.scoped(
          Effect.gen(function* () {
            const alice = yield* joinOn(yield* host("alice"), { service: "alice" })
            yield* joinOn(yield* host("bob"))
            yield* waitForCount(alice, 2)
            yield* Effect.sleep("2 seconds")
            const samples = nonZero(yield* samplesOf("alice")).map((line) => line.replace(/ \d+$/, ""))
            assert.deepStrictEqual(samples, [
              'effect_inet_status_packets_total{direction="in",result="accepted"}',
              'effect_inet_status_packets_total{direction="out",result="sent"}',
              'effect_inet_status_peers{state="alive"}'
            ])
          })
        )
        assert.include(yield* samplesOf("alice"), 'effect_inet_status_peers{state="alive"} 0')
      })
    )
  )

  it.effect("follows a running relay, without a read of its stats", () =>
    run(({ host }) =>
      Effect.gen(function* () {
        const agent = yield* relay(yield* host("relay"), { service: "relay-run" })
        const { layer } = yield* host("client")
        const open = Effect.flatMap(Network.Network, (network) => network.udp({ host: "0.0.0.0" }, () => {}))
        const socket = yield* Effect.provide(open, layer)
        socket.sendUnsafe(packet("hello"), { address: agent.address, port: 2_066 })
        yield* Effect.sleep("2 seconds")
        assert.deepStrictEqual(nonZero(yield* samplesOf("relay-run")), [
          'effect_inet_status_relay_packets_total{result="received"} 1',
          'effect_inet_status_relay_packets_total{result="unsubscribed"} 1',
          'effect_inet_status_relay_requests_total{result="challenged"} 1'
        ])
      }).pipe(Effect.scoped)
    )
  )
})
