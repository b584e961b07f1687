/**
 * The UDP sockets that receive the requests of a server. Node does not report the address a datagram was sent to, and
 * clients accept a reply only from the address they sent to. So a server on a wildcard address binds one socket per
 * local address, and one wildcard socket for the rest: broadcasts, and addresses added later.
 */

import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Endpoint from "../../network/Endpoint.ts"
import * as Network from "../../network/Network.ts"
import * as SharedReceiveBuffer from "./SharedReceiveBuffer.ts"

/** A UDP socket bound to one local address. */
export interface ListenSocket {
  /** The local address, an IP literal; transfers of its requests are sent from it. */
  readonly host: string
  readonly socket: Network.UdpSocket
  /** The room for the windows of uploads that use its port. */
  readonly receiveBuffer: SharedReceiveBuffer.SharedReceiveBuffer
}

/** Handles a datagram received by a listen socket. */
export type Handler = (bytes: Uint8Array, from: Endpoint.Endpoint, listenSocket: ListenSocket) => void

/** Bytes of the socket buffer: requests wait there while the server is busy. */
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

/**
 * Returns the address of a socket. One that systemd or inetd has bound has its own, whatever was asked for; else the
 * text that was asked for stays, which may have a zone.
 */
const hostOf = (requested: string, { local }: Network.UdpSocket): string => {
  const bound = NetAddress.formatHost(local)
  return Endpoint.withoutZone(bound) === Endpoint.withoutZone(requested) ? requested : bound
}

/** Opens one socket, or for a wildcard address one per local address, all on the same port. */
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
    const receiveBuffer = SharedReceiveBuffer.make(socket.receiveBuffer)
    listenSocket = { host: hostOf(localHost, socket), socket, receiveBuffer }
    return listenSocket
  })
  if (!isWildcard(host)) return [yield* bind(host, port, false)] as const
  // With `reuseAddress` the port might be shared with another server: bind without it first, to find out.
  const probe = yield* Effect.scoped(bind(host, port, false))
  const main = yield* bind(host, probe.socket.local.port, true)
  const others = yield* Effect.forEach(addressesFor(host, yield* network.interfaces), (address) =>
    Effect.option(bind(address, main.socket.local.port, true))
  )
  return [main, ...others.flatMap((other) => (other._tag === "Some" ? [other.value] : []))] as const
})
