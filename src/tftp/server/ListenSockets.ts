/**
 * The sockets at which a server hears requests. Node does not tell which address a datagram was sent to, and clients
 * take an answer only from the address they asked: so a server of all addresses has a socket at each of them, and one
 * for what else there is (broadcasts, addresses that come later).
 */

import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Endpoint from "../../network/Endpoint.ts"
import * as Network from "../../network/Network.ts"

/** A place where requests come in. */
export interface ListenSocket {
  /** The address it stands at, and that transfers answer from: an IP literal. */
  readonly host: string
  readonly socket: Network.UdpSocket
}

/** Takes what comes in at a door. */
export type Handler = (bytes: Uint8Array, from: Endpoint.Endpoint, listenSocket: ListenSocket) => void

/** Bytes for requests that come while the server is busy. */
const receiveBufferBytes = 1 << 20

const isWildcard = (host: string) => host === "::" || host === "0.0.0.0"

const addressesFor = (host: string, interfaces: ReadonlyArray<Network.Interface>): ReadonlyArray<string> => {
  const all = interfaces.flatMap(({ address: { address }, scopeId }) => {
    if (NetAddress.isIpv4Address(address)) return [NetAddress.formatIp(address)]
    if (host !== "::") return []
    return [scopeId === 0 ? NetAddress.formatIp(address) : `${NetAddress.formatIp(address)}%${scopeId}`]
  })
  return [...new Set(all)]
}

/** Opens the doors of a host: one, or for a wildcard one at each address, all on the same port. */
export const open = Effect.fnUntraced(function* (host: string, port: number, handler: Handler) {
  const network = yield* Network.Network
  const bind = Effect.fnUntraced(function* (localHost: string, localPort: number, reuseAddress: boolean) {
    let listenSocket: ListenSocket | undefined
    const socket = yield* network.udp(
      { host: localHost, port: localPort, reuseAddress, receiveBuffer: receiveBufferBytes },
      (bytes, from) => {
        if (listenSocket !== undefined) handler(bytes, from, listenSocket)
      }
    )
    listenSocket = { host: localHost, socket }
    return listenSocket
  })
  if (!isWildcard(host)) return [yield* bind(host, port, false)] as const
  // Sockets that share a port would share it with another server, too: this one asks first whether it is free.
  const probe = yield* Effect.scoped(bind(host, port, false))
  const main = yield* bind(host, probe.socket.local.port, true)
  const others = yield* Effect.forEach(addressesFor(host, yield* network.interfaces), (address) =>
    Effect.option(bind(address, main.socket.local.port, true))
  )
  return [main, ...others.flatMap((other) => (other._tag === "Some" ? [other.value] : []))] as const
})
