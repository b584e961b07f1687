/**
 * The TCP of a simulated host, as programs see it: a handshake, ordered bytes in pieces of any size, bounded buffers at
 * both ends, half-close, reset. Lost pieces come late; congestion control is not modelled.
 */

import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type * as Endpoint from "../../network/Endpoint.ts"
import { type Connection, type Listener, type ListenOptions, NetworkError, type Reason } from "../../network/Network.ts"
import type * as Packet from "../../network/Packet.ts"
import type * as SimClock from "../runtime/SimClock.ts"
import type { Node, SimLan } from "./SimLan.ts"
import type { End } from "./SimStream.ts"
import * as SimStream from "./SimStream.ts"

interface Bound {
  readonly address: string
  readonly port: number
  readonly wildcard: boolean
  readonly reusePort: boolean
  readonly backlog: number
  readonly waiting: Array<End>
  readonly takers: Set<() => void>
  /** Handshakes on their way count against the backlog too. */
  opening: number
  closed: boolean
}

/** The TCP of one host, from its start to its crash. @category models @since 0.1.0 */
export interface SimTcp {
  readonly listen: (options: ListenOptions) => Effect.Effect<Listener, NetworkError, Scope.Scope>
  readonly connect: (remote: NetAddress.SocketAddress) => Effect.Effect<Connection, NetworkError, Scope.Scope>
  /** A SYN has come: it gets no answer, RST, or an end of its own, which can be accepted once it is ready. */
  readonly arrive: (
    from: Endpoint.Endpoint,
    to: Endpoint.Endpoint,
    sender: Node
  ) => "drop" | "refuse" | { readonly end: End; readonly ready: () => void }
  readonly cut: () => void
  readonly count: () => number
}

/** SYNs are sent again after 1, 2, 4... seconds; Linux gives up after 127. */
const patience = 127_000_000_000
const firstRetry = 1_000_000_000

/** How long nobody answers who is not on the wire at all. */
const unreachable = 3_000_000_000

const fail = (reason: Reason, address?: NetAddress.SocketAddress) => new NetworkError({ reason, address })
const none = new Uint8Array(0)

/** @category constructors @since 0.1.0 */
export const make = (lan: SimLan, node: Node, stackOf: (node: Node) => SimTcp | undefined): SimTcp => {
  const { clock } = lan
  const listeners = new Map<number, Array<Bound>>()
  const ends = new Set<End>()
  const used = new Set<number>()
  let nextPort = 32_768
  let turn = 0

  /** Does what a program will see as soon as its host runs: at once, unless it is paused. */
  const awake = (action: () => void) => {
    if (node.pausedUntil > clock.now()) clock.at(node.pausedUntil, () => awake(action))
    else action()
  }
  const anyPort = (): number => {
    do {
      nextPort = nextPort >= 60_999 ? 32_768 : nextPort + 1
    } while (used.has(nextPort) || listeners.has(nextPort))
    return nextPort
  }
  const conflicts = (port: number, wanted: Pick<Bound, "address" | "wildcard" | "reusePort">) =>
    (listeners.get(port) ?? []).some(
      (other) =>
        (other.wildcard || wanted.wildcard || other.address === wanted.address) &&
        other.address.includes(":") === wanted.address.includes(":") &&
        !(other.reusePort && wanted.reusePort)
    )
  const unsupported = () =>
    new NetworkError({ reason: "InvalidAddress", cause: new Error("paths of the file system are not simulated") })

  const listen: SimTcp["listen"] = Effect.fnUntraced(function* (options) {
    if ("path" in options) return yield* unsupported()
    const host = options.host ?? "127.0.0.1"
    const asked = NetAddress.inetAddressFromIpString(host, options.port)
    if (Result.isFailure(asked)) return yield* new NetworkError({ reason: "InvalidAddress", cause: asked.failure })
    const wildcard = NetAddress.isUnspecified(asked.success.address)
    if (!wildcard && lan.route(node, host) !== "loopback") return yield* fail("AddressNotAvailable", asked.success)
    const { backlog = 511, port = 0, reusePort = false } = options
    const wanted = { address: NetAddress.formatIp(asked.success.address), wildcard, reusePort, backlog }
    if (port !== 0 && conflicts(port, wanted)) return yield* fail("AddressInUse", asked.success)
    const bound: Bound = {
      ...wanted,
      port: port === 0 ? anyPort() : port,
      waiting: [],
      takers: new Set(),
      opening: 0,
      closed: false
    }
    yield* Effect.acquireRelease(
      Effect.sync(() => listeners.set(bound.port, [...(listeners.get(bound.port) ?? []), bound])),
      () =>
        Effect.sync(() => {
          bound.closed = true
          const left = (listeners.get(bound.port) ?? []).filter((one) => one !== bound)
          if (left.length === 0) listeners.delete(bound.port)
          else listeners.set(bound.port, left)
          for (const end of bound.waiting.splice(0)) end.reset()
          for (const taker of [...bound.takers]) taker()
        })
    )
    const address = NetAddress.inetAddressUnsafe(asked.success.address, bound.port)
    const arrival = Effect.callback<void>((resume) => {
      const taker = () => {
        bound.takers.delete(taker)
        resume(Effect.void)
      }
      bound.takers.add(taker)
      return Effect.sync(() => void bound.takers.delete(taker))
    })
    const accept: Listener["accept"] = Effect.uninterruptibleMask((restore) => {
      const take: Effect.Effect<End, NetworkError> = Effect.suspend(() => {
        if (bound.closed || !node.up) return Effect.fail(fail("Closed", address))
        const end = bound.waiting.shift()
        return end === undefined ? Effect.andThen(restore(arrival), take) : Effect.succeed(end)
      })
      return Effect.acquireRelease(take, (end) => end.close)
    })
    return { address, accept }
  })

  const open = (local: Endpoint.Endpoint, remote: Endpoint.Endpoint, other: Node, onGone: () => void): End => {
    const end = SimStream.make(lan, node, other, local, remote, () => {
      ends.delete(end)
      onGone()
    })
    ends.add(end)
    return end
  }

  /** Asks for a connection until it is there, refused, or given up; the result takes the question back. */
  const dial = (remote: NetAddress.InetAddress, answer: (result: End | Reason) => void): (() => void) => {
    const to = { address: NetAddress.formatIp(remote.address), port: remote.port }
    const timers = new Set<SimClock.Event>()
    const after = (time: number, action: () => void) => timers.add(clock.at(clock.now() + time, action))
    const forget = () => {
      for (const timer of timers) clock.cancel(timer)
      timers.clear()
    }
    const settle = (result: End | Reason) => {
      forget()
      awake(() => answer(result))
    }
    const route = node.up ? lan.route(node, to.address) : undefined
    const other = route === undefined ? undefined : lan.find(node, to.address)
    if (route === undefined) settle("Unreachable")
    else if (other === undefined) after(unreachable, () => settle("Unreachable"))
    if (route === undefined || other === undefined) return forget

    const from = { address: route === "loopback" ? to.address : route.literal, port: anyPort() }
    used.add(from.port)
    const near = open(from, to, other, () => used.delete(from.port))
    const give = (reason: Reason) => {
      near.vanish()
      settle(reason)
    }
    const packet = (kind: Packet.Kind) => ({ transport: "tcp", kind, from, to, bytes: none }) as const
    const reply = (kind: Packet.Kind) => ({ transport: "tcp", kind, from: to, to: from, bytes: none }) as const
    let answered = false
    const onSyn = () => {
      const found = answered ? "drop" : (stackOf(other)?.arrive(from, to, node) ?? "drop")
      if (found === "drop") return
      answered = true
      if (found === "refuse") {
        lan.segment(reply("rst"), other, node, 0, () => give("Refused"))
        return
      }
      const back = lan.segment(reply("synack"), other, node, 0, () => {
        if (near.isGone()) {
          lan.segment(packet("rst"), node, other, 0, found.end.onReset)
          return
        }
        near.establish(found.end, lan.segment(packet("ack"), node, other, 0, found.ready))
        settle(near)
      })
      found.end.establish(near, back)
    }
    const knock = (wait: number) => {
      lan.segment(packet("syn"), node, other, 0, onSyn)
      after(wait, () => {
        if (!answered) knock(2 * wait)
      })
    }
    after(patience, () => give("TimedOut"))
    knock(firstRetry)
    return () => {
      forget()
      near.vanish()
    }
  }

  const connect: SimTcp["connect"] = (remote) =>
    NetAddress.isUnixPathAddress(remote)
      ? Effect.fail(unsupported())
      : Effect.acquireRelease(
          Effect.callback<End, NetworkError>((resume) => {
            const takeBack = dial(remote, (result) =>
              resume(typeof result === "string" ? Effect.fail(fail(result, remote)) : Effect.succeed(result))
            )
            return Effect.sync(takeBack)
          }),
          (end) => end.close,
          { interruptible: true }
        )

  const arrive: SimTcp["arrive"] = (from, to, sender) => {
    if (!node.up) return "drop"
    const all = (listeners.get(to.port) ?? []).filter(
      (one) => one.address.includes(":") === to.address.includes(":") && (one.wildcard || one.address === to.address)
    )
    const exact = all.filter((one) => !one.wildcard)
    const among = exact.length > 0 ? exact : all
    if (among.length === 0) return "refuse"
    const listener = among[turn++ % among.length]!
    if (listener.waiting.length + listener.opening >= listener.backlog) return "drop"
    listener.opening++
    let opening = true
    const opened = () => {
      if (opening) listener.opening--
      opening = false
    }
    const end = open(to, from, sender, opened)
    return {
      end,
      ready: () => {
        opened()
        if (end.isGone()) return
        if (listener.closed) return end.reset()
        listener.waiting.push(end)
        awake(() => {
          for (const taker of [...listener.takers]) taker()
        })
      }
    }
  }

  return {
    listen,
    connect,
    arrive,
    cut: () => {
      for (const end of ends) end.vanish()
      for (const all of listeners.values()) for (const bound of all) bound.closed = true
      listeners.clear()
    },
    count: () => ends.size + [...listeners.values()].reduce((sum, all) => sum + all.length, 0)
  }
}
