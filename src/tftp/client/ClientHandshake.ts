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
  /**
   * The request after some without a reply. It has a port of its own: a reply to the others cannot be mistaken for one
   * to this. Default: none.
   */
  readonly fallback?: { readonly request: Uint8Array; readonly afterRequests: number } | undefined
  readonly retransmission: Retransmission.Retransmission
  /** True to go on after a host has reported that nothing listens on the port (ICMP port unreachable). */
  readonly ignoreRefusal: boolean
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
  /** True if this is the reply to the request of `fallback`. */
  readonly isFallback: boolean
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

/** A way to send requests to one address. */
interface RequestSocket {
  readonly send: (request: Uint8Array) => Effect.Effect<void, Network.NetworkError>
  /** Fails when the host reports that nothing listens on the port. */
  readonly refused: Effect.Effect<never, Network.NetworkError>
}

/**
 * Opens two sockets on one local port. The reply comes from a port that is not known yet, which only an unconnected
 * socket receives; a refusal is reported to a connected socket only. Where a port cannot be shared, there is only the
 * first.
 */
const openSockets = Effect.fnUntraced(function* (
  host: string,
  to: Endpoint.Endpoint,
  receiveBuffer: number,
  onDatagram: (socket: () => Network.UdpSocket, bytes: Uint8Array, from: Endpoint.Endpoint) => void
) {
  const network = yield* Network.Network
  const refusal = yield* Deferred.make<never, Network.NetworkError>()
  const onError = (error: Network.NetworkError) => {
    if (error.reason === "Refused") Deferred.doneUnsafe(refusal, Effect.fail(error))
  }
  const shared = { host, reuseAddress: true, receiveBuffer }
  const receive = (bytes: Uint8Array, from: Endpoint.Endpoint) => onDatagram(() => socket, bytes, from)
  const socket: Network.UdpSocket = yield* network.udp(shared, receive)
  const { port } = socket.local
  const connected = yield* network.udp({ ...shared, port, remote: to }, receive, onError).pipe(
    Effect.catchIf(
      ({ reason }) => reason === "AddressInUse",
      () => Effect.undefined
    )
  )
  const requests: RequestSocket = {
    send: (request) => (connected === undefined ? socket.send(request, to) : connected.send(request)),
    refused: Deferred.await(refusal)
  }
  return requests
})

/** Returns the failure of a handshake: that of the first socket if all have failed, else the timeout. */
const failureOf = (errors: ReadonlyArray<Network.NetworkError>, addresses: number, attempts: number) => {
  const [cause] = errors
  return new TftpError.TftpError({
    reason:
      cause !== undefined && errors.length === addresses
        ? new TftpError.Socket({ cause })
        : new TftpError.Timeout({ attempts, lastAckMissing: false })
  })
}

/** Sends the request and waits for the first reply. Fails when all addresses have timed out or have refused it. */
export const open = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<ClientHandshake, TftpError.TftpError, Network.Network | Scope.Scope> {
  const firstReply = yield* Deferred.make<Omit<ClientHandshake, "rttSample">>()
  let server: { readonly socket: Network.UdpSocket; readonly peer: Endpoint.Endpoint } | undefined
  let receive: (bytes: Uint8Array) => void = () => {}
  let usesFallback = false

  const bind = (address: NetAddress.InetAddress, isFallback: boolean) => {
    const requestedAddress = Endpoint.withoutZone(NetAddress.formatHost(address))
    const onDatagram = (socketOf: () => Network.UdpSocket, bytes: Uint8Array, from: Endpoint.Endpoint) => {
      const socket = socketOf()
      if (server?.socket === socket && Endpoint.equals(server.peer, from)) return receive(bytes)
      const opcode = Packet.opcode(bytes)
      // A server may refuse an older request in favour of the latest one, whose reply decides.
      if (opcode === Packet.Opcode.ERROR && usesFallback && !isFallback) return
      if (
        server === undefined &&
        Endpoint.withoutZone(from.address) === requestedAddress &&
        replyOpcodes.includes(opcode)
      ) {
        server = { socket, peer: from }
        const opened = {
          server: from,
          isFallback,
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
    const to = { address: NetAddress.formatHost(address), port: address.port }
    return openSockets(host, to, options.receiveBufferBytes, onDatagram)
  }

  let attempts = 0
  const errors: Array<Network.NetworkError> = []
  const sendRequests = Effect.fnUntraced(function* (address: NetAddress.InetAddress) {
    const { fallback, ignoreRefusal } = options
    let request = options.request
    let socket = yield* bind(address, false)
    const next = yield* Retransmission.start(options.retransmission, undefined)
    for (let count = 1; ; count++) {
      const delay = yield* next()
      if (delay === undefined) return
      if (fallback !== undefined && count === fallback.afterRequests + 1) {
        usesFallback = true
        request = fallback.request
        socket = yield* bind(address, true)
      }
      const send = socket.send(request)
      // A later send may report what became of the packet before, and sends nothing then: it is repeated once.
      yield* count === 1 ? send : Effect.ignore(Effect.catch(send, () => send))
      attempts = Math.max(attempts, count)
      yield* ignoreRefusal ? Effect.sleep(delay) : Effect.raceFirst(Effect.sleep(delay), socket.refused)
    }
  })
  const tryAddress = (address: NetAddress.InetAddress, index: number) =>
    Effect.sleep(options.attemptDelayMillis * index).pipe(
      Effect.andThen(sendRequests(address)),
      // An unreachable address must not stop the attempts with the others.
      Effect.catch((error) => Effect.sync(() => void errors.push(error)))
    )
  const tryAll = Effect.gen(function* () {
    yield* Effect.forEach(options.addresses, tryAddress, { concurrency: "unbounded", discard: true })
    return yield* failureOf(errors, options.addresses.length, attempts)
  })
  const startedAt = options.now()
  const opened = yield* Effect.raceFirst(Deferred.await(firstReply), tryAll)
  return {
    ...opened,
    rttSample: attempts === 1 && options.addresses.length === 1 ? options.now() - startedAt : undefined
  }
})
