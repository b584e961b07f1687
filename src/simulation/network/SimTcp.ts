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
import * as Waiters from "../stream/Waiters.ts"
import type { Node, SimLan } from "./SimLan.ts"
import * as SimStream from "./SimStream.ts"

interface ListenSocket {
  readonly address: string
  readonly port: number
  readonly wildcard: boolean
  readonly reusePort: boolean
  readonly backlog: number
  readonly acceptQueue: Array<SimStream.SimStream>
  readonly acceptors: Waiters.Waiters
  /** Connections in SYN-RECEIVED; they count against the backlog. */
  synReceived: number
  closed: boolean
}

/** Result of a SYN: no answer, RST, or a connection in SYN-RECEIVED. */
type SynResult =
  | "drop"
  | "refuse"
  /** `ready` is called when the ACK of the handshake arrives, after which the connection can be accepted. */
  | { readonly connection: SimStream.SimStream; readonly ready: () => void }

/** TCP of one host, from its start to its crash. @category models @since 0.1.0 */
export interface SimTcp {
  readonly listen: (options: ListenOptions) => Effect.Effect<Listener, NetworkError, Scope.Scope>
  readonly connect: (remote: NetAddress.SocketAddress) => Effect.Effect<Connection, NetworkError, Scope.Scope>
  readonly onSyn: (from: Endpoint.Endpoint, to: Endpoint.Endpoint, sender: Node) => SynResult
  readonly crash: () => void
  readonly count: () => number
}

/** The sockets of a host, and what it needs to open them. */
interface State {
  readonly lan: SimLan
  readonly node: Node
  readonly stackOf: (node: Node) => SimTcp | undefined
  readonly listenSockets: Map<number, ReadonlyArray<ListenSocket>>
  readonly connections: Set<SimStream.SimStream>
  readonly portsInUse: Set<number>
  lastPort: number
  /** SYNs distributed over the sockets that share a port. */
  nextListener: number
}

/** Time after which Linux gives up connecting; the SYN is retransmitted after 1, 2, 4... seconds. */
const connectTimeoutNanos = 127_000_000_000
const initialSynTimeoutNanos = 1_000_000_000

/** Time after which an address without a host is reported as unreachable. */
const unreachableTimeoutNanos = 3_000_000_000

const fail = (reason: Reason, address?: NetAddress.SocketAddress) => new NetworkError({ reason, address })
const noBytes = new Uint8Array(0)

const unsupported = () =>
  new NetworkError({ reason: "InvalidAddress", cause: new Error("Unix domain sockets are not simulated") })

const ephemeralPort = (state: State): number => {
  do {
    state.lastPort = state.lastPort >= 60_999 ? 32_768 : state.lastPort + 1
  } while (state.portsInUse.has(state.lastPort) || state.listenSockets.has(state.lastPort))
  return state.lastPort
}

const isIpv6 = (address: string) => address.includes(":")

const hasConflict = (
  { listenSockets }: State,
  one: Pick<ListenSocket, "address" | "wildcard" | "reusePort">,
  port = 0
) =>
  (listenSockets.get(port) ?? []).some(
    (other) =>
      (other.wildcard || one.wildcard || other.address === one.address) &&
      isIpv6(other.address) === isIpv6(one.address) &&
      !(other.reusePort && one.reusePort)
  )

const closeListenSocket = ({ listenSockets }: State, socket: ListenSocket) => {
  socket.closed = true
  const remaining = (listenSockets.get(socket.port) ?? []).filter((one) => one !== socket)
  if (remaining.length === 0) listenSockets.delete(socket.port)
  else listenSockets.set(socket.port, remaining)
  for (const end of socket.acceptQueue.splice(0)) end.dispatch({ _tag: "Abort" })
  socket.acceptors.notify()
}

const listen = (state: State): SimTcp["listen"] =>
  Effect.fnUntraced(function* (options) {
    const { lan, listenSockets, node } = state
    if ("path" in options) return yield* unsupported()
    const { backlog = 511, host = "127.0.0.1", port = 0, reusePort = false } = options
    const requested = NetAddress.inetAddressFromIpString(host, options.port)
    if (Result.isFailure(requested))
      return yield* new NetworkError({ reason: "InvalidAddress", cause: requested.failure })
    const ip = requested.success.address
    const wildcard = NetAddress.isUnspecified(ip)
    if (!wildcard && lan.route(node, host) !== "loopback") return yield* fail("AddressNotAvailable", requested.success)
    const binding = { address: NetAddress.formatIp(ip), wildcard, reusePort, backlog }
    if (port !== 0 && hasConflict(state, binding, port)) return yield* fail("AddressInUse", requested.success)
    const socket: ListenSocket = {
      ...binding,
      port: port === 0 ? ephemeralPort(state) : port,
      acceptQueue: [],
      acceptors: Waiters.make(),
      synReceived: 0,
      closed: false
    }
    yield* Effect.acquireRelease(
      Effect.sync(() => listenSockets.set(socket.port, [...(listenSockets.get(socket.port) ?? []), socket])),
      () => Effect.sync(() => closeListenSocket(state, socket))
    )
    const address = NetAddress.inetAddressUnsafe(ip, socket.port)
    const isClosed = () => socket.closed || !node.up
    const isReady = () => isClosed() || socket.acceptQueue.length > 0
    const accept: Listener["accept"] = Effect.uninterruptibleMask((restore) => {
      const take: Effect.Effect<SimStream.SimStream, NetworkError> = Effect.suspend(() => {
        if (isClosed()) return Effect.fail(fail("Closed", address))
        const end = socket.acceptQueue.shift()
        if (end !== undefined) return Effect.succeed(end)
        return Effect.andThen(restore(socket.acceptors.until(isReady, () => Effect.void)), take)
      })
      return Effect.acquireRelease(take, (end) => end.close)
    })
    return { address, accept }
  })

const openConnection = (
  { connections, lan, node }: State,
  path: { readonly from: Endpoint.Endpoint; readonly to: Endpoint.Endpoint; readonly other: Node },
  onClosed: () => void
): SimStream.SimStream => {
  const connection: SimStream.SimStream = SimStream.make(lan, { node, ...path }, () => {
    connections.delete(connection)
    onClosed()
  })
  connections.add(connection)
  return connection
}

/** Answers a SYN: queues a connection for one of the sockets that listen on the port. */
const onSyn =
  (state: State): SimTcp["onSyn"] =>
  (from, to, sender) => {
    if (!state.node.up) return "drop"
    const matching = (state.listenSockets.get(to.port) ?? []).filter(
      (one) => isIpv6(one.address) === isIpv6(to.address) && (one.wildcard || one.address === to.address)
    )
    const exact = matching.filter((one) => !one.wildcard)
    const candidates = exact.length > 0 ? exact : matching
    if (candidates.length === 0) return "refuse"
    const listener = candidates[state.nextListener++ % candidates.length]!
    if (listener.acceptQueue.length + listener.synReceived >= listener.backlog) return "drop"
    listener.synReceived++
    let isSynReceived = true
    const leaveSynReceived = () => {
      if (isSynReceived) listener.synReceived--
      isSynReceived = false
    }
    const connection = openConnection(state, { from: to, to: from, other: sender }, leaveSynReceived)
    const ready = () => {
      leaveSynReceived()
      if (connection.isClosed()) return
      if (listener.closed) return connection.dispatch({ _tag: "Abort" })
      listener.acceptQueue.push(connection)
      state.node.run(listener.acceptors.notify)
    }
    return { connection, ready }
  }

/**
 * Performs the handshake on a route: SYN, retransmitted until it is answered, SYN-ACK and ACK. `settle` is called with
 * the connection, or with the reason of the failure.
 */
const handshake = (
  { lan, node, stackOf }: State,
  connection: SimStream.SimStream,
  { from, other, to }: { readonly from: Endpoint.Endpoint; readonly to: Endpoint.Endpoint; readonly other: Node },
  after: (time: number, action: () => void) => void,
  settle: (result: SimStream.SimStream | Reason) => void
) => {
  const packet = (kind: Packet.Kind) => ({ transport: "tcp", kind, from, to, bytes: noBytes }) as const
  const reply = (kind: Packet.Kind) => ({ transport: "tcp", kind, from: to, to: from, bytes: noBytes }) as const
  const failConnect = (reason: Reason) => {
    connection.dispatch({ _tag: "Close" })
    settle(reason)
  }
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
        lan.segment(packet("rst"), node, other, 0, () => found.connection.dispatch({ _tag: "Reset" }))
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
}

/** Starts connecting; `onResult` receives the connection, or the reason of the failure. Returns a cancellation. */
const startConnect = (
  state: State,
  remote: NetAddress.InetAddress,
  onResult: (result: SimStream.SimStream | Reason) => void
): (() => void) => {
  const { lan, node, portsInUse } = state
  const to = { address: NetAddress.formatIp(remote.address), port: remote.port }
  const timers = new Set<SimClock.Event>()
  const after = (time: number, action: () => void) => timers.add(lan.clock.schedule(lan.clock.now() + time, action))
  const cancelTimers = () => {
    for (const timer of timers) lan.clock.cancel(timer)
    timers.clear()
  }
  const settle = (result: SimStream.SimStream | Reason) => {
    cancelTimers()
    node.run(() => onResult(result))
  }
  const route = node.up ? lan.route(node, to.address) : undefined
  const other = route === undefined ? undefined : lan.nodeAt(node, to.address)
  if (route === undefined) settle("Unreachable")
  else if (other === undefined) after(unreachableTimeoutNanos, () => settle("Unreachable"))
  if (route === undefined || other === undefined) return cancelTimers
  const from = { address: route === "loopback" ? to.address : route.literal, port: ephemeralPort(state) }
  portsInUse.add(from.port)
  const connection = openConnection(state, { from, to, other }, () => portsInUse.delete(from.port))
  handshake(state, connection, { from, to, other }, after, settle)
  return () => {
    cancelTimers()
    connection.dispatch({ _tag: "Close" })
  }
}

const connect =
  (state: State): SimTcp["connect"] =>
  (remote) =>
    NetAddress.isUnixPathAddress(remote)
      ? Effect.fail(unsupported())
      : Effect.acquireRelease(
          Effect.callback<SimStream.SimStream, NetworkError>((resume) => {
            const cancelConnect = startConnect(state, remote, (result) =>
              resume(typeof result === "string" ? Effect.fail(fail(result, remote)) : Effect.succeed(result))
            )
            return Effect.sync(cancelConnect)
          }),
          (end) => end.close,
          { interruptible: true }
        )

/** Creates the TCP of a host. @category constructors @since 0.1.0 */
export const make = (lan: SimLan, node: Node, stackOf: (node: Node) => SimTcp | undefined): SimTcp => {
  const listenSockets = new Map<number, ReadonlyArray<ListenSocket>>()
  const connections = new Set<SimStream.SimStream>()
  const state: State = {
    lan,
    node,
    stackOf,
    listenSockets,
    connections,
    portsInUse: new Set(),
    lastPort: 32_768,
    nextListener: 0
  }
  return {
    listen: listen(state),
    connect: connect(state),
    onSyn: onSyn(state),
    crash: () => {
      for (const end of connections) end.dispatch({ _tag: "Close" })
      for (const all of listenSockets.values()) for (const bound of all) bound.closed = true
      listenSockets.clear()
    },
    count: () => connections.size + [...listenSockets.values()].reduce((sum, all) => sum + all.length, 0)
  }
}
