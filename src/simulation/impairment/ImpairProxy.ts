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
import * as ServerEvents from "../../network/ServerEvents.ts"
import * as Sweeper from "../../network/Sweeper.ts"
import * as TcpServer from "../../network/TcpServer.ts"
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

/** Event of a client: a sender of datagrams, or a connection. @category models @since 0.1.0 */
export interface Event {
  /** `Refused`: a datagram above the limit of clients, or a connection whose server could not be reached. */
  readonly _tag: "Added" | "Removed" | "Refused"
  readonly transport: "udp" | "tcp"
  readonly client: Endpoint.Endpoint
}

/** A running proxy. @category models @since 0.1.0 */
export interface ImpairProxy extends ServerEvents.Observable<Event, Stats> {
  readonly address: NetAddress.InetAddress
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

/** Returns the local address from which the server is reached. */
const localHostFor = (to: NetAddress.InetAddress) => {
  const isV4 = NetAddress.isInetAddressV4(to)
  if (NetAddress.isLoopback(to.address)) return isV4 ? "127.0.0.1" : "::1"
  return isV4 ? "0.0.0.0" : "::"
}

/** A proxy at work. */
interface Proxy extends Pick<Options, "listen" | "to"> {
  readonly maxClients: number
  readonly idleTimeout: Duration.Duration
  /** Network towards the server, and the one towards the clients. */
  readonly network: Network.Network["Service"]
  readonly impaired: Network.Network["Service"]
  readonly clients: Map<string, Client>
  readonly emit: (tag: Event["_tag"], transport: Event["transport"], client: Endpoint.Endpoint) => void
  readonly toServer: { datagrams: number; bytes: number }
  readonly toClients: { datagrams: number; bytes: number }
  connected: number
  refused: number
}

const refuse = (proxy: Proxy, transport: Event["transport"], client: Endpoint.Endpoint) => {
  proxy.refused++
  proxy.emit("Refused", transport, client)
}

const relay = (from: Network.Connection, to: Network.Connection, counts: { bytes: number }) =>
  Effect.forever(
    Effect.flatMap(from.pull, (bytes) => {
      counts.bytes += bytes.length
      return to.write(bytes)
    })
  ).pipe(Effect.catch((error) => (Cause.isDone(error) ? to.end : Effect.andThen(to.abort, Effect.fail(error)))))

const serveConnection = Effect.fnUntraced(function* (proxy: Proxy, client: Network.Connection) {
  const endpoint = endpointOf(client.remote as NetAddress.InetAddress)
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      proxy.connected++
      proxy.emit("Added", "tcp", endpoint)
    }),
    () =>
      Effect.sync(() => {
        proxy.connected--
        proxy.emit("Removed", "tcp", endpoint)
      })
  )
  const server = yield* Effect.tapError(proxy.network.connect(proxy.to), () => {
    refuse(proxy, "tcp", endpoint)
    return client.abort
  })
  const both = [relay(client, server, proxy.toServer), relay(server, client, proxy.toClients)]
  yield* Effect.all(both, { concurrency: "unbounded", discard: true })
}, Effect.scoped)

const serveTcp = (proxy: Proxy) => {
  const { idleTimeout, impaired, listen, maxClients } = proxy
  const options = { ...listen, idleTimeout, maxConnections: maxClients, service: "impair", drain: "1 second" } as const
  return TcpServer.make(options, (client) => serveConnection(proxy, client)).pipe(
    Effect.provideService(Network.Network, impaired),
    Effect.map(({ address }) => address as NetAddress.InetAddress)
  )
}

/** Serves one sender of datagrams until it has been idle for too long. */
const serveSender = Effect.fnUntraced(
  function* (proxy: Proxy, client: Client, sweeper: Sweeper.Sweeper, reply: (bytes: Uint8Array) => void) {
    const { network, to, toClients } = proxy
    const serverHost = Endpoint.canonical(endpointOf(to).address)
    const idleMillis = Duration.toMillis(proxy.idleTimeout)
    const expired = Deferred.makeUnsafe<void>()
    const socket = yield* network.udp({ host: localHostFor(to) }, (bytes, from) => {
      if (Endpoint.canonical(from.address) !== serverHost) return
      client.server = from
      client.lastActiveMillis = sweeper.now()
      count(toClients, bytes)
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

const count = (counts: { datagrams: number; bytes: number }, bytes: Uint8Array) => {
  counts.datagrams++
  counts.bytes += bytes.length
}

const serveUdp = Effect.fnUntraced(function* (proxy: Proxy, port: number) {
  const { clients, listen, maxClients, network, to } = proxy
  const sweeper = yield* Sweeper.make(Math.max(5, Math.min(1_000, Duration.toMillis(proxy.idleTimeout) / 4)))
  const run = yield* FiberSet.makeRuntime<never>()
  const server = endpointOf(to)
  const add = (key: string, { address, port }: Endpoint.Endpoint): Client => {
    const peer = { address, port }
    const client: Client = { server, socket: undefined, pending: [], lastActiveMillis: sweeper.now() }
    clients.set(key, client)
    proxy.emit("Added", "udp", peer)
    const remove = Effect.sync(() => {
      clients.delete(key)
      proxy.emit("Removed", "udp", peer)
    })
    const reply = (bytes: Uint8Array) => socket.sendUnsafe(bytes, peer)
    run(Effect.ensuring(serveSender(proxy, client, sweeper, reply), remove))
    return client
  }
  const receive = (bytes: Uint8Array, from: Endpoint.Endpoint) => {
    const key = Endpoint.format(from)
    const known = clients.get(key)
    if (known === undefined && (clients.size >= maxClients || network.availableSockets() <= 0))
      return refuse(proxy, "udp", from)
    const client = known ?? add(key, from)
    client.lastActiveMillis = sweeper.now()
    if (isRequest(bytes)) client.server = server
    count(proxy.toServer, bytes)
    if (client.socket !== undefined) client.socket.sendUnsafe(bytes, client.server)
    else if (client.pending.length < maxPendingDatagrams) client.pending.push(bytes)
  }
  const socket = yield* proxy.impaired.udp({ host: listen.host, port }, receive)
  return socket.local
})

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
  options: Options
): Effect.fn.Return<ImpairProxy, ImpairProxyError, Network.Network | Scope.Scope> {
  const { idleTimeout = "60 seconds", listen, observer, maxClients = 1_024, to, transports = ["udp", "tcp"] } = options
  const host = yield* Network.Network
  const events = yield* ServerEvents.make<Event>()
  const proxy: Proxy = {
    listen,
    to,
    maxClients,
    idleTimeout: Duration.fromInputUnsafe(idleTimeout),
    network: observer === undefined ? host : yield* observer.wrap(host, observer.tap),
    impaired: yield* Impairment.wrap(host, impairment, { observer }),
    clients: new Map(),
    emit: (_tag, transport, client) => events.emit(() => ({ _tag, transport, client })),
    toServer: { datagrams: 0, bytes: 0 },
    toClients: { datagrams: 0, bytes: 0 },
    connected: 0,
    refused: 0
  }
  const tcp = transports.includes("tcp") ? yield* withTransport("tcp")(serveTcp(proxy)) : undefined
  const udp = transports.includes("udp")
    ? yield* withTransport("udp")(serveUdp(proxy, tcp?.port ?? listen.port))
    : undefined
  const stats = Effect.sync(() => ({
    udp: proxy.clients.size,
    tcp: proxy.connected,
    refused: proxy.refused,
    toServer: { ...proxy.toServer },
    toClients: { ...proxy.toClients }
  }))
  return { address: (udp ?? tcp)!, ...ServerEvents.observable(events.events, stats) }
})
