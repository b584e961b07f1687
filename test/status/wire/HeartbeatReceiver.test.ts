import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Hmac from "../../../src/network/Hmac.ts"
import * as Identity from "../../../src/status/Identity.ts"
import type * as Peer from "../../../src/status/Peer.ts"
import * as CoursePacket from "../../../src/status/wire/CoursePacket.ts"
import * as HeartbeatReceiver from "../../../src/status/wire/HeartbeatReceiver.ts"
import * as StatusPacket from "../../../src/status/wire/StatusPacket.ts"

const from = { address: "192.0.2.1", port: 2066 }
const self = { id: "00000000000000aa", incarnation: 7 }
const plain: HeartbeatReceiver.Options = {
  cluster: "",
  key: undefined,
  replayWindowMillis: 30_000,
  acceptCourse: true,
  self
}

const packet = (fields: Partial<StatusPacket.StatusPacket> = {}): StatusPacket.StatusPacket => ({
  ...{ cluster: "", id: "00000000000000ff", name: "bob", incarnation: 1, sequence: 1, interval: 1_000, time: 0 },
  goodbye: false,
  payload: new Uint8Array(3),
  ...fields
})

const encode = (fields?: Partial<StatusPacket.StatusPacket>) =>
  Result.getOrThrow(StatusPacket.encode(packet(fields))).bytes

/** Makes a receiver, and records its heartbeats. */
const recordHeartbeats = Effect.fnUntraced(function* (options: HeartbeatReceiver.Options = plain) {
  const heartbeats: Array<Peer.Heartbeat> = []
  const keep = (heartbeat: Peer.Heartbeat | undefined) => {
    if (heartbeat !== undefined) heartbeats.push(heartbeat)
  }
  const receiver = yield* HeartbeatReceiver.make(options)
  yield* Effect.forkScoped(Effect.forever(Effect.map(receiver.nextVerified, keep)))
  const receive: typeof receiver.receive = (bytes, from) => {
    const heartbeat = receiver.receive(bytes, from)
    keep(heartbeat)
    return heartbeat
  }
  return { receiver: { ...receiver, receive }, heartbeats }
})

const count = (rejected: Readonly<Record<string, number>>) => Object.values(rejected).reduce((sum, one) => sum + one, 0)

describe("HeartbeatReceiver", () => {
  it.effect.prop("accepts or counts each datagram", [Schema.Array(Schema.Uint8Array)], ([all]) =>
    Effect.gen(function* () {
      const { receiver, heartbeats } = yield* recordHeartbeats()
      for (const bytes of all) receiver.receive(bytes, from)
      assert.strictEqual(heartbeats.length + count(receiver.rejected()), all.length)
    })
  )

  it.effect("returns the content and source of a packet", () =>
    Effect.gen(function* () {
      const { receiver, heartbeats } = yield* recordHeartbeats()
      const { cluster, time, ...fields } = packet({ goodbye: true })
      receiver.receive(encode({ goodbye: true }), from)
      assert.deepStrictEqual(heartbeats, [{ ...fields, from, dialect: "effect-inet" }])
    })
  )

  it.effect("ignores its own packets, and accepts those of its previous incarnation", () =>
    Effect.gen(function* () {
      const { receiver, heartbeats } = yield* recordHeartbeats()
      receiver.receive(encode(self), from)
      assert.deepStrictEqual([heartbeats.length, receiver.rejected()], [0, {}])
      receiver.receive(encode({ ...self, incarnation: 6 }), from)
      assert.lengthOf(heartbeats, 1)
    })
  )

  it.effect("accepts the course's packets without the bytes after the name, and ignores its own", () =>
    Effect.gen(function* () {
      const name = { id: Identity.courseId("me"), incarnation: 0 }
      const { receiver, heartbeats } = yield* recordHeartbeats({ ...plain, self: name })
      const clean = Result.getOrThrow(CoursePacket.encode({ name: "bob", x: -1, y: 2 }))
      receiver.receive(
        clean.map((byte, at) => (at > 3 && at < 64 ? 0xaa : byte)),
        from
      )
      receiver.receive(Result.getOrThrow(CoursePacket.encode({ name: "me", x: 0, y: 0 })), from)
      assert.deepStrictEqual(
        heartbeats.map(({ id, payload }) => [id, [...payload]]),
        [["course:bob", [...clean]]]
      )
    })
  )

  it.live("verifies signed packets in order of arrival, and bounds the queue", () =>
    Effect.gen(function* () {
      const key = yield* Hmac.make(Redacted.make("key"))
      const { receiver, heartbeats } = yield* recordHeartbeats({ ...plain, key })
      const { bytes, covered } = Result.getOrThrow(StatusPacket.encode(packet(), true))
      const signed = yield* Effect.forEach(Array.from({ length: 200 }), (_, sequence) =>
        Effect.gen(function* () {
          const time = yield* Clock.currentTimeMillis
          const one = Result.getOrThrow(StatusPacket.encode(packet({ time, sequence }), true)).bytes
          one.set(yield* key!.sign(one.subarray(0, covered)), covered)
          return one
        })
      )
      for (const one of signed) receiver.receive(one, from)
      while (heartbeats.length < signed.length) yield* Effect.yieldNow
      assert.deepStrictEqual(
        heartbeats.map(({ sequence }) => sequence),
        signed.map((_, sequence) => sequence)
      )
      for (let i = 0; i < 5_000; i++) receiver.receive(bytes, from)
      while (count(receiver.rejected()) < 5_000) yield* Effect.yieldNow
      const { BadSignature, QueueFull } = receiver.rejected()
      assert.isAbove(QueueFull!, 3_900)
      assert.isAbove(BadSignature!, 1_000)
    }).pipe(Effect.scoped)
  )
})
