/** What both directions of a transfer have in common, on the server and on the client. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import type * as Sweeper from "../../network/Sweeper.ts"
import type * as Negotiation from "../protocol/Negotiation.ts"
import * as Packet from "../protocol/Packet.ts"
import * as TftpError from "../TftpError.ts"
import type * as Retransmission from "./Retransmission.ts"
import type * as RetransmissionTimer from "./RetransmissionTimer.ts"

/** What a transfer did. @category models @since 0.1.0 */
export interface Summary {
  /** Of the file, as it travels. */
  readonly bytes: number
  /** Packets sent more than once. */
  readonly resent: number
  readonly rtt: Retransmission.RttEstimate | undefined
  readonly blksize: number
  readonly windowsize: number
}

/** What a transfer stands on. */
interface Environment {
  /** To the peer; the bytes may change afterwards, unless they are fewer than a full DATA. */
  readonly send: (bytes: Uint8Array) => void
  readonly sweeper: Sweeper.Sweeper
  readonly retransmission: Retransmission.Retransmission
  /** Packets in all to a peer that has not answered yet; undefined for one that has. */
  readonly maxUnvalidatedPackets: number | undefined
  /** One of few transfers here, which may take more memory. */
  readonly mayUseLargeBuffers: boolean
  /** A round trip that is known already, in milliseconds. */
  readonly initialRttSample?: number | undefined
}

/** How a transfer is made. */
export interface CommonOptions extends Environment {
  readonly agreed: Negotiation.Agreed
  readonly mode: Packet.Mode
  /** Sent first, and again until the peer answers it: an OACK, or the ACK of a request. */
  readonly initialPacket: Uint8Array | undefined
}

/** A transfer under way. */
export interface Transfer {
  /** Takes a datagram of the peer. */
  readonly receive: (bytes: Uint8Array) => void
  /** So far. */
  readonly summary: () => Summary
  /** Whether the peer has answered the greeting. */
  readonly handshakeDone: () => boolean
  /** Ends with the transfer; of a failure or an interruption the peer is told. */
  readonly run: Effect.Effect<Summary, TftpError.TftpError>
}

/** An ERROR packet. */
export const errorPacket = (code: number, message: string): Uint8Array =>
  Packet.encode({ _tag: "ERROR", code, message })

/** What a datagram is answered that belongs to no transfer here (RFC 1350, 4). */
export const unknownTransferId = errorPacket(Packet.ErrorCode.UnknownTransferId, "Unknown transfer ID")

/** What the peer is told of a failure; nothing where it knows, or was never heard of. */
const errorPacketFor = ({ reason }: TftpError.TftpError): Uint8Array | undefined => {
  switch (reason._tag) {
    case "File":
      return errorPacket(reason.cause.code, reason.cause.peerMessage)
    case "ProtocolViolation":
      return errorPacket(reason.code, reason.detail)
    case "SizeMismatch":
      return errorPacket(Packet.ErrorCode.NotDefined, reason.message)
    default:
      return undefined
  }
}

const stoppedPacket = errorPacket(Packet.ErrorCode.NotDefined, "the transfer was stopped")

/** The end of a transfer: the first word counts. */
export interface Completion {
  readonly isDone: () => boolean
  readonly succeed: () => void
  readonly fail: (reason: TftpError.Reason) => void
  /** Fails with what an ERROR says. */
  readonly failFromPacket: (bytes: Uint8Array) => void
  /** Runs what the transfer needs until it has ended. */
  readonly runUntilDone: <E extends TftpError.TftpError>(
    work: ReadonlyArray<Effect.Effect<never, E>>
  ) => Effect.Effect<void, TftpError.TftpError>
}

export const makeCompletion = (send: (bytes: Uint8Array) => void): Completion => {
  const result = Deferred.makeUnsafe<void, TftpError.TftpError>()
  let isDone = false
  const end = (exit: Exit.Exit<void, TftpError.TftpError>) => {
    if (isDone) return
    isDone = true
    Deferred.doneUnsafe(result, exit)
  }
  const fail = (reason: TftpError.Reason) => end(Exit.fail(new TftpError.TftpError({ reason })))
  const sendError = (error: TftpError.TftpError) =>
    Effect.sync(() => {
      isDone = true
      const packet = errorPacketFor(error)
      if (packet !== undefined) send(packet)
    })
  return {
    isDone: () => isDone,
    succeed: () => end(Exit.void),
    fail,
    failFromPacket: (bytes) => {
      const packet = Result.getOrUndefined(Packet.decode(bytes))
      if (packet?._tag !== "ERROR") return
      fail(new TftpError.Refused({ code: packet.code, text: packet.message }))
    },
    runUntilDone: (work) =>
      Effect.raceAllFirst([Deferred.await(result), ...work]).pipe(
        Effect.tapError(sendError),
        Effect.onInterrupt(() =>
          Effect.sync(() => {
            isDone = true
            send(stoppedPacket)
          })
        )
      )
  }
}

export const fileError = (cause: ConstructorParameters<typeof TftpError.File>[0]["cause"]) =>
  new TftpError.TftpError({ reason: new TftpError.File({ cause }) })

/** How long a sender's timer may still resend the last block. */
export const dallyMillis = (timer: RetransmissionTimer.RetransmissionTimer): number => {
  const rtt = timer.rtt()
  return rtt === undefined ? 1_000 : Math.min(2_000, Math.max(50, 2 * (rtt.smoothed + 4 * rtt.variance)))
}
