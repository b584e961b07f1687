/**
 * The UDP socket of one transfer of a server. It filters by transfer ID (TID): a transfer accepts datagrams from one
 * address and port only (RFC 1350, section 4).
 */

import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import type * as Scope from "effect/Scope"
import * as Endpoint from "../../network/Endpoint.ts"
import * as Network from "../../network/Network.ts"
import * as Negotiation from "../protocol/Negotiation.ts"
import * as Packet from "../protocol/Packet.ts"
import * as TftpError from "../TftpError.ts"
import * as Transfer from "../transfer/Transfer.ts"
import type { TransferSpec } from "../transfer/TransferSpec.ts"

/** ERROR packets sent for unknown TIDs in one transfer: a bound, so that no two programs loop on errors. */
const maxUnknownTidReplies = 8

const receiveBufferOf = ({ agreed, kind }: TransferSpec) =>
  kind === "RRQ" || agreed.windowsize === 1 ? undefined : Negotiation.receiveBufferBytes(agreed)

/** The count of transfers: each begins at another port of the range, so that no late packet meets a new transfer. */
let transferCount = 0

/** Binds the first free port of a range. */
const bindWithin = <A, R>(
  [from, to]: readonly [from: number, to: number],
  bind: (port: number) => Effect.Effect<A, Network.NetworkError, R>
) => {
  const ports = to - from + 1
  const offset = transferCount++
  const attempt = (index: number): Effect.Effect<A, Network.NetworkError, R> =>
    Effect.catchIf(
      bind(from + ((offset + index) % ports)),
      ({ reason }) => reason === "AddressInUse" && index + 1 < ports,
      () => attempt(index + 1)
    )
  return attempt(0)
}

/** Passes the peer's datagrams on; replies to others with ERROR 5, unknown transfer ID. */
const rejectUnknownTid = (
  peer: Endpoint.Endpoint,
  receive: (bytes: Uint8Array) => void,
  reply: Network.UdpSocket["sendUnsafe"]
) => {
  let replies = 0
  return (bytes: Uint8Array, from: Endpoint.Endpoint) => {
    if (Endpoint.equals(from, peer)) return receive(bytes)
    if (Packet.opcode(bytes) === Packet.Opcode.ERROR || replies++ >= maxUnknownTidReplies) return
    reply(Transfer.unknownTransferId, from)
  }
}

/** The socket of one transfer. */
export interface TransferSocket {
  /** The local port: the transfer ID of the server. */
  readonly port: number
  /** Sends a datagram to the client. */
  readonly send: (bytes: Uint8Array) => void
  /** Sets the handler of the datagrams of the client. */
  readonly onDatagram: (receive: (bytes: Uint8Array) => void) => void
}

/**
 * Opens the socket of a transfer.
 *
 * A connected socket saves a tenth of the cost of a send, so a download uses one. It receives from the peer only: a
 * second, unconnected socket on the same port answers datagrams with other TIDs.
 */
export const open = Effect.fnUntraced(function* (
  spec: TransferSpec
): Effect.fn.Return<TransferSocket, TftpError.TftpError, Network.Network | Scope.Scope> {
  const { host, kind, peer } = spec
  const network = yield* Network.Network
  const reuseAddress = kind === "RRQ"
  const toTftpError = Effect.mapError(
    (cause: Network.NetworkError) => new TftpError.TftpError({ reason: new TftpError.Socket({ cause }) })
  )
  let receive: (bytes: Uint8Array) => void = constVoid
  const onDatagram = (to: typeof receive) => {
    receive = to
  }
  const onClientDatagram = (bytes: Uint8Array) => receive(bytes)
  const filter = rejectUnknownTid(peer, onClientDatagram, (bytes, to) => socket.sendUnsafe(bytes, to))
  const receiveBuffer = receiveBufferOf(spec)
  const bind = (port: number) => network.udp({ host, port, reuseAddress, receiveBuffer }, filter)
  const socket: Network.UdpSocket = yield* toTftpError(bindWithin(spec.ports ?? [0, 0], bind))
  const { port } = socket.local
  if (!reuseAddress) return { port, send: (bytes) => socket.sendUnsafe(bytes, peer), onDatagram }
  const connected = yield* toTftpError(network.udp({ host, port, reuseAddress, remote: peer }, onClientDatagram))
  return { port, send: (bytes) => connected.sendUnsafe(bytes), onDatagram }
})

/** Sends a datagram to the client from the port that the socket of a transfer had before it was closed. */
export const sendAfterClose = (
  { host, peer }: TransferSpec,
  port: number,
  bytes: Uint8Array
): Effect.Effect<void, Network.NetworkError, Network.Network> =>
  Effect.scoped(
    Effect.gen(function* () {
      const network = yield* Network.Network
      const { send } = yield* network.udp({ host, port }, constVoid)
      yield* send(bytes, peer)
    })
  )
