import { assert, describe, it } from "@effect/vitest"
import * as Mac from "effect/crypto/Mac"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as NetAddress from "effect/net/NetAddress"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as StatusPeer from "../../src/status/StatusPeer.ts"
import type * as Transport from "../../src/status/transport/Transport.ts"
import * as StatusPacket from "../../src/status/wire/StatusPacket.ts"
import { joinOn, type LoadPeer, type Options } from "../suites/status/StatusTestNetwork.ts"
import * as Simulated from "../support/Simulated.ts"

interface Sent {
  readonly at: number
  readonly packet: StatusPacket.StatusPacket
  readonly jobs: number
}

/** Makes a transport that records the sent packets and their times, and receives nothing. */
const recordingTransport =
  (sent: Array<Sent>, send: Transport.Transport["send"] = () => Effect.void): Transport.OpenTransport =>
  () =>
    Effect.succeed({
      label: "nowhere",
      local: NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 9),
      send: (bytes) =>
        Effect.gen(function* () {
          const { packet } = Result.getOrThrow(StatusPacket.decode(bytes))
          sent.push({ at: yield* Simulated.millis, packet, jobs: JSON.parse(Simulated.text(packet.payload)).jobs })
          yield* send(bytes)
        }),
      effectiveInterval: (interval) => interval,
      stats: Effect.succeed({ sent: 0, failed: 0, dropped: undefined })
    })

/** Runs one peer alone and returns the packets it sent. */
const alone = (
  options: Options,
  test: (peer: LoadPeer, sent: ReadonlyArray<Sent>) => Effect.Effect<void>,
  send?: Transport.Transport["send"],
  seed = 1
) => {
  const sent: Array<Sent> = []
  const scenario = Effect.fnUntraced(function* ({ host }: Parameters<Parameters<typeof Simulated.run>[0]>[0]) {
    const scope = yield* Scope.make()
    const peer = yield* joinOn(yield* host("a"), { transport: recordingTransport(sent, send), ...options }).pipe(
      Scope.provide(scope)
    )
    yield* test(peer, sent)
    yield* Scope.close(scope, Exit.void)
  })
  return Effect.as(Simulated.run(scenario, "", { seed, deadline: "3 hours" }), sent)
}

const gapsOf = (sent: ReadonlyArray<Sent>) => sent.slice(1).map(({ at }, before) => at - sent[before]!.at)

const seconds = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 60 }))

describe("StatusPeer sending", () => {
  it.effect.prop(
    "keeps gaps of 0.9 to 1 announced interval for an hour, however long sending takes",
    [Schema.Int, seconds, Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 700 }))],
    ([seed, every, slow]) =>
      Effect.gen(function* () {
        const interval = every * 1_000
        const sent = yield* alone(
          { interval },
          () => Effect.sleep("1 hour"),
          () => Effect.sleep(slow),
          seed
        )
        const gaps = gapsOf(sent.slice(0, -1))
        const [least, most] = [Math.min(...gaps), Math.max(...gaps)]
        assert.isAtLeast(least, 0.9 * interval - 0.001)
        assert.isAtMost(most, interval + 0.001)
        assert.isTrue(sent.every(({ packet }) => packet.interval === interval))
        assert.deepStrictEqual(
          sent.map(({ packet }) => packet.sequence),
          sent.map((_, at) => at + 1)
        )
        assert.deepStrictEqual(
          sent.map(({ packet }) => packet.goodbye),
          sent.map((_, at) => at === sent.length - 1)
        )
      }),
    { arbitrary: { runs: 6 } }
  )

  it.effect("sends a changed payload at once, at most one per `minInterval`, and the last of many changes", () =>
    Effect.gen(function* () {
      const sent = yield* alone({ interval: "1 minute", minInterval: "200 millis" }, (peer) =>
        Effect.gen(function* () {
          yield* Effect.sleep(1_000)
          for (let jobs = 1; jobs <= 1_000; jobs++) {
            yield* Effect.orDie(peer.publish({ jobs }))
            yield* Effect.sleep(1)
          }
          yield* Effect.sleep(1_000)
        })
      )
      const [first, ...changes] = sent.slice(0, -1)
      assert.strictEqual(first!.jobs, 0)
      assert.strictEqual(changes[0]!.at, 1_000)
      assert.strictEqual(changes.at(-1)!.jobs, 1_000)
      assert.lengthOf(changes, 6)
      for (const gap of gapsOf(changes)) assert.isAtLeast(gap, 200)
    })
  )

  it.effect("sends no extra packet for a change that a regular packet has carried", () =>
    Effect.gen(function* () {
      const schedule = () => Schedule.spaced("1 second")
      const sent = yield* alone({ schedule, minInterval: "500 millis" }, (peer) =>
        Effect.gen(function* () {
          yield* Effect.sleep(400)
          yield* Effect.orDie(peer.publish({ jobs: 1 }))
          yield* Effect.sleep(200)
          yield* Effect.orDie(peer.publish({ jobs: 2 }))
          yield* Effect.sleep(2_500)
        })
      )
      const changes = sent.slice(0, -1).map(({ at, jobs }) => [at, jobs])
      assert.deepStrictEqual(changes, [
        [0, 0],
        [500, 1],
        [1_000, 2],
        [2_000, 2],
        [3_000, 2]
      ])
    })
  )

  it.effect("sends no extra packet for a payload published with `withNext`", () =>
    Effect.gen(function* () {
      const schedule = () => Schedule.spaced("1 second")
      const sent = yield* alone({ schedule }, (peer) =>
        Effect.gen(function* () {
          yield* Effect.sleep(400)
          yield* Effect.orDie(peer.publish({ jobs: 1 }, "withNext"))
          yield* Effect.sleep(1_200)
        })
      )
      const changes = sent.slice(0, -1).map(({ at, jobs }) => [at, jobs])
      assert.deepStrictEqual(changes, [
        [0, 0],
        [1_000, 1]
      ])
    })
  )

  it.effect("sends on a custom schedule", () =>
    Effect.gen(function* () {
      const schedule = (interval: Effect.Effect<Duration.Duration>) =>
        Schedule.modifyDelay(Schedule.forever, () => Effect.map(interval, (interval) => Duration.times(interval, 0.5)))
      const sent = yield* alone({ schedule, interval: "2 seconds" }, () => Effect.sleep(3_500))
      assert.deepStrictEqual(
        sent.map(({ at }) => at),
        [0, 1_000, 2_000, 3_000, 3_500]
      )
    })
  )

  it.effect("keeps the order of packets if one signature takes longer than the next", () =>
    Effect.gen(function* () {
      let signatures = 0
      const mac = Mac.Mac.of({
        generateKey: () => Effect.die("no key is needed"),
        sign: () => Effect.delay(Effect.succeed(new Uint8Array(32)), signatures++ % 2 === 0 ? 300 : 1),
        verify: () => Effect.succeed(true)
      })
      const sent = yield* alone({ key: Redacted.make("key"), minInterval: 0, interval: 100 }, (peer) =>
        Effect.forEach([1, 2, 3, 4, 5, 6], (jobs) => Effect.delay(Effect.orDie(peer.publish({ jobs })), 250), {
          discard: true
        })
      ).pipe(Effect.provideService(Mac.Mac, mac))
      assert.isAbove(sent.length, 8)
      const sequences = sent.map(({ packet }) => packet.sequence)
      assert.deepStrictEqual(
        sequences,
        sequences.toSorted((one, other) => one - other)
      )
    })
  )

  it.effect("keeps sending after a defect in the transport", () =>
    Effect.gen(function* () {
      const sent = yield* alone(
        {},
        (peer) =>
          Effect.gen(function* () {
            yield* Effect.sleep(10_000)
            assert.strictEqual(Effect.runSync(peer.peers.get)[0]!.state, "alive")
          }),
        () => Effect.die("broken")
      )
      assert.isAtLeast(sent.length, 10)
    })
  )

  const tooMuch = "x".repeat(2_000)
  const wrong: ReadonlyArray<readonly [what: string, options: Options, message: string]> = [
    ["an empty name", { name: "" }, "InvalidOption: a name must be 1 to 63 bytes of UTF-8, a cluster 0 to 63: name "],
    [
      "a long name",
      { name: tooMuch },
      "InvalidOption: a name must be 1 to 63 bytes of UTF-8, a cluster 0 to 63: name xxx"
    ],
    [
      "control characters in a name",
      { name: "a\u001b[2J" },
      "InvalidOption: a name must not contain control characters or lone"
    ],
    [
      "a lone surrogate in a name",
      { name: "\ud800" },
      "InvalidOption: a name must not contain control characters or lone"
    ],
    [
      "a long cluster",
      { cluster: tooMuch },
      "InvalidOption: a name must be 1 to 63 bytes of UTF-8, a cluster 0 to 63: clust"
    ],
    ["an invalid id", { id: "7" }, "InvalidOption: an id must be 16 lower-case hexadecimal digits, not all 0: 7"],
    [
      "an interval",
      { interval: 5 },
      "InvalidOption: an interval must be a whole number of milliseconds, 10 to 3,600,000: 5"
    ],
    [
      "an interval of two hours",
      { interval: "2 hours" },
      "InvalidOption: an interval must be a whole number of milliseconds, 10 to 3,600,00"
    ],
    [
      "an empty key",
      { key: Redacted.make("") },
      "InvalidOption: invalid key: it is empty; give at least one character"
    ],
    [
      "a payload that does not fit the schema",
      { payload: { jobs: 0.5 } },
      'InvalidPayload: Expected an integer at ["jobs"]'
    ],
    [
      "a signed packet of the course",
      { key: Redacted.make("x"), course: { from: () => ({ jobs: 0 }), to: () => ({ x: 0, y: 0 }), send: true } },
      "InvalidOption: the course's packets cannot be signed: leave out the key"
    ]
  ]
  it.effect.each(wrong)("rejects %s", ([, options, message]) =>
    Simulated.run(({ host }) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(joinOn(yield* host("a"), { transport: recordingTransport([]), ...options }))
        assert.strictEqual(error._tag, "StatusError")
        const line = `${error.reason}: ${error.message}`
        assert.isTrue(line.startsWith(message), line)
        assert.notInclude(line, "\n")
      }).pipe(Effect.scoped)
    )
  )

  it.effect("rejects an oversized payload and keeps sending the previous one", () =>
    Simulated.run(({ host }) =>
      Effect.gen(function* () {
        const sent: Array<Sent> = []
        const schema = Schema.Struct({ jobs: Schema.String })
        const options = { name: "a", schema, payload: { jobs: "few" }, transport: recordingTransport(sent) }
        const peer = yield* Effect.provide(StatusPeer.make(options), (yield* host("a")).layer)
        const error = yield* Effect.flip(peer.publish({ jobs: tooMuch }))
        assert.strictEqual(error.message, "payload too large: 2,011 bytes as JSON; up to 1,198 bytes always fit")
        yield* Effect.sleep(1_000)
        assert.strictEqual(sent.at(-1)!.jobs as unknown, "few")
      }).pipe(Effect.scoped)
    )
  )
})
