/** Opens a request: its file, its options and its transfer, which runs in this thread or another. */

import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import type * as Scope from "effect/Scope"
import * as Endpoint from "../../network/Endpoint.ts"
import * as Network from "../../network/Network.ts"
import type * as Sweeper from "../../network/Sweeper.ts"
import * as Negotiation from "../protocol/Negotiation.ts"
import * as Packet from "../protocol/Packet.ts"
import type * as Store from "../store/Store.ts"
import type * as TftpError from "../TftpError.ts"
import type * as TftpServerEvent from "../TftpServerEvent.ts"
import * as BlockSource from "../transfer/BlockSource.ts"
import type * as Retransmission from "../transfer/Retransmission.ts"
import * as Transfer from "../transfer/Transfer.ts"
import type { TransferSpec } from "../transfer/TransferSpec.ts"
import type * as ListenSockets from "./ListenSockets.ts"
import type { ServerLimits } from "./ServerLimits.ts"
import * as ServerTransfer from "./ServerTransfer.ts"
import * as TransferSocket from "./TransferSocket.ts"

/** A transfer that runs in a thread. */
export interface TransferInThread extends ServerTransfer.ServerTransfer {
  /** Returns the port of its socket; undefined until the thread has opened it. */
  readonly port: () => number | undefined
}

/** A pool of threads that run transfers. */
export interface TransferThreads {
  /**
   * Makes a transfer that runs in one of the threads; undefined if the file cannot be read there. `onReply` is called
   * at the first packet of the client.
   */
  readonly make: (
    spec: TransferSpec,
    file: Store.Readable | Store.Writable,
    onReply: () => void
  ) => Effect.Effect<TransferInThread, never, Scope.Scope> | undefined
}

/** The settings and services that all transfers of a server share. */
export interface ServerContext {
  readonly store: Store.Store
  readonly sweeper: Sweeper.Sweeper
  /** The policy for clients that ask for no timeout. Undefined: by the limits of the server. */
  readonly retransmission: Retransmission.Retransmission | undefined
  readonly ports: TransferSpec["ports"]
  /** True if transfers use the port of the server instead of their own. */
  readonly singlePort: boolean
  readonly threads: TransferThreads | undefined
  /** Returns the number of transfers in progress. */
  readonly activeTransfers: () => number
}

/** The most concurrent transfers at which each may use large buffers. */
const maxLargeBufferTransfers = 4

/** A request as it was received. */
export interface ReceivedRequest {
  readonly request: Packet.Request
  readonly peer: Endpoint.Endpoint
  readonly listenSocket: ListenSockets.ListenSocket
}

/** Encodes the OACK; undefined if no option was agreed on. */
const oack = (options: ReadonlyArray<Packet.Option>) =>
  options.length === 0 ? undefined : Packet.encode({ _tag: "OACK", options })

/** Negotiates the options of an upload. One that shares its port gets a window that fits beside those of the others. */
const negotiateUpload = Effect.fnUntraced(function* (
  { _tag: kind, mode, options }: Packet.Request,
  policy: Negotiation.Policy,
  { receiveBuffer, socket }: ListenSockets.ListenSocket,
  sharesPort: boolean
) {
  const limits = { ...policy, receiveBuffer: sharesPort ? receiveBuffer.available() : socket.receiveBuffer }
  const negotiated = Negotiation.negotiate(options, limits, { kind, mode, size: undefined })
  const releaseWindow = sharesPort ? yield* receiveBuffer.reserve(negotiated.agreed) : constVoid
  return { ...negotiated, releaseWindow }
})

/** Opens the requested file and negotiates the options. */
const openAndNegotiate = Effect.fnUntraced(function* (
  { store }: ServerContext,
  { policy }: ServerLimits,
  { listenSocket, peer, request }: ReceivedRequest,
  sharesPort: boolean
) {
  const { _tag: kind, filename, mode, options } = request
  const limits: Negotiation.Policy = { ...policy, family: Endpoint.familyOf(peer.address) }
  const storeRequest = { filename, mode, options, client: peer }
  if (kind === "WRQ") {
    const negotiated = yield* negotiateUpload(request, limits, listenSocket, sharesPort)
    return { ...negotiated, file: yield* store.write({ ...storeRequest, size: negotiated.agreed.tsize }) }
  }
  const file = yield* store.read({ ...storeRequest, size: undefined })
  const { agreed, reply } = Negotiation.negotiate(options, limits, { kind, mode, size: file.size })
  const own = file.options?.filter((option) => !Negotiation.isRefused(policy, option)) ?? []
  return { agreed, reply: [...reply, ...own], file, releaseWindow: constVoid }
})

/**
 * Sends the ERROR of a transfer that its thread cannot send. It comes from the port that the thread had, so that the
 * client accepts it; or from that of the server if the thread has opened none, or another program has it by now.
 */
const sendThreadError = Effect.fnUntraced(function* (
  spec: TransferSpec,
  { listenSocket, peer }: ReceivedRequest,
  port: number | undefined
) {
  const fromListenSocket = Effect.sync(() => listenSocket.socket.sendUnsafe(Transfer.stoppedPacket, peer))
  yield* port === undefined
    ? fromListenSocket
    : Effect.catch(TransferSocket.sendAfterClose(spec, port, Transfer.stoppedPacket), () => fromListenSocket)
})

/** Reasons of failures of which a thread does not inform the client: it has ended, or it has no socket. */
const threadFailures: ReadonlySet<TftpError.Reason["_tag"]> = new Set(["ThreadEnded", "Socket"])

/** Makes the transfer in a thread; the client gets an ERROR for each failure of it. */
const openInThread = Effect.fnUntraced(function* (
  inThread: Effect.Effect<TransferInThread, never, Scope.Scope>,
  spec: TransferSpec,
  received: ReceivedRequest
) {
  const network = yield* Network.Network
  const { dally, port, transfer } = yield* inThread
  const run = Effect.tapError(transfer.run, ({ reason }) =>
    threadFailures.has(reason._tag)
      ? Effect.provideService(sendThreadError(spec, received, port()), Network.Network, network)
      : Effect.void
  )
  return { transfer: { ...transfer, run }, dally }
})

/** Returns the local address of a transfer: in the family of the client, if an inherited socket has both. */
const hostOf = ({ listenSocket: { host }, peer }: ReceivedRequest) => {
  if (peer.address.includes(":")) return host
  return host === "::" ? "0.0.0.0" : Endpoint.canonical(host)
}

/** A transfer that was opened. */
export interface OpenedRequest extends ServerTransfer.ServerTransfer {
  /** True if the OACK has the size of the file. */
  readonly announcesSize: boolean
  /** Size of the file in bytes; undefined if it is not known, and in netascii. */
  readonly totalBytes: number | undefined
  readonly file: TftpServerEvent.TransferredFile
}

/**
 * Opens the file, negotiates the options and makes the transfer; its `run` starts it. With `sharesPort` the transfer
 * uses the port of the server; else `onReply` is called at the first packet of the client to its own socket. Fails if
 * the file or a socket cannot be opened.
 */
export const open = Effect.fnUntraced(function* (
  context: ServerContext,
  limits: ServerLimits,
  received: ReceivedRequest,
  sharesPort: boolean,
  onReply: () => void
): Effect.fn.Return<OpenedRequest, TftpError.TftpError, Network.Network | Scope.Scope> {
  const { listenSocket, peer, request } = received
  const { agreed, file, releaseWindow, reply } = yield* Effect.mapError(
    openAndNegotiate(context, limits, received, sharesPort),
    Transfer.fileError
  )
  const announcesSize = request._tag === "RRQ" && reply.some(([name]) => name.toLowerCase() === "tsize")
  const spec: TransferSpec = {
    kind: request._tag,
    filename: request.filename,
    mode: request.mode,
    peer,
    host: hostOf(received),
    ports: context.ports,
    agreed,
    initialPacket: oack(reply),
    timeoutMillis: limits.timeoutMillis,
    retries: limits.retries,
    maxUnvalidatedPackets: limits.maxUnvalidatedPackets
  }
  const transferred = { path: file.path, name: file.name }
  const size = "body" in file ? file.size : agreed.tsize
  const facts = { announcesSize, file: transferred, totalBytes: request.mode === "octet" ? size : undefined }
  const inThread = sharesPort ? undefined : context.threads?.make(spec, file, onReply)
  if (inThread !== undefined) return { ...(yield* openInThread(inThread, spec, received)), ...facts }
  const socket = sharesPort ? undefined : yield* TransferSocket.open(spec)
  const opened = yield* ServerTransfer.make(spec, file, {
    ...context,
    send: socket?.send ?? ((bytes) => listenSocket.socket.sendUnsafe(bytes, peer)),
    memory: BlockSource.memoryOf(context.activeTransfers(), maxLargeBufferTransfers)
  })
  const { receive, run } = opened.transfer
  socket?.onDatagram((bytes) => {
    // Only the first packet matters: the others go straight to the transfer.
    socket.onDatagram(receive)
    onReply()
    receive(bytes)
  })
  // A client that may need its last ACK again sends no more windows.
  const transfer = { ...opened.transfer, run: Effect.ensuring(run, Effect.sync(releaseWindow)) }
  return { ...opened, transfer, ...facts }
})
