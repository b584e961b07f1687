/** Types and functions shared by both directions of a transfer, on the server and on the client. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { constVoid } from "effect/Function"
import * as Result from "effect/Result"
import type * as Negotiation from "../protocol/Negotiation.ts"
import * as Packet from "../protocol/Packet.ts"
import * as TftpError from "../TftpError.ts"
import type * as BlockSource from "./BlockSource.ts"
import type * as Retransmission from "./Retransmission.ts"
import type * as RetransmissionTimer from "./RetransmissionTimer.ts"

/** The result of a transfer so far. @category models @since 0.1.0 */
export interface Summary {
  /** Bytes of the file as transferred, in netascii encoding if that is the mode. */
  readonly bytes: number
  /** Packets sent again after a timeout or a gap. */
  readonly resent: number
  /** Packets of the peer that were ignored because they are malformed. */
  readonly malformed: number
  readonly rtt: Retransmission.RttEstimate | undefined
  readonly blksize: number
  readonly windowsize: number
}

/** Options of both directions. */
export interface CommonOptions extends RetransmissionTimer.CommonOptions {
  /** Sends a datagram to the peer. The caller may overwrite the bytes of a full DATA packet afterwards, of no other. */
  readonly send: (bytes: Uint8Array) => void
  readonly memory: BlockSource.Memory
  readonly agreed: Negotiation.Agreed
  readonly mode: Packet.Mode
  /** The packet sent first, and again until the peer replies: an OACK, or ACK 0. Undefined if the peer sends first. */
  readonly initialPacket: Uint8Array | undefined
}

/** A transfer in progress. */
export interface Transfer {
  /** Handles a datagram of the peer. */
  readonly receive: (bytes: Uint8Array) => void
  /** Returns the result so far. */
  readonly summary: () => Summary
  /** Returns true once the peer has replied to the initial packet. */
  readonly handshakeDone: () => boolean
  /** Runs the transfer to its end. On failure, a defect or interruption it sends an ERROR to the peer. */
  readonly run: Effect.Effect<Summary, TftpError.TftpError>
}

/** Encodes an ERROR packet. */
export const errorPacket = (code: number, message: string): Uint8Array =>
  Packet.encode({ _tag: "ERROR", code, message })

/** The reply to a datagram with an unknown transfer ID: ERROR 5 (RFC 1350, section 4). */
export const unknownTransferId = errorPacket(Packet.ErrorCode.UnknownTransferId, "Unknown transfer ID")

/** Returns the ERROR packet for a failure; undefined if the peer reported it, or never replied. */
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

/** The ERROR of a transfer that was stopped, or failed for a reason that is not for the peer. */
export const stoppedPacket = errorPacket(Packet.ErrorCode.NotDefined, "The transfer was stopped")

/** The completion of a transfer: the first call decides the result. */
export interface Completion {
  /** Returns true once the result is decided. */
  readonly isDone: () => boolean
  readonly succeed: () => void
  readonly fail: (reason: TftpError.Reason) => void
  /** Fails with the code and message of an ERROR packet. */
  readonly failFromPacket: (bytes: Uint8Array) => void
  /**
   * Runs the effects of the transfer until the result is decided; sends an ERROR unless it has succeeded. `begin` runs
   * before them, and ends when the result is decided.
   */
  readonly runUntilDone: <E extends TftpError.TftpError>(
    work: ReadonlyArray<Effect.Effect<never, E>>,
    begin?: Effect.Effect<void>
  ) => Effect.Effect<void, TftpError.TftpError>
}

/** Makes the completion of one transfer. `onDone` is called when the result is decided. */
export const makeCompletion = (send: (bytes: Uint8Array) => void, onDone: () => void = constVoid): Completion => {
  const result = Deferred.makeUnsafe<void, TftpError.TftpError>()
  let isDone = false
  const end = (exit: Exit.Exit<void, TftpError.TftpError>) => {
    if (isDone) return
    isDone = true
    Deferred.doneUnsafe(result, exit)
    onDone()
  }
  const fail = (reason: TftpError.Reason) => end(Exit.fail(new TftpError.TftpError({ reason })))
  const sendLast = (packet: Uint8Array | undefined) =>
    Effect.sync(() => {
      isDone = true
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
    runUntilDone: (work, begin = Effect.void) =>
      Effect.andThen(begin, Effect.raceAllFirst([Deferred.await(result), ...work])).pipe(
        Effect.tapError((error) => sendLast(errorPacketFor(error))),
        Effect.tapDefect(() => sendLast(stoppedPacket)),
        Effect.onInterrupt(() => sendLast(stoppedPacket))
      )
  }
}

/** Wraps an error of a store. */
export const fileError = (cause: ConstructorParameters<typeof TftpError.File>[0]["cause"]) =>
  new TftpError.TftpError({ reason: new TftpError.File({ cause }) })

/** Returns the milliseconds during which the sender may still resend the last block. */
export const dallyMillis = (timer: RetransmissionTimer.RetransmissionTimer): number => {
  const rtt = timer.rtt()
  return rtt === undefined ? 1_000 : Math.min(2_000, Math.max(50, 2 * (rtt.smoothed + 4 * rtt.variance)))
}
