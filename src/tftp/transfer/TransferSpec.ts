/** A request that a server has accepted, and the transfer it becomes, on whatever thread. */

import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Endpoint from "../../network/Endpoint.ts"
import * as Network from "../../network/Network.ts"
import type * as Sweeper from "../../network/Sweeper.ts"
import * as Negotiation from "../protocol/Negotiation.ts"
import * as Packet from "../protocol/Packet.ts"
import type * as FileStore from "../store/FileStore.ts"
import * as TftpError from "../TftpError.ts"
import * as ReceiveTransfer from "./ReceiveTransfer.ts"
import * as Retransmission from "./Retransmission.ts"
import * as SendTransfer from "./SendTransfer.ts"
import * as Transfer from "./Transfer.ts"

/** All that a transfer needs but the file: plain data, so that it can go to another thread. */
export interface Task {
  readonly kind: Packet.Request["_tag"]
  readonly filename: string
  readonly mode: Packet.Mode
  readonly peer: Endpoint.Endpoint
  /** The address to answer from: an IP literal. */
  readonly host: string
  /** The ports to answer from; undefined: any. */
  readonly ports: readonly [from: number, to: number] | undefined
  readonly agreed: Negotiation.Agreed
  /** The OACK; undefined: none. */
  readonly greeting: Uint8Array | undefined
  readonly unproven: number
}

/** The file of a task: what is read, or what is written. */
export type File = Pick<FileStore.Readable, "body" | "size"> | FileStore.Writable

/** A transfer, and what remains to be done when it has succeeded. */
export interface Begun {
  readonly transfer: Transfer.Transfer
  /** Stays with the peer for as long as it may not have heard of the end. */
  readonly after: Effect.Effect<void>
}

/** Answers to strangers at one transfer: no more is owed, and no loop can come of it. */
const mostStrangers = 8

const bufferFor = ({ agreed, kind }: Task) =>
  kind === "RRQ" || agreed.windowsize === 1 ? undefined : Negotiation.bufferFor(agreed)

/** Begins at a different port each time, so that a late packet does not meet a new transfer. */
let turn = 0

/** Binds the first port of a range that is free. */
const within = <A, R>(
  [from, to]: readonly [from: number, to: number],
  bind: (port: number) => Effect.Effect<A, Network.NetworkError, R>
) => {
  const count = to - from + 1
  const first = turn++
  const attempt = (nth: number): Effect.Effect<A, Network.NetworkError, R> =>
    Effect.catchIf(
      bind(from + ((first + nth) % count)),
      ({ reason }) => reason === "AddressInUse" && nth + 1 < count,
      () => attempt(nth + 1)
    )
  return attempt(0)
}

/**
 * Milliseconds that a server stays after an upload: atftp asks again for a lost last ACK after 5 seconds, others when
 * the interval that they have asked for is over.
 */
const dallyOf = ({ interval = 0 }: Negotiation.Agreed) => Math.min(30_000, Math.max(6_000, 2 * interval))

/** Takes what anybody sends: strangers are turned away (RFC 1350, 4). */
const doorman = (
  peer: Endpoint.Endpoint,
  receive: (bytes: Uint8Array) => void,
  answer: Network.UdpSocket["sendUnsafe"]
) => {
  let strangers = 0
  return (bytes: Uint8Array, from: Endpoint.Endpoint) => {
    if (Endpoint.same(from, peer)) return receive(bytes)
    if (Packet.opcode(bytes) === Packet.Opcode.ERROR || strangers++ >= mostStrangers) return
    answer(Transfer.stranger, from)
  }
}

/**
 * A socket for a transfer; gives its `send`.
 *
 * Sending to a peer that the kernel knows costs a tenth less, so a file goes out through a connected socket. It hears
 * nobody else, so that the strangers' socket stays beside it, on the Endpoint.same port.
 */
export const open = Effect.fnUntraced(function* (
  task: Task,
  receive: (bytes: Uint8Array) => void
): Effect.fn.Return<(bytes: Uint8Array) => void, TftpError.TftpError, Network.Network | Scope.Scope> {
  const { host, kind, peer } = task
  const network = yield* Network.Network
  const reuseAddress = kind === "RRQ"
  const typed = Effect.mapError(
    (cause: Network.NetworkError) => new TftpError.TftpError({ reason: new TftpError.Socket({ cause }) })
  )
  const hear = doorman(peer, receive, (bytes, to) => socket.sendUnsafe(bytes, to))
  const bind = (port: number) => network.udp({ host, port, reuseAddress, receiveBuffer: bufferFor(task) }, hear)
  const socket: Network.UdpSocket = yield* typed(within(task.ports ?? [0, 0], bind))
  if (!reuseAddress) return (bytes) => socket.sendUnsafe(bytes, peer)
  const { port } = socket.local
  const connected = yield* typed(network.udp({ host, port, reuseAddress, remote: peer }, receive))
  return (bytes) => connected.sendUnsafe(bytes)
})

/** Makes the transfer of a task; it begins with `transfer.run`. */
export const make = Effect.fnUntraced(function* (
  task: Task,
  file: File,
  wire: {
    readonly send: (bytes: Uint8Array) => void
    readonly sweeper: Sweeper.Sweeper
    readonly retransmission: Retransmission.Retransmission
    /** One of few transfers here, which may take more memory. */
    readonly isAlone: boolean
  }
): Effect.fn.Return<Begun, never, Scope.Scope> {
  const { interval } = task.agreed
  const common: Transfer.Common = {
    ...wire,
    retransmission: interval === undefined ? wire.retransmission : Retransmission.fixed({ every: interval }),
    agreed: task.agreed,
    mode: task.mode,
    unproven: task.unproven,
    greeting: task.greeting
  }
  if ("body" in file) {
    const transfer = yield* SendTransfer.make({ ...common, readable: file, filename: task.filename })
    return { transfer, after: Effect.void }
  }
  const transfer = yield* ReceiveTransfer.make({
    ...common,
    greeting: task.greeting ?? Packet.ack(0),
    writable: file,
    anyRollover: task.agreed.rollover === 0
  })
  return { transfer, after: Effect.sleep(dallyOf(task.agreed)) }
})
