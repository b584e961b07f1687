/**
 * TCP of a simulated host: handshake, ordered data in segments of random size, flow control, half-close, reset and
 * TIME_WAIT, as `NodeNetwork` shows them on Linux. Lost segments arrive late; congestion control is not modelled.
 */

import * as Duration from "effect/Duration"
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
import * as SimPorts from "./SimPorts.ts"
import * as SimStream from "./SimStream.ts"

interface ListenSocket extends SimPorts.Binding {
  /** Address as the program gave it, and the port. */
  readonly local: NetAddress.InetAddress
  readonly backlog: number
  readonly keepAliveNanos: number | undefined
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
  readonly ports: SimPorts.SimPorts
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

const isBroadcast = ({ interfaces }: Node, address: string) =>
  address === "127.255.255.255" || interfaces.some(({ broadcast }) => broadcast === address)

/** Tests if a socket may be bound to an address: one of the host, or, as Linux allows, of a group or a broadcast. */
const isBindable = ({ lan, node }: State, ip: NetAddress.IpAddress, { address, wildcard }: SimPorts.Binding) =>
  wildcard ||
  lan.route(node, address) === "loopback" ||
  (NetAddress.isIpv4Address(ip) &&
    (NetAddress.isMulticast(ip) || NetAddress.isBroadcast(ip) || isBroadcast(node, address)))

/** Returns the port for a listener; undefined if it is in use. */
const portFor = ({ lan, listenSockets, ports }: State, binding: SimPorts.Binding, port: number) => {
  const now = lan.clock.now()
  if (port === 0) return SimPorts.ephemeral(ports, now)
  const isInUse =
    listenSockets.get(port)?.some((other) => SimPorts.conflicts(other, binding)) ||
    SimPorts.isTaken(ports, port, binding, now)
  return isInUse ? undefined : port
}

/** Closes a listener, and, as Node does, what it has accepted for a program that has not. */
const closeListenSocket = ({ listenSockets }: State, socket: ListenSocket) => {
  const { port } = socket.local
  socket.closed = true
  const remaining = (listenSockets.get(port) ?? []).filter((one) => one !== socket)
  if (remaining.length === 0) listenSockets.delete(port)
  else listenSockets.set(port, remaining)
  for (const end of socket.acceptQueue.splice(0)) end.destroy()
  socket.acceptors.notify()
}

const listen = (state: State): SimTcp["listen"] =>
  Effect.fnUntraced(function* (options) {
    const { listenSockets, node } = state
    if ("path" in options) return yield* unsupported()
    const { backlog = 511, host = "127.0.0.1", keepAlive, reusePort = false } = options
    const requested = NetAddress.inetAddressFromIpString(host, options.port)
    if (Result.isFailure(requested))
      return yield* new NetworkError({ reason: "InvalidAddress", cause: requested.failure })
    const ip = requested.success.address
    const binding = SimPorts.bindingTo(ip, reusePort)
    if (!isBindable(state, ip, binding)) return yield* fail("AddressNotAvailable", requested.success)
    const port = portFor(state, binding, requested.success.port)
    if (port === undefined) return yield* fail("AddressInUse", requested.success)
    const address = NetAddress.inetAddressUnsafe(ip, port)
    const socket: ListenSocket = {
      ...binding,
      local: address,
      backlog,
      keepAliveNanos: keepAlive === undefined ? undefined : Math.max(1e9, Duration.toMillis(keepAlive) * 1e6),
      acceptQueue: [],
      acceptors: Waiters.make(),
      synReceived: 0,
      closed: false
    }
    yield* Effect.acquireRelease(
      Effect.sync(() => listenSockets.set(port, [...(listenSockets.get(port) ?? []), socket])),
      () => Effect.sync(() => closeListenSocket(state, socket))
    )
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

const openConnection = ({ connections, lan }: State, parts: SimStream.Parts): SimStream.SimStream => {
  const connection: SimStream.SimStream = SimStream.make(lan, {
    ...parts,
    onClosed: (isTimeWait) => {
      connections.delete(connection)
      parts.onClosed(isTimeWait)
    }
  })
  connections.add(connection)
  return connection
}

const inetAddress = ({ address, port }: Endpoint.Endpoint) => NetAddress.inetAddressFromNativeUnsafe(address, port)

/** Returns the socket that takes a SYN: of those with the best score, each in turn. */
const listenerFor = (state: State, to: Endpoint.Endpoint): ListenSocket | undefined => {
  let best = 1
  let found: Array<ListenSocket> = []
  for (const one of state.listenSockets.get(to.port) ?? []) {
    const score = SimPorts.score(one, to.address)
    if (score > best) found = []
    if (score >= best) found.push(one)
    best = Math.max(best, score)
  }
  return found.length < 2 ? found[0] : found[state.nextListener++ % found.length]
}

/** Answers a SYN: queues a connection for one of the sockets that listen on the port. */
const onSyn =
  (state: State): SimTcp["onSyn"] =>
  (from, to, sender) => {
    const { node } = state
    if (!node.up) return "drop"
    const listener = listenerFor(state, to)
    if (listener === undefined) return "refuse"
    // Linux takes one more than the backlog.
    if (listener.acceptQueue.length + listener.synReceived > listener.backlog) return "drop"
    listener.synReceived++
    let isSynReceived = true
    const leaveSynReceived = () => {
      if (isSynReceived) listener.synReceived--
      isSynReceived = false
    }
    const connection = openConnection(state, {
      path: { node, from: to, to: from, other: sender },
      local: listener.wildcard ? inetAddress(to) : listener.local,
      remote: inetAddress(from),
      isClient: false,
      keepAliveNanos: listener.keepAliveNanos,
      onClosed: leaveSynReceived
    })
    const ready = () => {
      if (!isSynReceived) return
      leaveSynReceived()
      if (listener.closed) return connection.dispatch({ _tag: "Abort" })
      connection.establish()
      listener.acceptQueue.push(connection)
      node.run(listener.acceptors.notify)
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
  { from, other, to }: Pick<SimStream.Parts["path"], "from" | "other" | "to">,
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
        lan.segment(packet("rst"), node, other, 0, () => found.connection.receive({ _tag: "Reset" }))
        return
      }
      connection.establish()
      const ack = lan.segment(packet("ack"), node, other, 0, found.ready)
      // Data carry the ACK, too.
      if (ack === Number.POSITIVE_INFINITY) found.connection.onHeard(found.ready)
      connection.meet(found.connection, ack)
      settle(connection)
    })
    found.connection.meet(connection, back)
    if (back < Number.POSITIVE_INFINITY) return
    answered = false
    found.connection.dispatch({ _tag: "Close" })
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

/** Returns the address to which packets go: Linux takes its own for a wildcard. */
const destination = ({ address, port }: NetAddress.InetAddress): Endpoint.Endpoint => {
  const ip = NetAddress.toCanonical(address)
  if (!NetAddress.isUnspecified(ip)) return { address: NetAddress.formatIp(ip), port }
  return { address: NetAddress.isIpv4Address(ip) ? "127.0.0.1" : "::1", port }
}

/** Returns the address of an interface, or within a host: a loopback address is reached from 127.0.0.1. */
const sourceFor = (route: ReturnType<SimLan["route"]> & {}, to: string): string => {
  if (route !== "loopback") return route.literal
  return to.startsWith("127.") ? "127.0.0.1" : to
}

/** Starts connecting; `onResult` receives the connection, or the reason of the failure. Returns a cancellation. */
const startConnect = (
  state: State,
  remote: NetAddress.InetAddress,
  onResult: (result: SimStream.SimStream | Reason) => void
): (() => void) => {
  const { lan, node, ports } = state
  const { clock } = lan
  const to = destination(remote)
  const timers = new Set<SimClock.Event>()
  const after = (time: number, action: () => void) => timers.add(clock.schedule(clock.now() + time, action))
  const cancelTimers = () => {
    for (const timer of timers) clock.cancel(timer)
    timers.clear()
  }
  const settle = (result: SimStream.SimStream | Reason) => {
    cancelTimers()
    node.run(() => onResult(result))
  }
  const isReachable = node.up && !isBroadcast(node, to.address) && !NetAddress.isMulticast(remote.address)
  const route = isReachable ? lan.route(node, to.address) : undefined
  const other = route === undefined ? undefined : lan.nodeAt(node, to.address)
  if (route === undefined) settle("Unreachable")
  else if (other === undefined) after(unreachableTimeoutNanos, () => settle("Unreachable"))
  if (route === undefined || other === undefined) return cancelTimers
  const use = SimPorts.connect(ports, sourceFor(route, to.address), to, clock.now())
  if (use === undefined) {
    settle("AddressNotAvailable")
    return cancelTimers
  }
  const path = { node, from: use.local, to, other }
  const connection = openConnection(state, {
    path,
    local: inetAddress(use.local),
    remote,
    isClient: true,
    onClosed: (isTimeWait) => SimPorts.release(ports, use, clock.now(), isTimeWait)
  })
  handshake(state, connection, path, after, settle)
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
    ports: SimPorts.make((port) => listenSockets.has(port)),
    nextListener: 0
  }
  return {
    listen: listen(state),
    connect: connect(state),
    onSyn: onSyn(state),
    crash: () => {
      for (const end of connections) end.forget()
      for (const all of listenSockets.values()) for (const bound of all) bound.closed = true
      listenSockets.clear()
    },
    count: () => connections.size + [...listenSockets.values()].reduce((sum, all) => sum + all.length, 0)
  }
}
