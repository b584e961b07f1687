/**
 * The first exchange of a client: it sends the request to the server's port, and waits for the first reply. The source
 * port of the reply is the server's transfer ID. If a name has several addresses, the next one is tried while the
 * previous has not replied (as RFC 8305 does for TCP). The first address to reply is the server; the others get ERROR
 * 5.
 */

import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import * as Endpoint from "../../network/Endpoint.ts"
import * as Network from "../../network/Network.ts"
import * as Packet from "../protocol/Packet.ts"
import * as TftpError from "../TftpError.ts"
import * as Retransmission from "../transfer/Retransmission.ts"
import * as Transfer from "../transfer/Transfer.ts"

/** The request, the addresses to send it to, and the timing. */
export interface Options {
  readonly addresses: ReadonlyArray<NetAddress.InetAddress>
  readonly request: Uint8Array
  readonly retransmission: Retransmission.Retransmission
  /** The time between the first requests to two addresses. */
  readonly attemptDelayMillis: number
  /** Bytes of the socket buffer: enough for a window that arrives in one burst. */
  readonly receiveBufferBytes: number
  /** Returns monotonic time, in milliseconds. */
  readonly now: () => number
}

/** A completed handshake: the server has replied. */
export interface ClientHandshake {
  /** The address of the server, and the port of the transfer. */
  readonly server: Endpoint.Endpoint
  /** The first reply. */
  readonly reply: Uint8Array
  /** Sends a datagram to the server. */
  readonly send: (bytes: Uint8Array) => void
  /** Sets the handler of all further datagrams of the server. */
  readonly onDatagram: (receive: (bytes: Uint8Array) => void) => void
  /** The round trip time in milliseconds; undefined if more than one request was sent (Karn's rule). */
  readonly rttSample: number | undefined
}

const replyOpcodes: ReadonlyArray<number> = [
  Packet.Opcode.DATA,
  Packet.Opcode.ACK,
  Packet.Opcode.ERROR,
  Packet.Opcode.OACK
]

/** Sends the request and waits for the first reply. Fails with `Timeout` when all addresses have timed out. */
export const open = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<ClientHandshake, TftpError.TftpError, Network.Network | Scope.Scope> {
  const network = yield* Network.Network
  const firstReply = yield* Deferred.make<Omit<ClientHandshake, "rttSample">>()
  let server: { readonly socket: Network.UdpSocket; readonly peer: Endpoint.Endpoint } | undefined
  let receive: (bytes: Uint8Array) => void = () => {}

  const bind = Effect.fnUntraced(function* (address: NetAddress.InetAddress) {
    const requestedAddress = Endpoint.withoutZone(NetAddress.formatHost(address))
    const onDatagram = (bytes: Uint8Array, from: Endpoint.Endpoint) => {
      if (server?.socket === socket && Endpoint.equals(server.peer, from)) return receive(bytes)
      const opcode = Packet.opcode(bytes)
      if (
        server === undefined &&
        Endpoint.withoutZone(from.address) === requestedAddress &&
        replyOpcodes.includes(opcode)
      ) {
        server = { socket, peer: from }
        const opened = {
          server: from,
          reply: bytes,
          send: (bytes: Uint8Array) => socket.sendUnsafe(bytes, from),
          onDatagram: (to: typeof receive) => {
            receive = to
          }
        }
        return Deferred.doneUnsafe(firstReply, Effect.succeed(opened))
      }
      if (opcode !== Packet.Opcode.ERROR) socket.sendUnsafe(Transfer.unknownTransferId, from)
    }
    const host = NetAddress.isInetAddressV4(address) ? "0.0.0.0" : "::"
    const socket: Network.UdpSocket = yield* network.udp(
      { host, receiveBuffer: options.receiveBufferBytes },
      onDatagram
    )
    return socket
  })

  let attempts = 0
  let firstError: Network.NetworkError | undefined
  const sendRequests = Effect.fnUntraced(function* (address: NetAddress.InetAddress) {
    const socket = yield* bind(address)
    const to = { address: NetAddress.formatHost(address), port: address.port }
    const next = yield* Retransmission.start(options.retransmission, undefined)
    for (let count = 1; ; count++) {
      const delay = yield* next()
      if (delay === undefined) return
      yield* socket.send(options.request, to)
      attempts = Math.max(attempts, count)
      yield* Effect.sleep(delay)
    }
  })
  const tryAddress = (address: NetAddress.InetAddress, index: number) =>
    Effect.sleep(options.attemptDelayMillis * index).pipe(
      Effect.andThen(sendRequests(address)),
      // An unreachable address must not stop the attempts with the others.
      Effect.catch((error) =>
        Effect.sync(() => {
          firstError ??= error
        })
      )
    )
  const tryAll = Effect.gen(function* () {
    yield* Effect.forEach(options.addresses, tryAddress, { concurrency: "unbounded", discard: true })
    const reason =
      attempts === 0 && firstError !== undefined
        ? new TftpError.Socket({ cause: firstError })
        : new TftpError.Timeout({ attempts, lastAckMissing: false })
    return yield* new TftpError.TftpError({ reason })
  })
  const startedAt = options.now()
  const opened = yield* Effect.raceFirst(Deferred.await(firstReply), tryAll)
  return {
    ...opened,
    rttSample: attempts === 1 && options.addresses.length === 1 ? options.now() - startedAt : undefined
  }
})
