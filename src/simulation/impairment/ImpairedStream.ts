/** Stream connections whose bytes meet a fault plan, in both directions. */

import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import type * as Endpoint from "../../network/Endpoint.ts"
import { type Connection, type Listener, NetworkError } from "../../network/Network.ts"
import type { Packet } from "../../network/Packet.ts"
import type { Judge } from "./DelayQueue.ts"
import * as ImpairedDirection from "./ImpairedDirection.ts"
import * as LocalConnections from "./LocalConnections.ts"

/** Bytes that may wait in a direction before its writer waits too, or no more are read from the network. */
const window = 65_536

/** How long a closing connection waits for what is overdue, and at most for what is yet to come, in nanoseconds. */
const linger = 1e9
const patience = 10e9

const encoder = new TextEncoder()
const { nothing } = ImpairedDirection

const peerOf = (address: NetAddress.InetAddress): Endpoint.Endpoint => ({
  address: NetAddress.formatIp(NetAddress.toCanonical(address.address)),
  port: address.port
})

const laneKey = (from: Endpoint.Endpoint, to: Endpoint.Endpoint) =>
  `${LocalConnections.nameOf(from)} ${LocalConnections.nameOf(to)}`

/** A connection that is impaired, and how it closes before the one beneath does. */
const impaired = (
  inner: Connection,
  near: Endpoint.Endpoint,
  far: Endpoint.Endpoint,
  end: LocalConnections.End,
  judge: Judge,
  fork: Scope.Scope
) => {
  const { timer } = judge
  const out = ImpairedDirection.make(judge, near, far, "out")
  const back = ImpairedDirection.make(judge, far, near, "back")
  const { remote } = inner
  /** A fault has reset it; to its program that was the peer. */
  let broken = false
  let aborted = false
  let finished = false
  let shut = false
  let pumping = false
  let feeding = false
  let unwritable: NetworkError | undefined
  /** What ended the reading beneath, once all that waits is taken. */
  let unreadable: NetworkError | Cause.Done | undefined

  const isCut = () => broken || aborted
  const error = (reason: "Reset" | "Closed") => new NetworkError({ reason, address: remote })
  const told = <E extends NetworkError | Cause.Done>(failure: E) => (broken && !aborted ? error("Reset") : failure)
  // Beneath first: who is woken by the lanes may close it at once, and that is no reset.
  const cut = Effect.andThen(
    inner.abort,
    Effect.sync(() => {
      out.clear()
      back.clear()
    })
  )
  const reset = Effect.suspend(() => {
    broken = true
    return cut
  })
  const due = (lane: ImpairedDirection.Lane) =>
    Effect.suspend(() => {
      const isNoMore = () => isCut() || (lane === back && shut)
      return Effect.raceFirst(timer.sleepUntil(lane.head()!.due), lane.until(isNoMore))
    })

  const pump: Effect.Effect<void> = Effect.gen(function* () {
    while (!isCut()) {
      yield* out.until(() => isCut() || out.head() !== undefined)
      const item = out.head()
      if (item === undefined) return
      if (item.due > timer.now()) {
        yield* due(out)
        continue
      }
      if (item.apart) yield* Effect.yieldNow
      if (item.bytes.length > 0) yield* inner.write(item.bytes)
      if (item.end === "fin") yield* inner.end
      if (item.end === "rst") return yield* Effect.andThen(Effect.yieldNow, reset)
      if (out.head() === item) out.shift()
    }
  }).pipe(
    Effect.catch((failure) =>
      Effect.sync(() => {
        unwritable = failure
        out.clear()
      })
    )
  )
  const startPump = Effect.suspend(() => {
    if (pumping || out.head() === undefined) return Effect.void
    pumping = true
    return Effect.forkIn(pump, fork)
  })

  /** Reads on while there is room, so that what is late does not make what comes after it later still. */
  const feed: Effect.Effect<void> = Effect.gen(function* () {
    while (!isCut()) {
      if (back.size() >= window) yield* back.until(() => isCut() || back.size() < window)
      back.add("data", yield* inner.pull, true)
    }
  }).pipe(
    Effect.catch((failure) =>
      Effect.sync(() => {
        if (Cause.isDone(failure) && !shut) back.add("fin", nothing, true)
        unreadable ??= failure
        back.wake()
      })
    )
  )
  const startFeed = Effect.suspend(() => {
    if (feeding || unreadable !== undefined) return Effect.void
    feeding = true
    return Effect.forkIn(feed, fork)
  })

  /** Takes what is due. */
  const take: Connection["pull"] = Effect.suspend(() => {
    const item = back.head()
    if (isCut() || item === undefined) return pull
    back.shift()
    if (item.end === "rst") return Effect.andThen(reset, item.bytes.length > 0 ? Effect.succeed(item.bytes) : pull)
    if (item.end === "fin") unreadable = Cause.Done()
    return item.bytes.length > 0 ? Effect.succeed(item.bytes) : pull
  })
  const direct: Connection["pull"] = Effect.uninterruptibleMask((restore) =>
    Effect.matchEffect(restore(inner.pull), {
      onSuccess: (bytes): Connection["pull"] => {
        if (end.inside || back.add("data", bytes)) return Effect.succeed(bytes)
        return Effect.andThen(startFeed, restore(pull))
      },
      onFailure: (failure): Connection["pull"] => {
        const isFin = Cause.isDone(failure) && !shut && !end.inside && !isCut()
        if (!isFin || back.add("fin", nothing)) return Effect.fail(told(failure))
        unreadable = failure
        return restore(pull)
      }
    })
  )
  const pull: Connection["pull"] = Effect.suspend(() => {
    if (isCut()) return feeding ? Effect.fail(told(error("Closed"))) : Effect.mapError(inner.pull, told)
    const item = back.head()
    if (item !== undefined) {
      if (item.due > timer.now()) {
        if (!shut) return Effect.andThen(due(back), pull)
        // It has not arrived, and is not to.
        back.clear()
        return pull
      }
      return item.apart ? Effect.andThen(Effect.yieldNow, take) : take
    }
    if (unreadable !== undefined) return Effect.fail(told(unreadable))
    if (!feeding) return direct
    const changed = () => isCut() || back.head() !== undefined || unreadable !== undefined
    return Effect.andThen(back.until(changed), pull)
  })

  const roomy = Effect.suspend(() =>
    Effect.andThen(
      out.until(() => out.size() < window),
      Effect.suspend(() => {
        if (isCut()) return Effect.fail(told(error("Closed")))
        return unwritable === undefined ? Effect.void : Effect.fail(unwritable)
      })
    )
  )
  const write: Connection["write"] = (data) =>
    Effect.suspend(() => {
      if (finished || aborted) return Effect.fail(error("Closed"))
      if (broken || unwritable !== undefined) return Effect.mapError(inner.write(data), told)
      const bytes = typeof data === "string" ? encoder.encode(data) : data
      if (bytes.length === 0 || out.add("data", bytes)) return Effect.mapError(inner.write(bytes), told)
      return Effect.andThen(startPump, roomy)
    })

  const connection: Connection = {
    local: inner.local,
    remote,
    pull,
    write,
    end: Effect.suspend(() => {
      if (finished || isCut()) return inner.end
      finished = true
      return out.add("fin", nothing) ? inner.end : startPump
    }),
    endRead: Effect.suspend(() => {
      shut = true
      back.wake()
      return inner.endRead
    }),
    abort: Effect.suspend(() => {
      aborted = true
      return cut
    }),
    traffic: () => {
      const waiting = out.size()
      const { received, sent, unsent } = inner.traffic()
      return { received, sent, unsent: unsent + waiting }
    }
  }
  /** What waits is sent first; a connection that cannot send it is reset. */
  const close = Effect.suspend(() => {
    const left = () => !isCut() && out.head() !== undefined
    if (!left()) return Effect.void
    const now = timer.now()
    const last = out.last() === Number.POSITIVE_INFINITY ? now : Math.min(Math.max(out.last(), now), now + patience)
    return Effect.andThen(
      Effect.raceFirst(
        out.until(() => !left()),
        timer.sleepUntil(last + linger)
      ),
      Effect.suspend(() => (left() ? cut : Effect.void))
    )
  })
  const forget = Effect.sync(() => {
    aborted = true
    out.clear()
    back.clear()
  })
  return { connection, out, back, startPump, close: Effect.andThen(close, forget) }
}

/** Wraps what opens streams; those of the file system pass as they are. */
export const make = (judge: Judge, fork: Scope.Scope) => {
  const ends = LocalConnections.make()
  /** By addresses; where both ends are ours, what one sends is told, not what the other receives. */
  const lanes = new Map<string, ImpairedDirection.Lane>()

  const watch = (key: string, lane: ImpairedDirection.Lane) => {
    lanes.set(key, lane)
    return Effect.addFinalizer(() =>
      Effect.sync(() => {
        if (lanes.get(key) === lane) lanes.delete(key)
      })
    )
  }
  const track = Effect.fnUntraced(function* (inner: Connection, accepted: boolean) {
    const { local, remote } = inner
    if (!NetAddress.isInetAddress(local) || !NetAddress.isInetAddress(remote)) return inner
    const near = peerOf(local)
    const far = peerOf(remote)
    const [end, leave] = ends.enter(near, far)
    const { back, close, connection, out, startPump } = impaired(inner, near, far, end, judge, fork)
    const backKey = laneKey(far, near)
    yield* watch(laneKey(near, far), out)
    if (!lanes.has(backKey)) yield* watch(backKey, back)
    yield* Effect.addFinalizer(() => Effect.andThen(Effect.sync(leave), close))
    if (!accepted || !(end.inside || ends.isDialled(LocalConnections.nameOf(near)))) {
      const [there, here] = accepted ? [back, out] : [out, back]
      there.add("syn", nothing)
      here.add("synack", nothing)
      yield* startPump
    }
    // A client knows of the connection only when the answer has come; a server accepts others meanwhile.
    if (!accepted) yield* judge.timer.sleepUntil(Math.max(out.last(), back.last()))
    return connection
  })

  return {
    /** What a fault does to a packet that is seen on the wire beneath. */
    noteOf: ({ bytes, from, kind, to }: Packet) => lanes.get(laneKey(from, to))?.noteOf(kind, bytes),
    listener: (inner: Listener): Listener => ({
      address: inner.address,
      accept: Effect.flatMap(inner.accept, (connection) => track(connection, true))
    }),
    connect: Effect.fnUntraced(function* (
      remote: NetAddress.SocketAddress,
      connect: Effect.Effect<Connection, NetworkError, Scope.Scope>
    ) {
      if (!NetAddress.isInetAddress(remote)) return yield* connect
      const to = LocalConnections.nameOf(peerOf(remote))
      return yield* Effect.acquireUseRelease(
        Effect.sync(() => ends.dial(to, 1)),
        () => Effect.flatMap(connect, (connection) => track(connection, false)),
        () => Effect.sync(() => ends.dial(to, -1))
      )
    })
  }
}
