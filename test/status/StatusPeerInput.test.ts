import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Hmac from "../../src/network/Hmac.ts"
import * as Network from "../../src/network/Network.ts"
import * as CoursePacket from "../../src/status/wire/CoursePacket.ts"
import * as StatusPacket from "../../src/status/wire/StatusPacket.ts"
import {
  joinOn,
  type LoadPeer,
  type Options,
  recordChanges,
  summary,
  viewOf,
  waitForCount
} from "../suites/status/StatusTestNetwork.ts"
import * as Simulated from "../support/Simulated.ts"

const key = Redacted.make("correct horse battery staple")

/** Native and synchronous, since virtual time cannot wait for a promise. */
const mac = NodeCrypto.layerMac.pipe(Layer.provide(SecureRandom.layerWebCrypto))

const packet = (fields: Partial<StatusPacket.StatusPacket> = {}): StatusPacket.StatusPacket => ({
  ...{ cluster: "", id: "00000000000000ff", name: "mallory", incarnation: 1, sequence: 1, interval: 1_000, time: 0 },
  goodbye: false,
  payload: Simulated.bytes('{"jobs":1}'),
  ...fields
})

const encode = (fields: Partial<StatusPacket.StatusPacket> = {}) =>
  Result.getOrThrow(StatusPacket.encode(packet(fields))).bytes

const sign = Effect.fnUntraced(function* (fields: Partial<StatusPacket.StatusPacket>, secret = key) {
  const { bytes, covered } = Result.getOrThrow(StatusPacket.encode(packet(fields), true))
  const hmac = yield* Hmac.make(secret)
  bytes.set(yield* hmac!.sign(bytes.subarray(0, covered)), covered)
  return bytes
})

const changed = (bytes: Uint8Array, at: number, value: number) => bytes.map((byte, i) => (i === at ? value : byte))

interface Scene {
  readonly alice: LoadPeer
  /** Sends datagrams to alice and waits until they arrive. */
  readonly throwAll: (...all: ReadonlyArray<Uint8Array>) => Effect.Effect<void>
  readonly rejected: Effect.Effect<Record<string, number>>
}

/** Runs a test with two peers and a host that sends raw datagrams. */
const withPeer = (options: Options, test: (scene: Scene) => Effect.Effect<void, unknown, Scope.Scope>) =>
  Simulated.run((simulation) =>
    Effect.gen(function* () {
      const [alice, bob, mallory] = yield* Effect.forEach(["alice", "bob", "mallory"], (name) => simulation.host(name))
      yield* joinOn(bob!, options)
      const alices = yield* joinOn(alice!, options)
      yield* waitForCount(alices, 2)
      const to = { address: alice!.address, port: 2066 }
      const socket = yield* Effect.provide(
        Effect.flatMap(Network.Network, (network) => network.udp({ host: "0.0.0.0" }, () => {})),
        mallory!.layer
      )
      const throwAll: Scene["throwAll"] = (...all) =>
        Effect.andThen(
          Effect.sync(() => {
            for (const bytes of all) socket.sendUnsafe(bytes, to)
          }),
          Effect.sleep(2)
        )
      const rejected = Effect.map(alices.stats, ({ rejected }) => rejected as Record<string, number>)
      yield* test({ alice: alices, throwAll, rejected })
      yield* Effect.sleep("3 seconds")
      assert.include(summary(alices), "alice alive 0")
      assert.include(summary(alices), "bob alive 0")
    }).pipe(Effect.scoped, Effect.provide(mac))
  )

describe("StatusPeer input", () => {
  const malformed: ReadonlyArray<readonly [reason: string, bytes: Uint8Array]> = [
    ["BadMagic", new Uint8Array(0)],
    ["BadMagic", Simulated.bytes("hello")],
    ["Truncated", encode().subarray(0, 20)],
    ["Truncated", encode().subarray(0, -1)],
    ["Oversized", Uint8Array.of(...encode(), 0)],
    ["Oversized", Uint8Array.from({ length: 1_472 }, (_, at) => encode()[at] ?? 0)],
    ["Version", changed(encode(), 4, 2)],
    ["Flags", changed(encode(), 6, 1)],
    ["Id", changed(encode(), 15, 0)],
    ["Name", changed(encode(), 41, 0)],
    ["Interval", changed(encode(), 28, 0xff)],
    ["OtherCluster", encode({ cluster: "other" })]
  ]
  it.effect.each(malformed)("rejects a malformed packet as %s", ([reason, bytes]) =>
    withPeer({}, ({ alice, rejected, throwAll }) =>
      Effect.gen(function* () {
        yield* throwAll(bytes)
        assert.deepStrictEqual(yield* rejected, { [reason]: 1 })
        assert.lengthOf(Effect.runSync(alice.peers.get), 2)
      })
    )
  )

  it.effect("rejects random datagrams, also those with a valid beginning", () =>
    withPeer({ course: { from: ({ x }) => ({ jobs: x }), to: ({ jobs }) => ({ x: jobs, y: 0 }) } }, (here) =>
      Effect.gen(function* () {
        const good = encode()
        for (let i = 0; i < 300; i++) {
          const length = yield* Random.nextIntBetween(0, 200)
          const bytes = new Uint8Array(length)
          for (let at = 0; at < length; at++) {
            const keep = i % 2 === 0 && (yield* Random.next) < 0.97
            bytes[at] = keep ? (good[at] ?? 0) : yield* Random.nextIntBetween(0, 256, { halfOpen: true })
          }
          yield* here.throwAll(bytes)
        }
        const counts = Object.values(yield* here.rejected).reduce((sum, count) => sum + count, 0)
        assert.isAbove(counts, 200)
      })
    )
  )

  it.effect("rejects unsigned, forged, expired and future packets with a key, and ignores a replay", () =>
    withPeer({ key }, ({ alice, rejected, throwAll }) =>
      Effect.gen(function* () {
        const now = yield* Effect.map(Clock.currentTimeMillis, Math.floor)
        const fresh = yield* sign({ time: now })
        const goodbye = yield* sign({ time: now, sequence: 2, goodbye: true })
        const seen = yield* recordChanges(alice)
        yield* throwAll(encode(), changed(fresh, fresh.length - 1, 0), yield* sign({ time: now }, Redacted.make("x")))
        assert.deepStrictEqual(yield* rejected, { Unsigned: 1, BadSignature: 2 })
        yield* throwAll(fresh)
        yield* throwAll(fresh)
        assert.deepStrictEqual(
          seen.map(({ _tag }) => _tag),
          ["Joined"]
        )
        yield* throwAll(yield* sign({ time: now + 31_000, sequence: 3 }), goodbye)
        yield* throwAll(fresh)
        assert.deepStrictEqual(yield* rejected, { Unsigned: 1, BadSignature: 2, Future: 1 })
        assert.strictEqual(seen.at(-1)!._tag, "Left")
        yield* Effect.sleep("31 seconds")
        yield* throwAll(fresh, goodbye)
        assert.deepStrictEqual(yield* rejected, { Unsigned: 1, BadSignature: 2, Future: 1, Expired: 2 })
        assert.lengthOf(seen, 2)
      })
    )
  )

  it.effect("rejects the course's packets with a key, and accepts them without", () => {
    const bytes = Result.getOrThrow(CoursePacket.encode({ name: "carol", x: 3, y: 4 }))
    const course = { from: ({ x }: { readonly x: number }) => ({ jobs: x }), to: () => ({ x: 0, y: 0 }) }
    const payloadOfCourse = Effect.fnUntraced(function* (scene: Scene) {
      yield* scene.throwAll(bytes)
      yield* Effect.sleep(100)
      return viewOf(scene.alice, "carol")?.payload
    })
    return Effect.andThen(
      withPeer({ course }, (here) =>
        Effect.map(payloadOfCourse(here), (payload) => assert.deepStrictEqual(payload, { jobs: 3 }))
      ),
      withPeer({ course, key }, (here) => Effect.map(payloadOfCourse(here), (payload) => assert.isUndefined(payload)))
    )
  })

  it.effect("keeps a peer and its last valid payload if it sends an invalid one", () =>
    withPeer({}, ({ alice, throwAll }) =>
      Effect.gen(function* () {
        const payloads = ['{"jobs":5}', '{"jobs":"\\u001b[2J"}', "{", "\xff\xfe", "7"]
        for (const [at, text] of payloads.entries()) {
          yield* throwAll(encode({ sequence: at + 1, payload: Uint8Array.from(text, (c) => c.charCodeAt(0)) }))
        }
        yield* Effect.sleep(100)
        const peer = viewOf(alice, "mallory")!
        assert.deepStrictEqual(peer.payload, { jobs: 5 })
        assert.match(peer.invalid!, /^[\x20-\x7e]{1,300}$/)
        assert.strictEqual((yield* alice.stats).invalidPayloads, 4)
        yield* throwAll(encode({ sequence: 9, payload: Simulated.bytes('{"jobs":6}') }))
        yield* Effect.sleep(100)
        assert.deepInclude(viewOf(alice, "mallory"), { payload: { jobs: 6 }, invalid: undefined })
      })
    )
  )

  it.effect("counts a payload as invalid if the app's function throws", () => {
    const course = {
      from: (): never => {
        throw new Error("no\nsuch place")
      },
      to: () => ({ x: 0, y: 0 })
    }
    return withPeer({ course }, ({ alice, throwAll }) =>
      Effect.gen(function* () {
        yield* throwAll(Result.getOrThrow(CoursePacket.encode({ name: "carol", x: 3, y: 4 })))
        yield* Effect.sleep(100)
        assert.strictEqual(viewOf(alice, "carol")?.invalid, "Error: no such place")
      })
    )
  })

  it.effect("keeps control characters in a name", () =>
    withPeer({}, ({ alice, throwAll }) =>
      Effect.gen(function* () {
        yield* throwAll(encode({ name: "\u001b[2J" }))
        yield* Effect.sleep(100)
        assert.strictEqual(viewOf(alice, "\u001b[2J")?.state, "alive")
      })
    )
  )

  it.effect("bounds the table and keeps real peers under 10,000 forged peers a second", () =>
    withPeer({ maxPeers: 100 }, ({ alice, throwAll }) =>
      Effect.gen(function* () {
        const seen = yield* recordChanges(alice)
        const late: Array<string> = []
        const awake = Latch.makeUnsafe(false)
        const listen = Stream.runForEach(alice.events, ({ _tag, peer }) =>
          Effect.andThen(
            awake.await,
            Effect.sync(() => late.push(`${_tag} ${peer.name}`))
          )
        )
        yield* Effect.forkScoped(listen, { startImmediately: true })
        yield* Effect.sleep("3 seconds")
        const forgedPeer = (i: number) => encode({ id: i.toString(16).padStart(16, "0"), name: `ghost ${i}` })
        for (let i = 1; i <= 10_000; i += 20) {
          yield* throwAll(...Array.from({ length: 20 }, (_, more) => forgedPeer(i + more)))
          assert.isAtMost(Effect.runSync(alice.peers.get).length, 100)
        }
        assert.notInclude(
          seen.filter(({ peer }) => peer.name === "bob").map(({ _tag }) => _tag),
          "Forgotten"
        )
        yield* awake.open
        yield* Effect.sleep(1)
        assert.isAtMost(late.length, 1_100, "a slow subscriber buffers no more")
        assert.strictEqual(late.at(-1), "Joined ghost 10000")
      })
    )
  )
})
