/** The server's side of one transfer: sends or receives the file of a `TransferSpec`, in any thread. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Sweeper from "../../network/Sweeper.ts"
import type * as Negotiation from "../protocol/Negotiation.ts"
import * as Packet from "../protocol/Packet.ts"
import type * as Store from "../store/Store.ts"
import type * as BlockSource from "../transfer/BlockSource.ts"
import * as ReceiveTransfer from "../transfer/ReceiveTransfer.ts"
import * as Retransmission from "../transfer/Retransmission.ts"
import * as SendTransfer from "../transfer/SendTransfer.ts"
import type * as Transfer from "../transfer/Transfer.ts"
import type { TransferSpec } from "../transfer/TransferSpec.ts"

/** The file of a transfer: read for an RRQ, written for a WRQ. */
export type File = Pick<Store.Readable, "body" | "size" | "unchanged"> | Store.Writable

/** A transfer, and the wait that follows when it has succeeded. */
export interface ServerTransfer {
  readonly transfer: Transfer.Transfer
  /** Waits as long as the client may resend the last block because the final ACK was lost (RFC 1350, section 6). */
  readonly dally: Effect.Effect<void>
}

/** The services of the thread that runs a transfer. */
export interface Services {
  /** Sends a datagram to the client. */
  readonly send: (bytes: Uint8Array) => void
  readonly sweeper: Sweeper.Sweeper
  /** Used unless the client or the specification has a timeout. Undefined: it adapts to the round trip time. */
  readonly retransmission: Retransmission.Retransmission | undefined
  readonly memory: BlockSource.Memory
}

/**
 * Returns the milliseconds that a server dallies after an upload. If the last ACK is lost, atftp resends the last block
 * after 5 seconds, other clients after the timeout that they have asked for.
 */
const dallyMillisOf = ({ timeoutMillis: interval = 0 }: Negotiation.Agreed) =>
  Math.min(30_000, Math.max(6_000, 2 * interval))

/** Returns the policy by the timeout that the client asked for, or else by that of the server. */
const retransmissionOf = (
  { agreed, retries, timeoutMillis }: TransferSpec,
  otherwise: Retransmission.Retransmission | undefined
): Retransmission.Retransmission => {
  const every = agreed.timeoutMillis ?? timeoutMillis
  const attempts = retries === undefined ? undefined : retries + 1
  return every === undefined
    ? (otherwise ?? Retransmission.adaptive({ attempts }))
    : Retransmission.fixed({ every, attempts })
}

/** Makes the server's side of the transfer that `spec` describes. `transfer.run` of the result starts it. */
export const make = Effect.fnUntraced(function* (
  spec: TransferSpec,
  file: File,
  services: Services
): Effect.fn.Return<ServerTransfer, never, Scope.Scope> {
  const { agreed, initialPacket, mode, maxUnvalidatedPackets } = spec
  const common: Transfer.CommonOptions = {
    ...services,
    retransmission: retransmissionOf(spec, services.retransmission),
    agreed,
    mode,
    maxUnvalidatedPackets,
    initialPacket
  }
  if ("body" in file) {
    const transfer = yield* SendTransfer.make({ ...common, readable: file, filename: spec.filename })
    return { transfer, dally: Effect.void }
  }
  const transfer = yield* ReceiveTransfer.make({
    ...common,
    retransmission: ReceiveTransfer.retransmissionOf(common.retransmission),
    initialPacket: initialPacket ?? Packet.ack(0),
    writable: file,
    learnRollover: agreed.rollover === 0
  })
  return { transfer, dally: Effect.sleep(dallyMillisOf(agreed)) }
})
