/**
 * A proxy that impairs the traffic between a client and a server which do not use this package. The fault plan applies
 * between the clients and the proxy, so its addresses are those of the clients.
 */

import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import type * as Endpoint from "../../network/Endpoint.ts"
import * as Network from "../../network/Network.ts"
import * as ServerEvents from "../../network/ServerEvents.ts"
import * as TcpServer from "../../network/TcpServer.ts"
import * as Impairment from "./Impairment.ts"
import * as ProxyUdp from "./ProxyUdp.ts"

/** The proxy cannot listen on one of its transports. @category errors @since 0.1.0 */
export class ImpairProxyError extends Data.TaggedError("ImpairProxyError")<{
  readonly transport: "udp" | "tcp"
  readonly reason: Network.NetworkError
}> {
  override get message(): string {
    return `${this.transport}: ${this.reason.message}`
  }
}

/** Bytes of the receive buffer that a proxy asks for, for each UDP socket. @category constants @since 0.1.0 */
export const receiveBufferBytes: number = ProxyUdp.kernelBufferBytes

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

/** Datagrams that the proxy itself has lost: no fault of the plan. @category models @since 0.1.0 */
export interface LostDatagrams {
  /** Dropped by the kernel, as the receive buffer of a socket was full; undefined where that is not reported. */
  readonly kernel: number | undefined
  /** Dropped as a queue of the proxy was full: that of delayed datagrams, or that of a client whose socket opens. */
  readonly queue: number
}

/** Statistics of a proxy. @category models @since 0.1.0 */
export interface Stats {
  /** Current clients: senders of datagrams, and connections. */
  readonly udp: number
  readonly tcp: number
  /** Datagrams of clients above the limit, and connections whose server could not be reached. */
  readonly refused: number
  readonly lost: LostDatagrams
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
  /**
   * Bytes of the receive buffer of the UDP socket for clients, as the kernel granted it; undefined without UDP. It asks
   * for 8 MiB.
   */
  readonly receiveBufferBytes: number | undefined
}

/** A proxy at work. */
interface Proxy extends Pick<Options, "listen" | "to"> {
  readonly maxClients: number
  readonly idleTimeout: Duration.Duration
  /** Network towards the server, and the one towards the clients. */
  readonly network: Network.Network["Service"]
  readonly impaired: Network.Network["Service"]
  readonly emit: (tag: Event["_tag"], transport: Event["transport"], client: Endpoint.Endpoint) => void
  readonly toServer: ProxyUdp.Counts
  readonly toClients: ProxyUdp.Counts
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
  const endpoint = ProxyUdp.endpointOf(client.remote as NetAddress.InetAddress)
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

const serveUdp = (proxy: Proxy, port: number) =>
  ProxyUdp.make({
    ...proxy,
    listen: { host: proxy.listen.host, port },
    onClient: (tag, client) => (tag === "Refused" ? refuse(proxy, "udp", client) : proxy.emit(tag, "udp", client))
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
  const losses: Impairment.Losses = { delayQueue: 0 }
  const proxy: Proxy = {
    listen,
    to,
    maxClients,
    idleTimeout: Duration.fromInputUnsafe(idleTimeout),
    network: observer === undefined ? host : yield* observer.wrap(host, observer.tap),
    impaired: yield* Impairment.wrap(host, impairment, { observer, losses }),
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
  const stats = Effect.gen(function* () {
    const kernel = udp === undefined ? 0 : yield* udp.kernelDrops
    const current: Stats = {
      udp: udp?.clients() ?? 0,
      tcp: proxy.connected,
      refused: proxy.refused,
      lost: { kernel, queue: losses.delayQueue + (udp?.pendingDrops() ?? 0) },
      toServer: { ...proxy.toServer },
      toClients: { ...proxy.toClients }
    }
    return current
  })
  return {
    address: (udp?.address ?? tcp)!,
    receiveBufferBytes: udp?.receiveBufferBytes,
    ...ServerEvents.observable(events.events, stats)
  }
})
