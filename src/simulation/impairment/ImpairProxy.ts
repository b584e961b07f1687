/**
 * A proxy that impairs the traffic between a client and a server which do not use this package. The fault plan applies
 * between the clients and the proxy, so its addresses are those of the clients.
 */

import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import * as Endpoint from "../../network/Endpoint.ts"
import * as Network from "../../network/Network.ts"
import * as Sweeper from "../../network/Sweeper.ts"
import * as TcpServer from "../../network/TcpServer.ts"
import * as FaultPlan from "../faults/FaultPlan.ts"
import * as Impairment from "./Impairment.ts"

/** The proxy cannot listen on one of its transports. @category errors @since 0.1.0 */
export class ImpairProxyError extends Data.TaggedError("ImpairProxyError")<{
  readonly transport: "udp" | "tcp"
  readonly reason: Network.NetworkError
}> {
  override get message(): string {
    return `${this.transport}: ${this.reason.message}`
  }
}

const withTransport = (transport: "udp" | "tcp") =>
  Effect.mapError((reason: Network.NetworkError) => new ImpairProxyError({ transport, reason }))

/** Addresses and limits of a proxy. @category models @since 0.1.0 */
export interface Options extends Pick<Impairment.Options, "observer"> {
  /** Default host 127.0.0.1; port 0 is any free port, the same for both transports. */
  readonly listen: { readonly host?: string | undefined; readonly port: number }
  readonly to: NetAddress.InetAddress
  /** Default both. */
  readonly transports?: ReadonlyArray<"udp" | "tcp"> | undefined
  /**
   * Maximum clients at a time, per transport; datagrams and connections of further clients are dropped. Default 1,024.
   */
  readonly maxClients?: number | undefined
  /** Time without traffic after which a client is removed. Default 60 seconds. */
  readonly idleTimeout?: Duration.Input | undefined
}

/** Traffic in one direction. @category models @since 0.1.0 */
export interface TrafficCounts {
  readonly datagrams: number
  /** Bytes of datagrams and of streams. */
  readonly bytes: number
}

/** Statistics of a proxy. @category models @since 0.1.0 */
export interface Stats {
  /** Current clients: senders of datagrams, and connections. */
  readonly udp: number
  readonly tcp: number
  /** Datagrams of clients above the limit, and connections whose server could not be reached. */
  readonly refused: number
  /** Traffic to the server, after the faults. */
  readonly toServer: TrafficCounts
  /** Traffic from the server, before the faults. */
  readonly toClients: TrafficCounts
}

/** A running proxy. @category models @since 0.1.0 */
export interface ImpairProxy {
  readonly address: NetAddress.InetAddress
  readonly stats: () => Stats
}

/** A UDP client, with its own socket towards the server. */
interface Client {
  /** Destination of its datagrams: the endpoint from which the server last answered. */
  server: Endpoint.Endpoint
  socket: Network.UdpSocket | undefined
  /** Datagrams that arrived before the socket was open. */
  pending: Array<Uint8Array>
  lastActiveMillis: number
}

const maxPendingDatagrams = 64

/** Returns true for a request that starts a TFTP transfer: RRQ or WRQ (RFC 1350, section 5). */
const isRequest = (bytes: Uint8Array) =>
  bytes.length > 3 && bytes[0] === 0 && (bytes[1] === 1 || bytes[1] === 2) && bytes.at(-1) === 0

const endpointOf = (address: NetAddress.InetAddress): Endpoint.Endpoint => ({
  address: NetAddress.formatHost(address),
  port: address.port
})

const hostOf = ({ address }: Endpoint.Endpoint) => FaultPlan.canonicalIp(Endpoint.withoutZone(address)) ?? address

/** Returns the local address from which the server is reached. */
const localHostFor = (to: NetAddress.InetAddress) => {
  const isV4 = NetAddress.isInetAddressV4(to)
  if (NetAddress.isLoopback(to.address)) return isV4 ? "127.0.0.1" : "::1"
  return isV4 ? "0.0.0.0" : "::"
}

/** Creates counters of one direction. */
const makeTrafficCounter = () => {
  const counts = { datagrams: 0, bytes: 0 }
  return {
    passed: counts,
    datagram: (bytes: Uint8Array) => {
      counts.datagrams++
      counts.bytes += bytes.length
    },
    chunk: (bytes: Uint8Array) => {
      counts.bytes += bytes.length
    }
  }
}

/**
 * Starts a proxy, which ends with the scope.
 *
 * A client's datagrams go to the server from their own socket. If the server answers from another port, as a TFTP
 * server does (RFC 1350, section 4), later datagrams go to that port, until the client sends another TFTP request.
 *
 * **Example** (Lose the first request)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { Network, NodeNetwork } from "effect-inet/network"
 * import { FaultPlanSyntax, Impairment, ImpairProxy } from "effect-inet/simulation"
 *
 * const program = Effect.gen(function* () {
 *   const { udp } = yield* Network.Network
 *   const server: Network.UdpSocket = yield* udp({}, (bytes, from) => server.sendUnsafe(bytes, from))
 *   const impairment = yield* Effect.fromResult(Impairment.make(FaultPlanSyntax.parseUnsafe("drop=#1")))
 *   const proxy = yield* ImpairProxy.make(impairment, { listen: { port: 0 }, to: server.local })
 *   const client = yield* udp({}, () => {})
 *   yield* client.send(Uint8Array.of(1), { address: "127.0.0.1", port: proxy.address.port })
 *   while (impairment.engine.counts()[0] === 0) yield* Effect.sleep("1 millis")
 *   return impairment.summary()
 * })
 * await Effect.runPromise(Effect.provide(Effect.scoped(program), NodeNetwork.layer)) // => "drop=#1 once"
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  impairment: Impairment.Impairment,
  { idleTimeout = "60 seconds", listen, observer, maxClients = 1_024, to, transports = ["udp", "tcp"] }: Options
): Effect.fn.Return<ImpairProxy, ImpairProxyError, Network.Network | Scope.Scope> {
  const host = yield* Network.Network
  const impaired = yield* Impairment.wrap(host, impairment, { observer })
  const network = observer === undefined ? host : yield* observer.wrap(host, observer.tap)
  const toServer = makeTrafficCounter()
  const toClients = makeTrafficCounter()
  const clients = new Map<string, Client>()
  let refused = 0
  let connected = 0

  const relay = (from: Network.Connection, to: Network.Connection, count: (bytes: Uint8Array) => void) =>
    Effect.forever(
      Effect.flatMap(from.pull, (bytes) => {
        count(bytes)
        return to.write(bytes)
      })
    ).pipe(Effect.catch((error) => (Cause.isDone(error) ? to.end : Effect.andThen(to.abort, Effect.fail(error)))))
  const connection = Effect.fnUntraced(function* (client: Network.Connection) {
    const server = yield* Effect.tapError(network.connect(to), () => {
      refused++
      return client.abort
    })
    const both = [relay(client, server, toServer.chunk), relay(server, client, toClients.chunk)]
    yield* Effect.all(both, { concurrency: "unbounded", discard: true })
  }, Effect.scoped)
  const serveTcp = Effect.gen(function* () {
    const server = yield* TcpServer.make(
      { ...listen, idleTimeout, maxConnections: maxClients, service: "impair", drain: "1 second" },
      (client) =>
        Effect.acquireUseRelease(
          Effect.sync(() => connected++),
          () => connection(client),
          () => Effect.sync(() => connected--)
        )
    ).pipe(Effect.provideService(Network.Network, impaired))
    return server.address as NetAddress.InetAddress
  })

  const serveUdp = Effect.fnUntraced(function* (port: number) {
    const idleMillis = Duration.toMillis(idleTimeout)
    const sweeper = yield* Sweeper.make(Math.max(5, Math.min(1_000, idleMillis / 4)))
    const run = yield* FiberSet.makeRuntime<never>()
    const serverEndpoint = endpointOf(to)
    const serverHost = hostOf(serverEndpoint)

    /** Serves one client until it has been idle for too long. */
    const serve = Effect.fnUntraced(
      function* (client: Client, reply: (bytes: Uint8Array) => void) {
        const expired = Deferred.makeUnsafe<void>()
        const socket = yield* network.udp({ host: localHostFor(to) }, (bytes, from) => {
          if (hostOf(from) !== serverHost) return
          client.server = from
          client.lastActiveMillis = sweeper.now()
          toClients.datagram(bytes)
          reply(bytes)
        })
        const stopSweeping = sweeper.add((now) => {
          if (now - client.lastActiveMillis >= idleMillis) Deferred.doneUnsafe(expired, Effect.void)
        })
        yield* Effect.addFinalizer(() => Effect.sync(stopSweeping))
        client.socket = socket
        for (const bytes of client.pending.splice(0)) socket.sendUnsafe(bytes, client.server)
        yield* Deferred.await(expired)
      },
      Effect.scoped,
      Effect.catch((error) => Effect.logWarning(`UDP client not served: ${error.message}`))
    )
    const receive = (bytes: Uint8Array, from: Endpoint.Endpoint) => {
      const key = `${from.address} ${from.port}`
      let client = clients.get(key)
      if (client === undefined) {
        if (clients.size >= maxClients || network.availableSockets() <= 0) return void refused++
        client = { server: serverEndpoint, socket: undefined, pending: [], lastActiveMillis: sweeper.now() }
        clients.set(key, client)
        const peer = { address: from.address, port: from.port }
        const answer = (bytes: Uint8Array) => socket.sendUnsafe(bytes, peer)
        run(
          Effect.ensuring(
            serve(client, answer),
            Effect.sync(() => clients.delete(key))
          )
        )
      }
      client.lastActiveMillis = sweeper.now()
      if (isRequest(bytes)) client.server = serverEndpoint
      toServer.datagram(bytes)
      if (client.socket !== undefined) client.socket.sendUnsafe(bytes, client.server)
      else if (client.pending.length < maxPendingDatagrams) client.pending.push(bytes)
    }
    const socket = yield* impaired.udp({ host: listen.host, port }, receive)
    return socket.local
  })

  const serveAll = Effect.gen(function* () {
    const address = transports.includes("tcp") ? yield* withTransport("tcp")(serveTcp) : undefined
    if (!transports.includes("udp")) return address
    return yield* withTransport("udp")(serveUdp(address?.port ?? listen.port))
  })
  const address = yield* serveAll
  return {
    address: address!,
    stats: () => ({
      udp: clients.size,
      tcp: connected,
      refused,
      toServer: { ...toServer.passed },
      toClients: { ...toClients.passed }
    })
  }
})
