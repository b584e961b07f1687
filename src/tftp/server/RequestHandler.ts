/** Handles one request: opens the file, negotiates the options and runs the transfer, in this thread or another. */

import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Endpoint from "../../network/Endpoint.ts"
import type * as Network from "../../network/Network.ts"
import type * as Sweeper from "../../network/Sweeper.ts"
import * as Negotiation from "../protocol/Negotiation.ts"
import * as Packet from "../protocol/Packet.ts"
import type * as Store from "../store/Store.ts"
import type * as TftpError from "../TftpError.ts"
import type * as Retransmission from "../transfer/Retransmission.ts"
import * as Transfer from "../transfer/Transfer.ts"
import type { TransferSpec } from "../transfer/TransferSpec.ts"
import type * as ListenSockets from "./ListenSockets.ts"
import * as ServerTransfer from "./ServerTransfer.ts"
import * as TransferSocket from "./TransferSocket.ts"

/** A pool of threads that run transfers. */
export interface TransferThreads {
  /** Makes a transfer that runs in one of the threads; undefined if the file cannot be read there. */
  readonly make: (
    spec: TransferSpec,
    file: Store.Readable | Store.Writable
  ) => Effect.Effect<ServerTransfer.ServerTransfer, never, Scope.Scope> | undefined
}

/** The settings and services that all transfers of a server share. */
export interface ServerContext {
  readonly store: Store.Store
  readonly sweeper: Sweeper.Sweeper
  readonly retransmission: Retransmission.Retransmission
  /** Packets in all to a client that has not answered yet. */
  readonly maxUnvalidatedPackets: number
  readonly policy: Pick<Negotiation.Policy, "blksize" | "windowsize" | "mtu">
  readonly ports: TransferSpec["ports"]
  /** True if transfers use the port of the server instead of their own. */
  readonly singlePort: boolean
  readonly threads: TransferThreads | undefined
  /** Returns the number of transfers in progress. */
  readonly activeTransfers: () => number
}

/** The most concurrent transfers at which each may use large buffers. */
const maxLargeBufferTransfers = 4

/** A request, and its transfer once that has started. */
export interface PendingRequest {
  readonly request: Packet.Request
  readonly peer: Endpoint.Endpoint
  readonly listenSocket: ListenSockets.ListenSocket
  /** Handles a datagram of the client. */
  receive: (bytes: Uint8Array) => void
  /** Undefined until the file is open and the options are agreed on. */
  transfer: Transfer.Transfer | undefined
}

/** Encodes the OACK; undefined if no option was agreed on. */
const oack = (options: ReadonlyArray<Packet.Option>) =>
  options.length === 0 ? undefined : Packet.encode({ _tag: "OACK", options })

/** Opens the requested file and negotiates the options. */
const openAndNegotiate = Effect.fnUntraced(function* (
  { policy, store }: ServerContext,
  { listenSocket, peer, request }: PendingRequest
) {
  const { filename, mode, options } = request
  const negotiate = (size: number | undefined, windowsize = policy.windowsize) =>
    Negotiation.negotiate(
      options,
      { ...policy, windowsize, family: Endpoint.familyOf(peer.address) },
      { kind: request._tag, mode, size }
    )
  const storeRequest = { filename, mode, options, client: peer }
  if (request._tag === "WRQ") {
    const { blksize } = negotiate(undefined).agreed
    const maxBufferedBlocks = Negotiation.maxBufferedBlocks(listenSocket.socket.receiveBuffer, blksize)
    const { agreed, reply } = negotiate(undefined, Math.min(policy.windowsize, maxBufferedBlocks))
    return { agreed, reply, file: yield* store.write({ ...storeRequest, size: agreed.tsize }) }
  }
  const file = yield* store.read({ ...storeRequest, size: undefined })
  const { agreed, reply } = negotiate(file.size)
  return { agreed, reply: [...reply, ...(file.options ?? [])], file }
})

const startTransfer = Effect.fnUntraced(function* (context: ServerContext, pending: PendingRequest) {
  const { listenSocket, peer, request } = pending
  const { agreed, file, reply } = yield* Effect.mapError(openAndNegotiate(context, pending), Transfer.fileError)
  const spec: TransferSpec = {
    kind: request._tag,
    filename: request.filename,
    mode: request.mode,
    peer,
    host: listenSocket.host,
    ports: context.ports,
    agreed,
    initialPacket: oack(reply),
    maxUnvalidatedPackets: context.maxUnvalidatedPackets
  }
  const threadTransfer = context.threads?.make(spec, file)
  if (threadTransfer !== undefined) return yield* threadTransfer
  const send = context.singlePort
    ? (bytes: Uint8Array) => listenSocket.socket.sendUnsafe(bytes, peer)
    : yield* TransferSocket.open(spec, (bytes) => pending.receive(bytes))
  return yield* ServerTransfer.make(spec, file, {
    ...context,
    send,
    mayUseLargeBuffers: context.activeTransfers() <= maxLargeBufferTransfers
  })
})

/** The result of a request that succeeded. */
export interface Outcome {
  readonly summary: Transfer.Summary
  /** Waits as long as the client may resend the last block. */
  readonly dally: Effect.Effect<void>
}

/** Runs the transfer of a request. Fails before it starts if the file or a socket cannot be opened. */
export const serve = Effect.fnUntraced(function* (
  context: ServerContext,
  pending: PendingRequest
): Effect.fn.Return<Outcome, TftpError.TftpError, Network.Network | Scope.Scope> {
  const { dally, transfer } = yield* startTransfer(context, pending)
  pending.transfer = transfer
  pending.receive = transfer.receive
  return { summary: yield* transfer.run, dally }
})
