/** Connections of a client, kept for further requests to the same origin. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Dns from "effect/net/Dns"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { type Connection, Network, NetworkError } from "../../../Network.ts"
import * as Sweeper from "../../../Sweeper.ts"
import * as HostConnection from "../../HostConnection.ts"
import * as HttpDecoder from "../message/HttpDecoder.ts"
import * as HttpReader from "../message/HttpReader.ts"

/** Limits of a client. */
export interface PoolLimits extends HttpDecoder.Limits {
  /** Maximum number of connections to an origin that have a request. */
  readonly maxConnectionsPerOrigin: number
  /** Maximum number of connections to an origin that are kept without a request. */
  readonly maxIdlePerOrigin: number
  readonly keepAliveMillis: number
  readonly connectTimeoutMillis: number
}

/** An open connection of a client. */
export interface PooledConnection {
  readonly connection: Connection
  readonly reader: HttpReader.HttpReader
  readonly scope: Scope.Closeable
  readonly origin: Origin
  /** True if an earlier request used the connection: the server may have closed it meanwhile. */
  isReused: boolean
  idleSinceMillis: number
}

/** Connections to an origin. */
interface Origin {
  /** From the longest idle to the last used. */
  idle: Array<PooledConnection>
  /** Permits of requests. */
  readonly requests: Semaphore.Semaphore
}

/** Connections of a client. */
export interface ClientPool {
  readonly limits: PoolLimits
  readonly network: Network["Service"]
  readonly dns: Dns.Dns["Service"]
  readonly scope: Scope.Scope
  readonly sweeper: Sweeper.Sweeper
  /** Runs an effect from a callback, with the clock and the scheduler of the pool. */
  readonly fork: (effect: Effect.Effect<void>) => void
  readonly origins: Map<string, Origin>
  idleCount: number
  stopSweeps: () => void
}

/** Period of the check for connections that are idle for too long. */
const sweepPeriod = "1 second"

/** Creates a pool, whose connections close with the scope. */
export const make = Effect.fnUntraced(function* (limits: PoolLimits) {
  const context = yield* Effect.context<never>()
  const pool: ClientPool = {
    limits,
    fork: (effect) => void Effect.runForkWith(context)(effect),
    network: yield* Network,
    dns: yield* Dns.Dns,
    scope: yield* Effect.scope,
    sweeper: yield* Sweeper.make(sweepPeriod),
    ...{ origins: new Map(), idleCount: 0, stopSweeps: () => {} }
  }
  return pool
})

/** Services and limits with which a connection is opened. */
export type Connector = Pick<ClientPool, "limits" | "network" | "dns">

/** Opens a connection to the host of a URL, which closes with the scope. */
export const connect = (connector: Connector, url: URL) =>
  Effect.gen(function* () {
    const { limits } = connector
    const port = url.port === "" ? 80 : Number(url.port)
    const connection = yield* HostConnection.connect(connector, url.hostname, port)
    return { connection, reader: yield* HttpReader.make(connection, HttpDecoder.make("Response", limits)) }
  }).pipe(
    Effect.timeoutOrElse({
      duration: connector.limits.connectTimeoutMillis,
      orElse: () => new NetworkError({ reason: "TimedOut", text: `${url.host}: no connection in time` })
    })
  )

/** Opens a connection in a scope of its own. */
const open = (pool: ClientPool, origin: Origin, url: URL) =>
  Effect.gen(function* () {
    const scope = yield* Scope.fork(pool.scope)
    const { connection, reader } = yield* Scope.provide(connect(pool, url), scope).pipe(
      Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
    )
    const pooled: PooledConnection = { connection, reader, scope, origin, isReused: false, idleSinceMillis: 0 }
    return pooled
  })

const originOf = ({ limits, origins }: ClientPool, { host }: URL): Origin => {
  const known = origins.get(host)
  if (known !== undefined) return known
  const origin: Origin = { idle: [], requests: Semaphore.makeUnsafe(limits.maxConnectionsPerOrigin) }
  origins.set(host, origin)
  return origin
}

/** Removes an idle connection; false if it was not idle. */
const removeIdle = (pool: ClientPool, pooled: PooledConnection): boolean => {
  const { origin } = pooled
  const index = origin.idle.indexOf(pooled)
  if (index < 0) return false
  origin.idle.splice(index, 1)
  pool.idleCount--
  pooled.reader.onEnd = () => {}
  pooled.reader.onBytes = () => {}
  if (pool.idleCount === 0) pool.stopSweeps()
  return true
}

/** Closes an idle connection from a callback. */
const closeIdle = (pool: ClientPool, pooled: PooledConnection): void => {
  if (removeIdle(pool, pooled)) pool.fork(Scope.close(pooled.scope, Exit.void))
}

const sweep = (pool: ClientPool) => (nowMillis: number) => {
  for (const { idle } of pool.origins.values()) {
    for (const pooled of [...idle]) {
      if (nowMillis - pooled.idleSinceMillis >= pool.limits.keepAliveMillis) closeIdle(pool, pooled)
    }
  }
}

/**
 * Waits for a connection to the origin of a URL: the last one used, or a new one. `isFresh` asks for a new one. The
 * caller releases it.
 */
export const acquire = (pool: ClientPool, url: URL, isFresh: boolean) =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const origin = originOf(pool, url)
      yield* restore(Semaphore.take(origin.requests, 1))
      const pooled = isFresh ? undefined : origin.idle.at(-1)
      if (pooled !== undefined) {
        removeIdle(pool, pooled)
        pooled.isReused = true
        return pooled
      }
      return yield* Effect.onError(restore(open(pool, origin, url)), () => Semaphore.release(origin.requests, 1))
    })
  )

/** Closes a connection after its request. */
export const discard = (pooled: PooledConnection): Effect.Effect<void> =>
  Effect.andThen(Semaphore.release(pooled.origin.requests, 1), Scope.close(pooled.scope, Exit.void))

/** Keeps a connection for another request, unless the server has ended it. */
export const release = (pool: ClientPool, pooled: PooledConnection): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { origin, reader } = pooled
    const { maxIdlePerOrigin } = pool.limits
    const isUsable = !reader.hasEnded && HttpDecoder.bufferedBytes(reader.decoder) === 0
    if (!isUsable || origin.idle.length >= maxIdlePerOrigin) return discard(pooled)
    pooled.idleSinceMillis = pool.sweeper.now()
    // A server sends nothing without a request but the end of the connection.
    reader.onEnd = () => closeIdle(pool, pooled)
    reader.onBytes = () => closeIdle(pool, pooled)
    origin.idle.push(pooled)
    if (pool.idleCount++ === 0) pool.stopSweeps = pool.sweeper.add(sweep(pool))
    return Effect.asVoid(Semaphore.release(origin.requests, 1))
  })
