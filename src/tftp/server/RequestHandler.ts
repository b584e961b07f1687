/** Serves one request: the file, the options, and the transfer, here or on another thread. */

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
import * as TransferSocket from "../transfer/TransferSocket.ts"
import type { TransferSpec } from "../transfer/TransferSpec.ts"
import type * as ListenSockets from "./ListenSockets.ts"
import * as ServerTransfer from "./ServerTransfer.ts"

/** Threads that run transfers. */
export interface TransferThreads {
  /** Makes a transfer that runs there; undefined for a file that cannot go along. */
  readonly make: (
    spec: TransferSpec,
    file: Store.Readable | Store.Writable
  ) => Effect.Effect<ServerTransfer.ServerTransfer, never, Scope.Scope> | undefined
}

/** What all transfers of a server share. */
export interface ServerContext {
  readonly store: Store.Store
  readonly sweeper: Sweeper.Sweeper
  readonly retransmission: Retransmission.Retransmission
  readonly maxUnvalidatedPackets: number
  readonly policy: Pick<Negotiation.Policy, "blksize" | "windowsize" | "mtu">
  readonly ports: TransferSpec["ports"]
  /** Transfers stay on the port of the server. */
  readonly singlePort: boolean
  readonly threads: TransferThreads | undefined
  /** Transfers that run now. */
  readonly activeTransfers: () => number
}

/** So many transfers may take more memory each. */
const maxLargeBufferTransfers = 4

/** A request to serve. */
export interface PendingRequest {
  readonly request: Packet.Request
  readonly peer: Endpoint.Endpoint
  readonly listenSocket: ListenSockets.ListenSocket
  /** Where the datagrams of the peer go. */
  receive: (bytes: Uint8Array) => void
  transfer: Transfer.Transfer | undefined
}

const oack = (options: ReadonlyArray<Packet.Option>) =>
  options.length === 0 ? undefined : Packet.encode({ _tag: "OACK", options })

/** Opens the file that is asked for, and agrees on how it travels. */
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

/** What became of a request. */
export interface Outcome {
  readonly summary: Transfer.Summary
  readonly dally: Effect.Effect<void>
}

/** Serves a request; fails before there is a transfer where the file or a socket is not to be had. */
export const serve = Effect.fnUntraced(function* (
  context: ServerContext,
  pending: PendingRequest
): Effect.fn.Return<Outcome, TftpError.TftpError, Network.Network | Scope.Scope> {
  const { dally, transfer } = yield* startTransfer(context, pending)
  pending.transfer = transfer
  pending.receive = transfer.receive
  return { summary: yield* transfer.run, dally }
})
