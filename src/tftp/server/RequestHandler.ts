/** Serves one request: the file, the options, and the transfer, here or on another thread. */

import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Endpoint from "../../network/Endpoint.ts"
import type * as Network from "../../network/Network.ts"
import type * as Sweeper from "../../network/Sweeper.ts"
import * as Negotiation from "../protocol/Negotiation.ts"
import * as Packet from "../protocol/Packet.ts"
import type * as FileStore from "../store/FileStore.ts"
import type * as TftpError from "../TftpError.ts"
import type * as Retransmission from "../transfer/Retransmission.ts"
import * as Transfer from "../transfer/Transfer.ts"
import * as TransferSpec from "../transfer/TransferSpec.ts"
import type * as ListenSockets from "./ListenSockets.ts"

/** Threads that run transfers. */
export interface Threads {
  /** Makes a transfer that runs there; undefined for a file that cannot go along. */
  readonly make: (
    task: TransferSpec.Task,
    file: FileStore.Readable | FileStore.Writable
  ) => Effect.Effect<TransferSpec.Begun, never, Scope.Scope> | undefined
}

/** What all transfers of a server share. */
export interface Terms {
  readonly store: FileStore.Store
  readonly sweeper: Sweeper.Sweeper
  readonly retransmission: Retransmission.Retransmission
  readonly unproven: number
  readonly policy: Pick<Negotiation.Policy, "blksize" | "windowsize" | "mtu">
  readonly ports: TransferSpec.Task["ports"]
  /** Transfers stay on the port of the server. */
  readonly singlePort: boolean
  readonly threads: Threads | undefined
  /** Transfers that run now. */
  readonly active: () => number
}

/** So many transfers may take more memory each. */
const few = 4

/** A request to serve. */
export interface Job {
  readonly request: Packet.Request
  readonly peer: Endpoint.Endpoint
  readonly door: ListenSockets.Door
  /** Where the datagrams of the peer go. */
  receive: (bytes: Uint8Array) => void
  transfer: Transfer.Transfer | undefined
}

const oack = (options: ReadonlyArray<Packet.Option>) =>
  options.length === 0 ? undefined : Packet.encode({ _tag: "OACK", options })

/** Opens the file that is asked for, and agrees on how it travels. */
const agree = Effect.fnUntraced(function* ({ policy, store }: Terms, { door, peer, request }: Job) {
  const { filename, mode, options } = request
  const negotiate = (size: number | undefined, windowsize = policy.windowsize) =>
    Negotiation.negotiate(
      options,
      { ...policy, windowsize, family: Endpoint.familyOf(peer.address) },
      { kind: request._tag, mode, size }
    )
  const asked = { filename, mode, options, client: peer }
  if (request._tag === "WRQ") {
    const { blksize } = negotiate(undefined).agreed
    const room = Negotiation.windowWithin(door.socket.receiveBuffer, blksize)
    const { agreed, reply } = negotiate(undefined, Math.min(policy.windowsize, room))
    return { agreed, reply, file: yield* store.write({ ...asked, size: agreed.tsize }) }
  }
  const file = yield* store.read({ ...asked, size: undefined })
  const { agreed, reply } = negotiate(file.size)
  return { agreed, reply: [...reply, ...(file.options ?? [])], file }
})

const begin = Effect.fnUntraced(function* (terms: Terms, job: Job) {
  const { door, peer, request } = job
  const { agreed, file, reply } = yield* Effect.mapError(agree(terms, job), Transfer.fileError)
  const task: TransferSpec.Task = {
    kind: request._tag,
    filename: request.filename,
    mode: request.mode,
    peer,
    host: door.host,
    ports: terms.ports,
    agreed,
    greeting: oack(reply),
    unproven: terms.unproven
  }
  const elsewhere = terms.threads?.make(task, file)
  if (elsewhere !== undefined) return yield* elsewhere
  const send = terms.singlePort
    ? (bytes: Uint8Array) => door.socket.sendUnsafe(bytes, peer)
    : yield* TransferSpec.open(task, (bytes) => job.receive(bytes))
  return yield* TransferSpec.make(task, file, { ...terms, send, isAlone: terms.active() <= few })
})

/** What became of a request. */
export interface Outcome {
  readonly summary: Transfer.Summary
  readonly after: Effect.Effect<void>
}

/** Serves a request; fails before there is a transfer where the file or a socket is not to be had. */
export const serve = Effect.fnUntraced(function* (
  terms: Terms,
  job: Job
): Effect.fn.Return<Outcome, TftpError.TftpError, Network.Network | Scope.Scope> {
  const { after, transfer } = yield* begin(terms, job)
  job.transfer = transfer
  job.receive = transfer.receive
  return { summary: yield* transfer.run, after }
})
