/**
 * TCP of a simulated host: handshake, ordered data in segments of random size, flow control, half-close and reset. Lost
 * segments arrive late; congestion control is not modelled.
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
import type { SimConnection } from "./SimStream.ts"
import * as SimStream from "./SimStream.ts"

interface ListenSocket {
  readonly address: string
  readonly port: number
  readonly wildcard: boolean
  readonly reusePort: boolean
  readonly backlog: number
  readonly acceptQueue: Array<SimConnection>
  readonly acceptWaiters: Set<() => void>
  /** Connections in SYN-RECEIVED; they count against the backlog. */
  synReceived: number
  closed: boolean
}

/** TCP of one host, from its start to its crash. @category models @since 0.1.0 */
export interface SimTcp {
  readonly listen: (options: ListenOptions) => Effect.Effect<Listener, NetworkError, Scope.Scope>
  readonly connect: (remote: NetAddress.SocketAddress) => Effect.Effect<Connection, NetworkError, Scope.Scope>
  /**
   * Handles a SYN: no answer, RST, or a connection in SYN-RECEIVED. `ready` is called when the ACK of the handshake
   * arrives, after which the connection can be accepted.
   */
  readonly onSyn: (
    from: Endpoint.Endpoint,
    to: Endpoint.Endpoint,
    sender: Node
  ) => "drop" | "refuse" | { readonly connection: SimConnection; readonly ready: () => void }
  readonly crash: () => void
  readonly count: () => number
}

/** Time after which Linux gives up connecting; the SYN is retransmitted after 1, 2, 4... seconds. */
const connectTimeoutNanos = 127_000_000_000
const initialSynTimeoutNanos = 1_000_000_000

/** Time after which an address without a host is reported as unreachable. */
const unreachableTimeoutNanos = 3_000_000_000

const fail = (reason: Reason, address?: NetAddress.SocketAddress) => new NetworkError({ reason, address })
const noBytes = new Uint8Array(0)

/** Creates the TCP of a host. @category constructors @since 0.1.0 */
export const make = (lan: SimLan, node: Node, stackOf: (node: Node) => SimTcp | undefined): SimTcp => {
  const { clock } = lan
  const listenSockets = new Map<number, Array<ListenSocket>>()
  const connections = new Set<SimConnection>()
  const portsInUse = new Set<number>()
  let nextPort = 32_768
  let nextListener = 0

  /** Runs an action at once, or when the paused host resumes. */
  const whenResumed = (action: () => void) => {
    if (node.pausedUntil > clock.now()) clock.schedule(node.pausedUntil, () => whenResumed(action))
    else action()
  }
  const ephemeralPort = (): number => {
    do {
      nextPort = nextPort >= 60_999 ? 32_768 : nextPort + 1
    } while (portsInUse.has(nextPort) || listenSockets.has(nextPort))
    return nextPort
  }
  const conflicts = (port: number, requestedBinding: Pick<ListenSocket, "address" | "wildcard" | "reusePort">) =>
    (listenSockets.get(port) ?? []).some(
      (other) =>
        (other.wildcard || requestedBinding.wildcard || other.address === requestedBinding.address) &&
        other.address.includes(":") === requestedBinding.address.includes(":") &&
        !(other.reusePort && requestedBinding.reusePort)
    )
  const unsupported = () =>
    new NetworkError({ reason: "InvalidAddress", cause: new Error("Unix domain sockets are not simulated") })

  const listen: SimTcp["listen"] = Effect.fnUntraced(function* (options) {
    if ("path" in options) return yield* unsupported()
    const host = options.host ?? "127.0.0.1"
    const requested = NetAddress.inetAddressFromIpString(host, options.port)
    if (Result.isFailure(requested))
      return yield* new NetworkError({ reason: "InvalidAddress", cause: requested.failure })
    const wildcard = NetAddress.isUnspecified(requested.success.address)
    if (!wildcard && lan.route(node, host) !== "loopback") return yield* fail("AddressNotAvailable", requested.success)
    const { backlog = 511, port = 0, reusePort = false } = options
    const requestedBinding = { address: NetAddress.formatIp(requested.success.address), wildcard, reusePort, backlog }
    if (port !== 0 && conflicts(port, requestedBinding)) return yield* fail("AddressInUse", requested.success)
    const socket: ListenSocket = {
      ...requestedBinding,
      port: port === 0 ? ephemeralPort() : port,
      acceptQueue: [],
      acceptWaiters: new Set(),
      synReceived: 0,
      closed: false
    }
    yield* Effect.acquireRelease(
      Effect.sync(() => listenSockets.set(socket.port, [...(listenSockets.get(socket.port) ?? []), socket])),
      () =>
        Effect.sync(() => {
          socket.closed = true
          const remaining = (listenSockets.get(socket.port) ?? []).filter((one) => one !== socket)
          if (remaining.length === 0) listenSockets.delete(socket.port)
          else listenSockets.set(socket.port, remaining)
          for (const end of socket.acceptQueue.splice(0)) end.reset()
          for (const waiter of [...socket.acceptWaiters]) waiter()
        })
    )
    const address = NetAddress.inetAddressUnsafe(requested.success.address, socket.port)
    const awaitConnection = Effect.callback<void>((resume) => {
      const waiter = () => {
        socket.acceptWaiters.delete(waiter)
        resume(Effect.void)
      }
      socket.acceptWaiters.add(waiter)
      return Effect.sync(() => void socket.acceptWaiters.delete(waiter))
    })
    const accept: Listener["accept"] = Effect.uninterruptibleMask((restore) => {
      const take: Effect.Effect<SimConnection, NetworkError> = Effect.suspend(() => {
        if (socket.closed || !node.up) return Effect.fail(fail("Closed", address))
        const end = socket.acceptQueue.shift()
        return end === undefined ? Effect.andThen(restore(awaitConnection), take) : Effect.succeed(end)
      })
      return Effect.acquireRelease(take, (end) => end.close)
    })
    return { address, accept }
  })

  const openConnection = (
    local: Endpoint.Endpoint,
    remote: Endpoint.Endpoint,
    other: Node,
    onClosed: () => void
  ): SimConnection => {
    const connection = SimStream.make(lan, node, other, local, remote, () => {
      connections.delete(connection)
      onClosed()
    })
    connections.add(connection)
    return connection
  }

  /**
   * Starts connecting; `onResult` receives the connection, or the reason of the failure. Returns a function that
   * cancels it.
   */
  const startConnect = (
    remote: NetAddress.InetAddress,
    onResult: (result: SimConnection | Reason) => void
  ): (() => void) => {
    const to = { address: NetAddress.formatIp(remote.address), port: remote.port }
    const timers = new Set<SimClock.Event>()
    const after = (time: number, action: () => void) => timers.add(clock.schedule(clock.now() + time, action))
    const cancelTimers = () => {
      for (const timer of timers) clock.cancel(timer)
      timers.clear()
    }
    const settle = (result: SimConnection | Reason) => {
      cancelTimers()
      whenResumed(() => onResult(result))
    }
    const route = node.up ? lan.route(node, to.address) : undefined
    const other = route === undefined ? undefined : lan.nodeAt(node, to.address)
    if (route === undefined) settle("Unreachable")
    else if (other === undefined) after(unreachableTimeoutNanos, () => settle("Unreachable"))
    if (route === undefined || other === undefined) return cancelTimers

    const from = { address: route === "loopback" ? to.address : route.literal, port: ephemeralPort() }
    portsInUse.add(from.port)
    const connection = openConnection(from, to, other, () => portsInUse.delete(from.port))
    const failConnect = (reason: Reason) => {
      connection.discard()
      settle(reason)
    }
    const packet = (kind: Packet.Kind) => ({ transport: "tcp", kind, from, to, bytes: noBytes }) as const
    const reply = (kind: Packet.Kind) => ({ transport: "tcp", kind, from: to, to: from, bytes: noBytes }) as const
    let answered = false
    const deliverSyn = () => {
      const found = answered ? "drop" : (stackOf(other)?.onSyn(from, to, node) ?? "drop")
      if (found === "drop") return
      answered = true
      if (found === "refuse") {
        lan.segment(reply("rst"), other, node, 0, () => failConnect("Refused"))
        return
      }
      const back = lan.segment(reply("synack"), other, node, 0, () => {
        if (connection.isClosed()) {
          lan.segment(packet("rst"), node, other, 0, found.connection.onReset)
          return
        }
        connection.establish(found.connection, lan.segment(packet("ack"), node, other, 0, found.ready))
        settle(connection)
      })
      found.connection.establish(connection, back)
    }
    const sendSyn = (timeoutNanos: number) => {
      lan.segment(packet("syn"), node, other, 0, deliverSyn)
      after(timeoutNanos, () => {
        if (!answered) sendSyn(2 * timeoutNanos)
      })
    }
    after(connectTimeoutNanos, () => failConnect("TimedOut"))
    sendSyn(initialSynTimeoutNanos)
    return () => {
      cancelTimers()
      connection.discard()
    }
  }

  const connect: SimTcp["connect"] = (remote) =>
    NetAddress.isUnixPathAddress(remote)
      ? Effect.fail(unsupported())
      : Effect.acquireRelease(
          Effect.callback<SimConnection, NetworkError>((resume) => {
            const cancelConnect = startConnect(remote, (result) =>
              resume(typeof result === "string" ? Effect.fail(fail(result, remote)) : Effect.succeed(result))
            )
            return Effect.sync(cancelConnect)
          }),
          (end) => end.close,
          { interruptible: true }
        )

  const onSyn: SimTcp["onSyn"] = (from, to, sender) => {
    if (!node.up) return "drop"
    const matching = (listenSockets.get(to.port) ?? []).filter(
      (one) => one.address.includes(":") === to.address.includes(":") && (one.wildcard || one.address === to.address)
    )
    const exact = matching.filter((one) => !one.wildcard)
    const candidates = exact.length > 0 ? exact : matching
    if (candidates.length === 0) return "refuse"
    const listener = candidates[nextListener++ % candidates.length]!
    if (listener.acceptQueue.length + listener.synReceived >= listener.backlog) return "drop"
    listener.synReceived++
    let isSynReceived = true
    const leaveSynReceived = () => {
      if (isSynReceived) listener.synReceived--
      isSynReceived = false
    }
    const connection = openConnection(to, from, sender, leaveSynReceived)
    return {
      connection,
      ready: () => {
        leaveSynReceived()
        if (connection.isClosed()) return
        if (listener.closed) return connection.reset()
        listener.acceptQueue.push(connection)
        whenResumed(() => {
          for (const waiter of [...listener.acceptWaiters]) waiter()
        })
      }
    }
  }

  return {
    listen,
    connect,
    onSyn,
    crash: () => {
      for (const end of connections) end.discard()
      for (const all of listenSockets.values()) for (const bound of all) bound.closed = true
      listenSockets.clear()
    },
    count: () => connections.size + [...listenSockets.values()].reduce((sum, all) => sum + all.length, 0)
  }
}
