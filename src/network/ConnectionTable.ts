/** Table of the connections of a TCP server: runs their handlers, counts their traffic, and ends them at deadlines. */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as NetAddress from "effect/net/NetAddress"
import * as Pull from "effect/Pull"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import * as ConnectionLimits from "./ConnectionLimits.ts"
import * as Network from "./Network.ts"
import type * as ServerEvents from "./ServerEvents.ts"
import type * as ServerMetrics from "./ServerMetrics.ts"
import * as ServerSpan from "./ServerSpan.ts"
import type * as Sweeper from "./Sweeper.ts"

/** Data of a connection for its handler. */
export interface ConnectionContext {
  /** `ConnectionNumber` of the connection if it has one, otherwise its number in the order of acceptance, from 1. */
  readonly id: number
  /** Sweeper of the server, for deadlines of the protocol. */
  readonly sweeper: Sweeper.Sweeper
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
  readonly limits: ConnectionLimits.ConnectionLimits
  readonly busyMessage: string | undefined
  readonly sweeper: Sweeper.Sweeper
  readonly metrics: ReturnType<typeof ServerMetrics.make>
  readonly emit: ServerEvents.ServerEvents<Event>["emit"]
  readonly handler: (connection: Network.Connection, context: ConnectionContext) => Effect.Effect<void, unknown, R>
}

/** Connections of a server. */
export interface ConnectionTable<R> extends Settings<R> {
  readonly connections: Set<ServedConnection<R>>
  /** Number of active connections from each address; empty unless `maxConnectionsPerPeer` is finite. */
  readonly activeByPeer: Map<string, number>
  readonly allClosed: Latch.Latch
}

/** Accepted or refused connection, until its handler or the busy message has ended. */
interface ServedConnection<R> {
  /** Undefined for a connection over a limit. */
  readonly id: number | undefined
  readonly connection: Network.Connection
  readonly scope: Scope.Closeable
  /** Context of its fibers, with its log annotations. */
  readonly context: Context.Context<R>
  /** Key in `activeByPeer`; undefined without a limit. */
  readonly peer: string | undefined
  readonly acceptedAtMillis: number
  activity: ConnectionLimits.Activity
  fiber: Fiber.Fiber<void, unknown> | undefined
}

/** Creates the table of a server without connections. */
export const make = <R>(settings: Settings<R>): ConnectionTable<R> => ({
  ...settings,
  connections: new Set(),
  activeByPeer: new Map(),
  allClosed: Latch.makeUnsafe(true)
})

const observe = <R>({ metrics }: ConnectionTable<R>, served: ServedConnection<R>, now: number) => {
  const previous = served.activity.traffic
  const traffic = served.connection.traffic()
  served.activity = ConnectionLimits.observe(served.activity, traffic, now)
  metrics.stats.bytesReceived += traffic.received - previous.received
  metrics.stats.bytesSent += traffic.sent - previous.sent
}

const changeActive = <R>({ activeByPeer, metrics }: ConnectionTable<R>, peer: string | undefined, change: 1 | -1) => {
  metrics.stats.active += change
  if (peer === undefined) return
  const count = (activeByPeer.get(peer) ?? 0) + change
  if (count === 0) activeByPeer.delete(peer)
  else activeByPeer.set(peer, count)
}

const admit = <R>(
  table: ConnectionTable<R>,
  connection: Network.Connection,
  scope: Scope.Closeable
): ServedConnection<R> => {
  const { activeByPeer, allClosed, connections, context, emit, limits, metrics, service, sweeper } = table
  const { stats } = metrics
  const { remote } = connection
  const peer =
    limits.maxConnectionsPerPeer < Number.POSITIVE_INFINITY && NetAddress.isInetAddress(remote)
      ? NetAddress.formatHost(remote)
      : undefined
  const activeFromPeer = peer === undefined ? 0 : (activeByPeer.get(peer) ?? 0)
  const refusal = ConnectionLimits.refusalReason(limits, stats.active, activeFromPeer)
  if (refusal === undefined) stats.accepted++
  const count = Context.get(connection.context, Network.ConnectionNumber) ?? stats.accepted
  const id = refusal === undefined ? count : undefined
  const now = sweeper.now()
  const served: ServedConnection<R> = {
    id,
    connection,
    scope,
    context: Context.add(context, References.CurrentLogAnnotations, {
      ...Context.get(context, References.CurrentLogAnnotations),
      service,
      client: id ?? "refused",
      remote: NetAddress.formatSocketAddress(remote)
    }),
    peer,
    acceptedAtMillis: now,
    activity: ConnectionLimits.start(refusal === undefined ? "Open" : "Ending", now),
    fiber: undefined
  }
  connections.add(served)
  allClosed.closeUnsafe()
  if (id === undefined) {
    stats.refused++
    emit(() => ({ _tag: "Refused", remote, reason: refusal! }))
  } else {
    changeActive(table, peer, 1)
    emit(() => ({ _tag: "Accepted", id, remote }))
  }
  return served
}

const remove = <R>(table: ConnectionTable<R>, served: ServedConnection<R>) => {
  const { acceptedAtMillis, connection, id, peer } = served
  const now = table.sweeper.now()
  observe(table, served, now)
  table.connections.delete(served)
  if (id !== undefined) {
    changeActive(table, peer, -1)
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
  table.metrics.stats.timedOut++
  served.activity = { ...activity, phase: "Ending", sinceMillis: now }
  table.emit(() => ({ _tag: "TimedOut", id: id!, remote: connection.remote, reason: missed }))
  Effect.runForkWith(context)(missed === "Idle" ? connection.endRead : connection.abort)
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
const refuse = (connection: Network.Connection, busyMessage: string | undefined) =>
  busyMessage === undefined
    ? Effect.void
    : connection
        .write(busyMessage)
        .pipe(Effect.andThen(connection.end), Effect.andThen(Effect.forever(connection.pull)), Effect.ignore)

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
  const served = admit(table, connection, scope)
  const { context, id } = served
  const { busyMessage, handler, service, sweeper } = table
  const program: Effect.Effect<void, unknown, R> =
    id === undefined
      ? refuse(connection, busyMessage)
      : ServerSpan.withSpan(handler(connection, { id, sweeper }), context, "TcpServer.connection", () => ({
          service,
          client: id,
          remote: NetAddress.formatSocketAddress(connection.remote)
        }))
  served.fiber = Effect.runForkWith(context)(program)
  served.fiber.addObserver((exit) => finish(table, served, exit))
}

/** Ends the input of all connections, waits for their handlers, then resets the remaining connections. */
export const drain = Effect.fnUntraced(function* <R>(table: ConnectionTable<R>, time: Duration.Input) {
  const { allClosed, connections, metrics } = table
  const waitUntilClosed = (time: Duration.Input) => Effect.timeoutOption(Effect.interruptible(allClosed.await), time)
  for (const { connection } of connections) yield* connection.endRead
  yield* waitUntilClosed(time)
  for (const served of connections) cut(served)
  yield* waitUntilClosed(ConnectionLimits.gracePeriodMillis)
  metrics.publish()
  if (connections.size > 0)
    yield* Effect.logError(`shutdown incomplete: ${connections.size} uninterruptible connection handlers still run`)
})
