/** The datagrams of a proxy: each client has a socket of its own towards the server. */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as NetAddress from "effect/net/NetAddress"
import * as Endpoint from "../../network/Endpoint.ts"
import type * as Network from "../../network/Network.ts"
import * as Sweeper from "../../network/Sweeper.ts"
import * as SendBatch from "./SendBatch.ts"

/** Traffic in one direction. */
export interface Counts {
  datagrams: number
  bytes: number
}

/** Options of the UDP side of a proxy. */
export interface Options {
  readonly listen: { readonly host?: string | undefined; readonly port: number }
  readonly to: NetAddress.InetAddress
  readonly maxClients: number
  readonly idleTimeout: Duration.Duration
  /** Network towards the server, and the one towards the clients. */
  readonly network: Network.Network["Service"]
  readonly impaired: Network.Network["Service"]
  readonly toServer: Counts
  readonly toClients: Counts
  readonly onClient: (tag: "Added" | "Removed" | "Refused", client: Endpoint.Endpoint) => void
}

/** The UDP side of a running proxy. */
interface ProxyUdp {
  readonly address: NetAddress.InetAddress
  readonly clients: () => number
  /** Bytes of the receive buffer that the kernel granted for the datagrams of all clients. */
  readonly receiveBufferBytes: number
  /** Datagrams that the kernel dropped since the start; undefined where the platform does not report it. */
  readonly kernelDrops: Effect.Effect<number | undefined>
  /** Datagrams that arrived while the socket of their client was opened, and were too many. */
  readonly pendingDrops: () => number
}

/** A client, with its own socket towards the server. */
interface Client {
  /** Destination of its datagrams: the endpoint from which the server last answered. */
  server: Endpoint.Endpoint
  socket: Network.UdpSocket | undefined
  /** Datagrams that arrived before the socket was open, and their bytes. */
  pending: Array<Uint8Array>
  pendingBytes: number
  lastActiveMillis: number
  /** Datagrams that the kernel dropped, as of the last look; `hasReceived` is true if more may have been since then. */
  drops: number
  hasReceived: boolean
}

/**
 * Receive and send buffers, in bytes. The proxy must not lose what the network did not: with Linux's default a burst of
 * 300 small datagrams is too much, with this one 10,000 are not. Linux grants at most twice `net.core.rmem_max`; only
 * SO_RCVBUFFORCE of a privileged process exceeds it, which Node has no access to.
 */
export const kernelBufferBytes = 8 * 2 ** 20

/** Bytes of a client that wait for its socket to open; each datagram counts with an overhead. */
const maxPendingBytes = 4 * 2 ** 20
const pendingOverheadBytes = 128

/** Sockets of clients whose drops are read at a time: each look reads the list of all sockets. */
const maxDropLooks = 16

/** Returns true for a request that starts a TFTP transfer: RRQ or WRQ (RFC 1350, section 5). */
const isRequest = (bytes: Uint8Array) =>
  bytes.length > 3 && bytes[0] === 0 && (bytes[1] === 1 || bytes[1] === 2) && bytes.at(-1) === 0

/** Returns the endpoint of an address. */
export const endpointOf = (address: NetAddress.InetAddress): Endpoint.Endpoint => ({
  address: NetAddress.formatHost(address),
  port: address.port
})

/** Returns the local address from which the server is reached. */
const localHostFor = (to: NetAddress.InetAddress) => {
  const isV4 = NetAddress.isInetAddressV4(to)
  if (NetAddress.isLoopback(to.address)) return isV4 ? "127.0.0.1" : "::1"
  return isV4 ? "0.0.0.0" : "::"
}

const count = (counts: Counts, bytes: Uint8Array) => {
  counts.datagrams++
  counts.bytes += bytes.length
}

const buffers = { receiveBuffer: kernelBufferBytes, sendBuffer: kernelBufferBytes }

/** The drops that the kernel reports of the sockets of a proxy. */
const makeDrops = (clients: ReadonlyMap<string, Client>) => {
  /** Drops of the sockets of clients that were removed. */
  let removed = 0
  let isReported = true
  const look = Effect.fnUntraced(function* (client: Client) {
    client.hasReceived = false
    const drops = yield* client.socket?.dropped ?? Effect.succeed(0)
    if (drops === undefined) isReported = false
    else client.drops = drops
  })
  return {
    remove: (client: Client) =>
      Effect.andThen(
        look(client),
        Effect.sync(() => {
          removed += client.drops
        })
      ),
    /** Returns the drops of all sockets; `shared` are those of the socket for all clients. */
    total: Effect.fnUntraced(function* (shared: Effect.Effect<number | undefined>) {
      const active: Array<Client> = []
      for (const client of clients.values()) {
        if (client.hasReceived && active.push(client) === maxDropLooks) break
      }
      yield* Effect.forEach(active, look, { discard: true })
      const drops = yield* shared
      if (drops === undefined || !isReported) return undefined
      return [...clients.values()].reduce((sum, client) => sum + client.drops, drops + removed)
    })
  }
}

/** Serves a client until it has been idle for too long. */
const serveClient = Effect.fnUntraced(
  function* (
    { idleTimeout, network, to, toClients }: Options,
    client: Client,
    sweeper: Sweeper.Sweeper,
    reply: (bytes: Uint8Array) => void,
    closing: Effect.Effect<void>
  ) {
    const serverHost = Endpoint.canonical(endpointOf(to).address)
    const idleMillis = Duration.toMillis(idleTimeout)
    const expired = Deferred.makeUnsafe<void>()
    const socket = yield* network.udp({ host: localHostFor(to), ...buffers }, (bytes, from) => {
      if (Endpoint.canonical(from.address) !== serverHost) return
      client.server = from
      client.lastActiveMillis = sweeper.now()
      client.hasReceived = true
      count(toClients, bytes)
      reply(bytes)
    })
    yield* Effect.addFinalizer(() => closing)
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

/** Passes datagrams between clients and the server until the scope closes. */
export const make = Effect.fnUntraced(function* (options: Options) {
  const { idleTimeout, impaired, listen, maxClients, network, onClient, to, toServer } = options
  const clients = new Map<string, Client>()
  const drops = makeDrops(clients)
  const batch = yield* SendBatch.make
  const sweeper = yield* Sweeper.make(Math.max(5, Math.min(1_000, Duration.toMillis(idleTimeout) / 4)))
  const run = yield* FiberSet.makeRuntime<never>()
  const server = endpointOf(to)
  let pendingDrops = 0

  const add = (key: string, { address, port }: Endpoint.Endpoint): Client => {
    const peer = { address, port }
    const client: Client = {
      ...{ server, socket: undefined, pending: [], pendingBytes: 0 },
      ...{ lastActiveMillis: sweeper.now(), drops: 0, hasReceived: false }
    }
    clients.set(key, client)
    onClient("Added", peer)
    const remove = Effect.sync(() => {
      clients.delete(key)
      onClient("Removed", peer)
    })
    const reply = (bytes: Uint8Array) => socket.sendUnsafe(bytes, peer)
    run(Effect.ensuring(serveClient(options, client, sweeper, reply, drops.remove(client)), remove))
    return client
  }
  const keep = (client: Client, bytes: Uint8Array) => {
    const size = bytes.length + pendingOverheadBytes
    if (client.pendingBytes + size > maxPendingBytes) {
      pendingDrops++
      return
    }
    client.pendingBytes += size
    client.pending.push(bytes)
  }
  const receive = (bytes: Uint8Array, from: Endpoint.Endpoint) => {
    const key = Endpoint.format(from)
    const known = clients.get(key)
    if (known === undefined && (clients.size >= maxClients || network.availableSockets() <= 0))
      return onClient("Refused", from)
    const client = known ?? add(key, from)
    client.lastActiveMillis = sweeper.now()
    if (isRequest(bytes)) client.server = server
    count(toServer, bytes)
    const { server: to, socket: own } = client
    if (own === undefined) keep(client, bytes)
    else batch.add(bytes.length, () => own.sendUnsafe(bytes, to))
  }
  const socket = yield* impaired.udp({ ...listen, ...buffers }, receive)
  // The last statistics are read when the socket is closed.
  let shared = socket.dropped
  yield* Effect.addFinalizer(() =>
    Effect.map(socket.dropped, (last) => {
      shared = Effect.succeed(last)
    })
  )
  const proxy: ProxyUdp = {
    address: socket.local,
    clients: () => clients.size,
    receiveBufferBytes: socket.receiveBuffer,
    kernelDrops: drops.total(Effect.suspend(() => shared)),
    pendingDrops: () => pendingDrops
  }
  return proxy
})
