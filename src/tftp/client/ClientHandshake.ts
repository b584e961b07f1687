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
  readonly attemptDelay: number
  /** Bytes for a window that comes at once. */
  readonly receiveBuffer: number
  /** Milliseconds of a clock that is never set. */
  readonly now: () => number
}

/** A transfer that the server has agreed to begin. */
export interface Opened {
  readonly server: Endpoint.Endpoint
  /** What it answered first. */
  readonly reply: Uint8Array
  readonly send: (bytes: Uint8Array) => void
  /** Sets who is told of its further datagrams. */
  readonly listen: (receive: (bytes: Uint8Array) => void) => void
  /** Milliseconds that the answer took, if it is certain what it answers (Karn's rule). */
  readonly sample: number | undefined
}

const replies: ReadonlyArray<number> = [Packet.Opcode.DATA, Packet.Opcode.ACK, Packet.Opcode.ERROR, Packet.Opcode.OACK]

/** Sends the request, and waits for the first answer. */
export const open = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<Opened, TftpError.TftpError, Network.Network | Scope.Scope> {
  const network = yield* Network.Network
  const first = yield* Deferred.make<Omit<Opened, "sample">>()
  let winner: { readonly socket: Network.UdpSocket; readonly peer: Endpoint.Endpoint } | undefined
  let receive: (bytes: Uint8Array) => void = () => {}

  const bind = Effect.fnUntraced(function* (address: NetAddress.InetAddress) {
    const asked = Endpoint.withoutZone(NetAddress.formatHost(address))
    const arrive = (bytes: Uint8Array, from: Endpoint.Endpoint) => {
      if (winner?.socket === socket && Endpoint.same(winner.peer, from)) return receive(bytes)
      const opcode = Packet.opcode(bytes)
      if (winner === undefined && Endpoint.withoutZone(from.address) === asked && replies.includes(opcode)) {
        winner = { socket, peer: from }
        const opened = {
          server: from,
          reply: bytes,
          send: (bytes: Uint8Array) => socket.sendUnsafe(bytes, from),
          listen: (to: typeof receive) => {
            receive = to
          }
        }
        return Deferred.doneUnsafe(first, Effect.succeed(opened))
      }
      if (opcode !== Packet.Opcode.ERROR) socket.sendUnsafe(Transfer.stranger, from)
    }
    const host = NetAddress.isInetAddressV4(address) ? "0.0.0.0" : "::"
    const socket: Network.UdpSocket = yield* network.udp({ host, receiveBuffer: options.receiveBuffer }, arrive)
    return socket
  })

  let attempts = 0
  let broken: Network.NetworkError | undefined
  const ask = Effect.fnUntraced(function* (address: NetAddress.InetAddress) {
    const socket = yield* bind(address)
    const to = { address: NetAddress.formatHost(address), port: address.port }
    const next = yield* Retransmission.timer(options.retransmission, undefined)
    for (let count = 1; ; count++) {
      const delay = yield* next()
      if (delay === undefined) return
      yield* socket.send(options.request, to)
      attempts = Math.max(attempts, count)
      yield* Effect.sleep(delay)
    }
  })
  const inTurn = (address: NetAddress.InetAddress, index: number) =>
    Effect.sleep(options.attemptDelay * index).pipe(
      Effect.andThen(ask(address)),
      // One address may be out of reach, and the next one not.
      Effect.catch((error) =>
        Effect.sync(() => {
          broken ??= error
        })
      )
    )
  const askAll = Effect.gen(function* () {
    yield* Effect.forEach(options.addresses, inTurn, { concurrency: "unbounded", discard: true })
    const reason =
      attempts === 0 && broken !== undefined
        ? new TftpError.Socket({ cause: broken })
        : new TftpError.Silent({ attempts, last: false })
    return yield* new TftpError.TftpError({ reason })
  })
  const from = options.now()
  const opened = yield* Effect.raceFirst(Deferred.await(first), askAll)
  return { ...opened, sample: attempts === 1 && options.addresses.length === 1 ? options.now() - from : undefined }
})
