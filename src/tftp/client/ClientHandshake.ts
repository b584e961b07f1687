/**
 * The first exchange of a client: the request goes to the server's port, and the first answer tells the port of the
 * transfer. With several addresses the next is tried while the one before is silent (as RFC 8305 does for TCP); whoever
 * answers first is the server, all others are told that their transfer is unknown.
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

/** Whom to ask, and how. */
export interface Options {
  readonly addresses: ReadonlyArray<NetAddress.InetAddress>
  readonly request: Uint8Array
  readonly retransmission: Retransmission.Retransmission
  /** Milliseconds from one address to the next. */
  readonly attemptDelayMillis: number
  /** Bytes for a window that comes at once. */
  readonly receiveBufferBytes: number
  /** Milliseconds of a clock that is never set. */
  readonly now: () => number
}

/** A transfer that the server has agreed to begin. */
export interface ClientHandshake {
  readonly server: Endpoint.Endpoint
  /** What it answered first. */
  readonly reply: Uint8Array
  readonly send: (bytes: Uint8Array) => void
  /** Sets who is told of its further datagrams. */
  readonly onDatagram: (receive: (bytes: Uint8Array) => void) => void
  /** Milliseconds that the answer took, if it is certain what it answers (Karn's rule). */
  readonly rttSample: number | undefined
}

const replyOpcodes: ReadonlyArray<number> = [
  Packet.Opcode.DATA,
  Packet.Opcode.ACK,
  Packet.Opcode.ERROR,
  Packet.Opcode.OACK
]

/** Sends the request, and waits for the first answer. */
export const open = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<ClientHandshake, TftpError.TftpError, Network.Network | Scope.Scope> {
  const network = yield* Network.Network
  const firstReply = yield* Deferred.make<Omit<ClientHandshake, "rttSample">>()
  let server: { readonly socket: Network.UdpSocket; readonly peer: Endpoint.Endpoint } | undefined
  let receive: (bytes: Uint8Array) => void = () => {}

  const bind = Effect.fnUntraced(function* (address: NetAddress.InetAddress) {
    const requestedAddress = Endpoint.withoutZone(NetAddress.formatHost(address))
    const arrive = (bytes: Uint8Array, from: Endpoint.Endpoint) => {
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
    const socket: Network.UdpSocket = yield* network.udp({ host, receiveBuffer: options.receiveBufferBytes }, arrive)
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
      // One address may be out of reach, and the next one not.
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
