/** Decodes and verifies heartbeats; counts rejected datagrams. */

import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import type * as Endpoint from "../../network/Endpoint.ts"
import type * as Hmac from "../../network/Hmac.ts"
import * as Identity from "../Identity.ts"
import type { Heartbeat } from "../Peer.ts"
import * as CoursePacket from "./CoursePacket.ts"
import * as StatusPacket from "./StatusPacket.ts"

/**
 * Reason for a rejected datagram. `OtherCluster`: it belongs to another cluster. `Unsigned`, `BadSignature`: the sender
 * did not sign with the key. `Expired`, `Future`: its time is outside the replay window, as in a replayed packet.
 * `QueueFull`: too many packets were waiting for verification. `StatusPacket.Problem` has the reasons of malformed
 * packets.
 *
 * @category models
 * @since 0.1.0
 */
export type Rejection =
  | StatusPacket.Problem
  | "OtherCluster"
  | "Unsigned"
  | "BadSignature"
  | "Expired"
  | "Future"
  | "QueueFull"

/** Rules to accept datagrams. @category models @since 0.1.0 */
export interface Options {
  readonly cluster: string
  /** Own identity, whose packets are ignored: broadcast transports deliver them to the sender, too. */
  readonly self: Identity.Identity | undefined
  readonly key: Hmac.Hmac | undefined
  /** Largest accepted difference, ahead or behind, between the time in a signed packet and the receiver's clock. */
  readonly replayWindowMillis: number
  /** Accepts the course's packets. Incompatible with a key, since they have no signature. */
  readonly acceptCourse: boolean
}

/** Interval of the course's packets, which do not announce one: its first edition sends one per second. */
const courseIntervalMillis = 1_000

/** Packets that may wait for verification. */
const maxPendingVerifications = 1_024

type RejectionCounts = Partial<Record<Rejection, number>>

/** A receiver of datagrams. @category models @since 0.1.0 */
export interface HeartbeatReceiver {
  /**
   * Decodes a datagram; callable from anywhere, and never throws. The receiver owns the bytes. Returns undefined for a
   * rejected datagram, one of the peer itself, and one whose signature has to be verified first.
   */
  readonly receive: (bytes: Uint8Array, from: Endpoint.Endpoint) => Heartbeat | undefined
  /** Verifies the next signed datagram, in the order of arrival. Returns undefined if it is rejected. */
  readonly nextVerified: Effect.Effect<Heartbeat | undefined>
  readonly rejected: () => Readonly<RejectionCounts>
}

/** A signed packet whose signature has not been verified. */
interface PendingVerification extends StatusPacket.Decoded {
  readonly from: Endpoint.Endpoint
}

const heartbeatOf = (packet: StatusPacket.StatusPacket, from: Endpoint.Endpoint): Heartbeat => ({
  dialect: "effect-inet",
  from,
  id: packet.id,
  name: packet.name,
  incarnation: packet.incarnation,
  sequence: packet.sequence,
  interval: packet.interval,
  goodbye: packet.goodbye,
  payload: packet.payload
})

/** Makes a receiver. Packets of a sender with a key go through `nextVerified`. @category constructors @since 0.1.0 */
export const make = Effect.fnUntraced(function* (options: Options): Effect.fn.Return<HeartbeatReceiver> {
  const { cluster, acceptCourse, key, self, replayWindowMillis } = options
  const clock = yield* Clock.Clock
  const pending = yield* Queue.dropping<PendingVerification>(maxPendingVerifications)
  const counts: RejectionCounts = {}
  const reject = (reason: Rejection) => {
    counts[reason] = (counts[reason] ?? 0) + 1
    return undefined
  }
  const isOwn = ({ id, incarnation }: Identity.Identity) => id === self?.id && incarnation === self.incarnation
  /** The packet is encoded again, since the bytes after the name's NUL differ between packets. */
  const acceptCoursePacket = (packet: CoursePacket.CoursePacket, from: Endpoint.Endpoint): Heartbeat | undefined => {
    const bytes = CoursePacket.encode(packet)
    if (Result.isFailure(bytes)) return reject(bytes.failure.reason)
    const identity = { id: Identity.courseId(packet.name), incarnation: 0 }
    if (isOwn(identity)) return undefined
    return {
      ...identity,
      dialect: "course",
      from,
      name: packet.name,
      sequence: undefined,
      interval: courseIntervalMillis,
      goodbye: false,
      payload: bytes.success
    }
  }
  const verify = ({ from, packet, signed }: PendingVerification) =>
    Effect.map(key!.verify(signed!.tag, signed!.covered), (isValid) => {
      if (!isValid) return reject("BadSignature")
      const aheadMillis = packet.time - clock.currentTimeMillisUnsafe()
      if (Math.abs(aheadMillis) > replayWindowMillis) return reject(aheadMillis > 0 ? "Future" : "Expired")
      return heartbeatOf(packet, from)
    })
  return {
    receive: (bytes, from) => {
      if (acceptCourse && bytes.length === CoursePacket.sizeBytes) {
        const packet = CoursePacket.decode(bytes)
        if (packet !== undefined) return acceptCoursePacket(packet, from)
      }
      const decoded = StatusPacket.decode(bytes)
      if (Result.isFailure(decoded)) return reject(decoded.failure.reason)
      const { packet, signed } = decoded.success
      if (packet.cluster !== cluster) return reject("OtherCluster")
      if (isOwn(packet)) return undefined
      if (key === undefined) return heartbeatOf(packet, from)
      if (signed === undefined) return reject("Unsigned")
      return Queue.offerUnsafe(pending, { packet, signed, from }) ? undefined : reject("QueueFull")
    },
    nextVerified: Effect.flatMap(Queue.take(pending), verify),
    rejected: () => ({ ...counts })
  }
})
