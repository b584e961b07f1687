/** Turns datagrams into heartbeats, and counts those that are none. */

import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type * as Endpoint from "../../network/Endpoint.ts"
import type * as Hmac from "../../network/Hmac.ts"
import * as Identity from "../Identity.ts"
import type { Heartbeat } from "../Peer.ts"
import * as CoursePacket from "./CoursePacket.ts"
import * as StatusPacket from "./StatusPacket.ts"

/**
 * Why a datagram was not taken. `Cluster`: of another one. `Unsigned`, `Signature`: not of one who has the key. `Old`,
 * `Future`: signed at another time than now, such as one that was recorded and sent again. `Busy`: more came than could
 * be checked. The others are `StatusPacket.Problem`s.
 *
 * @category models
 * @since 0.1.0
 */
export type Refusal = StatusPacket.Problem | "Cluster" | "Unsigned" | "Signature" | "Old" | "Future" | "Busy"

/** Whom to listen to. @category models @since 0.1.0 */
export interface Options {
  readonly cluster: string
  /** Whose own packets come back where everybody hears everybody: they say nothing new. */
  readonly self: Identity.Identity | undefined
  readonly key: Hmac.Hmac | undefined
  /** How far a signed packet's clock may be from ours: milliseconds, either way. */
  readonly window: number
  /** Whether packets of the course are heard: not where a key is asked for, since they have no signature. */
  readonly course: boolean
}

/** What is told of the course's packets, which say nothing about it: its first edition sends one a second. */
const courseInterval = 1_000

/** Packets that wait for their signature to be checked. */
const waiting = 1_024

type Counts = Partial<Record<Refusal, number>>

/** One who listens. @category models @since 0.1.0 */
export interface Ear {
  /** May be called from anywhere, and does not throw. The bytes are its own from now on. */
  readonly hear: (bytes: Uint8Array, from: Endpoint.Endpoint) => void
  readonly refused: () => Readonly<Counts>
}

/** Calls back for each heartbeat, in the order in which they came. @category constructors @since 0.1.0 */
export const make = Effect.fnUntraced(function* (
  { cluster, course, key, self, window }: Options,
  onHeartbeat: (beat: Heartbeat) => void
): Effect.fn.Return<Ear, never, Scope.Scope> {
  const clock = yield* Clock.Clock
  const counts: Counts = {}
  const refuse = (why: Refusal) => {
    counts[why] = (counts[why] ?? 0) + 1
  }
  const isOwn = ({ id, incarnation }: Identity.Identity) => id === self?.id && incarnation === self.incarnation
  const take = (packet: StatusPacket.StatusPacket, from: Endpoint.Endpoint) =>
    onHeartbeat({
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
  /** Written anew: the garbage behind a name is another one each time. */
  const takeCourse = (packet: CoursePacket.CoursePacket, from: Endpoint.Endpoint) => {
    const bytes = CoursePacket.encode(packet)
    if (Result.isFailure(bytes)) return refuse(bytes.failure.reason)
    const identity = { id: Identity.ofCourse(packet.name), incarnation: 0 }
    if (isOwn(identity)) return
    onHeartbeat({
      ...identity,
      dialect: "course",
      from,
      name: packet.name,
      sequence: undefined,
      interval: courseInterval,
      goodbye: false,
      payload: bytes.success
    })
  }

  type Claim = { readonly from: Endpoint.Endpoint; readonly decoded: StatusPacket.Decoded }
  const claims = yield* Queue.dropping<Claim>(waiting)
  const check = (mac: Hmac.Hmac) =>
    Effect.flatMap(Queue.take(claims), ({ decoded: { packet, signed }, from }) =>
      Effect.map(mac.verify(signed!.tag, signed!.covered), (isRight) => {
        if (!isRight) return refuse("Signature")
        const ahead = packet.time - clock.currentTimeMillisUnsafe()
        if (Math.abs(ahead) > window) return refuse(ahead > 0 ? "Future" : "Old")
        take(packet, from)
      })
    )
  if (key !== undefined) yield* Effect.forkScoped(Effect.forever(check(key)))

  const hear = (bytes: Uint8Array, from: Endpoint.Endpoint) => {
    if (course && bytes.length === CoursePacket.size) {
      const packet = CoursePacket.decode(bytes)
      if (packet !== undefined) return takeCourse(packet, from)
    }
    const decoded = StatusPacket.decode(bytes)
    if (Result.isFailure(decoded)) return refuse(decoded.failure.reason)
    const { packet, signed } = decoded.success
    if (packet.cluster !== cluster) return refuse("Cluster")
    if (isOwn(packet)) return
    if (key === undefined) return take(packet, from)
    if (signed === undefined) return refuse("Unsigned")
    if (!Queue.offerUnsafe(claims, { decoded: decoded.success, from })) refuse("Busy")
  }
  return { hear, refused: () => ({ ...counts }) }
})
