/** Table of the connections of a TCP server: runs their handlers, counts their traffic, and ends them at deadlines. */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as NetAddress from "effect/net/NetAddress"
import * as Pull from "effect/Pull"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import * as Network from "../Network.ts"
import type * as ServerEvents from "../ServerEvents.ts"
import type * as ServerMetrics from "../ServerMetrics.ts"
import type * as Sweeper from "../Sweeper.ts"
import * as AccessList from "./AccessList.ts"
import * as ConnectionLimits from "./ConnectionLimits.ts"
import * as ConnectionRates from "./ConnectionRates.ts"
import * as ProxyHeader from "./ProxyHeader.ts"
import type * as RefusalLogger from "./RefusalLogger.ts"
import * as ServerSpan from "./ServerSpan.ts"

/** Data of a connection for its handler. */
export interface ConnectionContext {
  /** `ConnectionNumber` of the connection if it has one, otherwise its number in the order of acceptance, from 1. */
  readonly id: number
  /** Sweeper of the server, for deadlines of the protocol. */
  readonly sweeper: Sweeper.Sweeper
  /** Counter of the client's data, if only a part of its bytes is to prolong its idle time. */
  readonly data: ConnectionLimits.DataCounter
}

/** Event of a connection. `id` is that of its `ConnectionContext`. */
export type Event =
  | { readonly _tag: "Accepted"; readonly id: number; readonly remote: NetAddress.SocketAddress }
  | {
      readonly _tag: "Refused"
      readonly remote: NetAddress.SocketAddress
      readonly reason: ConnectionLimits.RefusalReason
    }
  /** The connection missed a deadline; `Closed` follows. */
  | {
      readonly _tag: "TimedOut"
      readonly id: number
      readonly remote: NetAddress.SocketAddress
      readonly reason: ConnectionLimits.TimeoutReason
    }
  | {
      readonly _tag: "Closed"
      readonly id: number
      readonly remote: NetAddress.SocketAddress
      readonly traffic: Network.Traffic
      readonly durationMillis: number
    }

/** Settings of a server that its connections need. */
interface Settings<R> {
  readonly service: string
  readonly context: Context.Context<R>
  /** Each connection begins with a PROXY header. */
  readonly proxyProtocol: boolean
  readonly sweeper: Sweeper.Sweeper
  readonly metrics: ReturnType<typeof ServerMetrics.make>
  readonly emit: ServerEvents.ServerEvents<Event>["emit"]
  readonly refusalLogger: RefusalLogger.RefusalLogger<ConnectionLimits.RefusalReason>
  readonly handler: (connection: Network.Connection, context: ConnectionContext) => Effect.Effect<void, unknown, R>
}

/** Connections of a server. */
export interface ConnectionTable<R> extends Settings<R> {
  limits: ConnectionLimits.ConnectionLimits
  readonly connections: Set<ServedConnection<R>>
  /** Number of active connections from each address; empty unless `maxConnectionsPerPeer` is finite. */
  readonly activeByPeer: Map<string, number>
  readonly rates: ConnectionRates.ConnectionRates
  readonly allClosed: Latch.Latch
}

/** Accepted or refused connection, until its handler or the busy message has ended. */
interface ServedConnection<R> {
  /** Undefined for a refused connection, and while the PROXY header is read. */
  id: number | undefined
  /** True while the connection counts as active. */
  isActive: boolean
  /** Its addresses are those of the client, also behind a proxy. */
  connection: Network.Connection
  readonly scope: Scope.Closeable
  /** Context of its fibers, with its log annotations. */
  context: Context.Context<R>
  /** Key in `activeByPeer`; undefined without a limit. */
  peer: string | undefined
  readonly acceptedAtMillis: number
  activity: ConnectionLimits.Activity
  readonly data: ConnectionLimits.DataCounter
  fiber: Fiber.Fiber<void, unknown> | undefined
}

/** Creates the table of a server without connections. */
export const make = <R>(
  settings: Settings<R> & { readonly limits: ConnectionLimits.ConnectionLimits }
): ConnectionTable<R> => ({
  ...settings,
  connections: new Set(),
  activeByPeer: new Map(),
  rates: ConnectionRates.make(),
  allClosed: Latch.makeUnsafe(true)
})

const hostOf = (remote: NetAddress.SocketAddress) =>
  NetAddress.isInetAddress(remote) ? NetAddress.formatHost(remote) : undefined

const observe = <R>({ metrics }: ConnectionTable<R>, served: ServedConnection<R>, now: number) => {
  const previous = served.activity.traffic
  const traffic = served.connection.traffic()
  served.activity = ConnectionLimits.observe(served.activity, traffic, now, served.data)
  metrics.stats.bytesReceived += traffic.received - previous.received
  metrics.stats.bytesSent += traffic.sent - previous.sent
}

const countPeer = <R>({ activeByPeer }: ConnectionTable<R>, peer: string | undefined, change: 1 | -1) => {
  if (peer === undefined) return
  const count = (activeByPeer.get(peer) ?? 0) + change
  if (count === 0) activeByPeer.delete(peer)
  else activeByPeer.set(peer, count)
}

/** Applies new limits, to open connections too. None is closed because of a lower maximum or a new `deny`. */
export const setLimits = <R>(table: ConnectionTable<R>, limits: ConnectionLimits.ConnectionLimits): void => {
  table.limits = limits
  table.activeByPeer.clear()
  for (const served of table.connections) {
    served.peer = limits.maxConnectionsPerPeer < Infinity ? hostOf(served.connection.remote) : undefined
    if (served.id !== undefined) countPeer(table, served.peer, 1)
  }
}

/** Returns the context of a connection's fibers, with their log annotations. */
const annotate = <R>(
  { context, service }: ConnectionTable<R>,
  id: number | "refused",
  connection: Network.Connection
) =>
  Context.add(context, References.CurrentLogAnnotations, {
    ...Context.get(context, References.CurrentLogAnnotations),
    service,
    client: id,
    remote: NetAddress.formatSocketAddress(connection.remote)
  })

/** Counts a refused connection. `detail` is logged once a minute. */
const countRefusal = <R>(
  table: ConnectionTable<R>,
  remote: NetAddress.SocketAddress,
  reason: ConnectionLimits.RefusalReason,
  detail?: string
) => {
  table.metrics.refuse(reason)
  table.emit(() => ({ _tag: "Refused", remote, reason }))
  if (detail !== undefined) table.refusalLogger.note(reason, detail)
}

/** Counts a connection that the network has refused because the process cannot open more files. */
export const refuseUnaccepted = <R>(table: ConnectionTable<R>, error: Network.NetworkError): void =>
  countRefusal(table, error.address ?? NetAddress.unixPathAddress(""), "NoDescriptors", error.detail)

/** Returns the reason to refuse a client, or undefined. Its own connection may count as active already. */
const refusalReason = <R>(table: ConnectionTable<R>, served: ServedConnection<R>) => {
  const { activeByPeer, limits, metrics, rates, sweeper } = table
  const { connection, isActive, peer } = served
  if (AccessList.isRestricted(limits) && !AccessList.permits(limits, connection.remote)) return "NotAllowed"
  const active = metrics.stats.active - (isActive ? 1 : 0)
  const activeFromPeer = peer === undefined ? 0 : (activeByPeer.get(peer) ?? 0)
  const reason = ConnectionLimits.refusalReason(limits, active, activeFromPeer)
  if (reason !== undefined) return reason
  if (limits.connectionsPerSecond === Infinity && limits.connectionsPerSecondPerPeer === Infinity) return undefined
  return ConnectionRates.take(rates, limits, hostOf(connection.remote), sweeper.now()) ? undefined : "RateExceeded"
}

/** Sets if the connection counts as active. */
const setActive = <R>({ metrics }: ConnectionTable<R>, served: ServedConnection<R>, isActive: boolean) => {
  metrics.stats.active += Number(isActive) - Number(served.isActive)
  served.isActive = isActive
}

const add = <R>(
  table: ConnectionTable<R>,
  connection: Network.Connection,
  scope: Scope.Closeable
): ServedConnection<R> => {
  const now = table.sweeper.now()
  const served: ServedConnection<R> = {
    id: undefined,
    isActive: false,
    connection,
    scope,
    context: table.context,
    peer: table.limits.maxConnectionsPerPeer < Infinity ? hostOf(connection.remote) : undefined,
    acceptedAtMillis: now,
    activity: ConnectionLimits.start(table.proxyProtocol ? "Header" : "Open", now),
    data: { count: undefined },
    fiber: undefined
  }
  table.connections.add(served)
  table.allClosed.closeUnsafe()
  return served
}

const remove = <R>(table: ConnectionTable<R>, served: ServedConnection<R>) => {
  const { acceptedAtMillis, connection, id, peer } = served
  const now = table.sweeper.now()
  observe(table, served, now)
  table.connections.delete(served)
  setActive(table, served, false)
  if (id !== undefined) {
    countPeer(table, peer, -1)
    table.emit(() => ({
      _tag: "Closed",
      id,
      remote: connection.remote,
      traffic: served.activity.traffic,
      durationMillis: now - acceptedAtMillis
    }))
  }
  if (table.connections.size === 0) table.allClosed.openUnsafe()
}

const cut = <R>({ connection, context, fiber }: ServedConnection<R>) => {
  Effect.runForkWith(context)(connection.abort)
  fiber?.interruptUnsafe()
}

const checkDeadline = <R>(table: ConnectionTable<R>, served: ServedConnection<R>, now: number) => {
  const { activity, connection, context, id } = served
  const missed = ConnectionLimits.missedDeadline(table.limits, activity, now)
  if (missed === undefined) return
  if (missed === "Grace") return cut(served)
  served.activity = { ...activity, phase: "Ending", sinceMillis: now }
  if (missed !== "Header") {
    table.metrics.stats.timedOut++
    table.emit(() => ({ _tag: "TimedOut", id: id!, remote: connection.remote, reason: missed }))
  }
  Effect.runForkWith(context)(missed === "NotReading" ? connection.abort : connection.endRead)
}

/** Counts the traffic of all connections, and ends those that have missed a deadline. */
export const sweep = <R>(table: ConnectionTable<R>, now: number): void => {
  for (const served of table.connections) {
    observe(table, served, now)
    checkDeadline(table, served, now)
  }
  table.metrics.publish()
}

/** Returns the stats, with the traffic up to now. */
export const stats = <R>(table: ConnectionTable<R>): ServerMetrics.Stats => {
  const now = table.sweeper.now()
  for (const served of table.connections) observe(table, served, now)
  table.metrics.publish()
  return { ...table.metrics.stats }
}

/**
 * Sends the busy message. What the client sends meanwhile is read and dropped, since unread input would turn the FIN
 * into an RST.
 */
const sendBusyMessage = (connection: Network.Connection, busyMessage: string | undefined) =>
  busyMessage === undefined
    ? Effect.void
    : connection
        .write(busyMessage)
        .pipe(Effect.andThen(connection.end), Effect.andThen(Effect.forever(connection.pull)), Effect.ignore)

/** Counts a refused connection. Returns the end of it: the busy message if it is over a maximum, else a reset. */
const refuse = <R>(
  table: ConnectionTable<R>,
  served: ServedConnection<R>,
  reason: ConnectionLimits.RefusalReason,
  detail?: string
): Effect.Effect<void> => {
  const { connection } = served
  const { remote } = connection
  served.activity = { ...served.activity, phase: "Ending", sinceMillis: table.sweeper.now() }
  served.context = annotate(table, "refused", connection)
  setActive(table, served, false)
  countRefusal(table, remote, reason, detail)
  return reason === "MaxConnections" || reason === "MaxConnectionsPerPeer"
    ? sendBusyMessage(connection, table.limits.busyMessage)
    : connection.abort
}

/** Admits a client or refuses it. Returns its handler, or the end of a refused connection. */
const admit = <R>(table: ConnectionTable<R>, served: ServedConnection<R>): Effect.Effect<void, unknown, R> => {
  const { emit, handler, metrics, service, sweeper } = table
  const refusal = refusalReason(table, served)
  if (refusal !== undefined) return refuse(table, served, refusal)
  const { connection, data, peer } = served
  metrics.stats.accepted++
  const id = Context.get(connection.context, Network.ConnectionNumber) ?? metrics.stats.accepted
  served.id = id
  served.context = annotate(table, id, connection)
  setActive(table, served, true)
  countPeer(table, peer, 1)
  emit(() => ({ _tag: "Accepted", id, remote: connection.remote }))
  return ServerSpan.withSpan(
    handler(connection, { id, sweeper, data }),
    served.context,
    "TcpServer.connection",
    () => ({
      service,
      client: id,
      remote: NetAddress.formatSocketAddress(connection.remote)
    })
  )
}

/** Reads the PROXY header, and then admits the client that it names. */
const admitProxied = <R>(table: ConnectionTable<R>, served: ServedConnection<R>): Effect.Effect<void, unknown, R> => {
  const { limits, metrics } = table
  const full = ConnectionLimits.refusalReason(limits, metrics.stats.active, 0)
  if (full !== undefined) return refuse(table, served, full)
  setActive(table, served, true)
  return Effect.matchEffect(ProxyHeader.read(served.connection), {
    onFailure: (error) =>
      Effect.suspend(() => {
        // A health check that only connects is not logged.
        const isSilent = error._tag === "Done" && served.connection.traffic().received === 0
        const reason = error._tag === "ProxyHeaderError" ? error.message : "incomplete PROXY header"
        const detail = isSilent ? undefined : `${reason}; connect through the proxy`
        return refuse(table, served, "InvalidProxyHeader", detail)
      }),
    onSuccess: (connection) =>
      Effect.suspend(() => {
        served.connection = connection
        served.activity = { ...served.activity, phase: "Open", sinceMillis: table.sweeper.now() }
        served.peer = served.peer === undefined ? undefined : hostOf(connection.remote)
        const program = admit(table, served)
        return Effect.provideContext(program, served.context)
      })
  })
}

/** Logs a failure; the end of input is a success. */
const report = (cause: Cause.Cause<unknown>) => {
  if (Pull.isDoneCause(cause)) return Effect.void
  return Cause.hasDies(cause)
    ? Effect.logError("unhandled defect in connection handler", cause)
    : Effect.logDebug("connection ended", Cause.squash(cause))
}

/** Closes the connection of a handler that has ended. */
const finish = <R>(table: ConnectionTable<R>, served: ServedConnection<R>, exit: Exit.Exit<void, unknown>) => {
  const closed = Scope.close(served.scope, Exit.void)
  const closeAndReport = Exit.isSuccess(exit) ? closed : Effect.andThen(report(exit.cause), closed)
  Effect.runForkWith(served.context)(closeAndReport).addObserver(() => remove(table, served))
}

/**
 * Serves a connection until its handler ends. The handler runs in a root fiber: one forked and wrapped here costs half
 * as much again in time and memory.
 */
export const serve = <R>(table: ConnectionTable<R>, connection: Network.Connection, scope: Scope.Closeable): void => {
  const served = add(table, connection, scope)
  const program = table.proxyProtocol ? admitProxied(table, served) : admit(table, served)
  served.fiber = Effect.runForkWith(served.context)(program)
  served.fiber.addObserver((exit) => finish(table, served, exit))
}

/** Ends the input of all connections, waits for their handlers, then resets the remaining connections. */
export const drain = Effect.fnUntraced(function* <R>(table: ConnectionTable<R>) {
  const { allClosed, connections, limits, metrics } = table
  const waitUntilClosed = (millis: number) => Effect.timeoutOption(Effect.interruptible(allClosed.await), millis)
  for (const { connection } of connections) yield* connection.endRead
  yield* waitUntilClosed(limits.drainMillis)
  for (const served of connections) cut(served)
  yield* waitUntilClosed(ConnectionLimits.gracePeriodMillis)
  metrics.publish()
  if (connections.size > 0)
    yield* Effect.logError(`shutdown incomplete: ${connections.size} uninterruptible connection handlers still run`)
})
