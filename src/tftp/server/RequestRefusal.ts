/** The end of a request without success: the ERROR for the client, and the reason for the log. Pure. */
import * as Packet from "../protocol/Packet.ts"
import * as TftpError from "../TftpError.ts"
import type * as TftpServerEvent from "../TftpServerEvent.ts"
import * as Transfer from "../transfer/Transfer.ts"
import type * as RequestState from "./RequestState.ts"
import * as ServerLimits from "./ServerLimits.ts"

/** The ERROR of a client that had to give way. */
export const busyPacket = Transfer.errorPacket(
  ServerLimits.refusals.MaxTransfers.code,
  ServerLimits.refusals.MaxTransfers.peerMessage
)
/** The ERROR of a client that comes while the server stops. */
export const stoppingPacket = Transfer.errorPacket(Packet.ErrorCode.NotDefined, "The server is stopping")

/** Codes of system errors: the process, or the system, cannot open more files. */
const descriptorErrors: ReadonlySet<unknown> = new Set(["EMFILE", "ENFILE"])

/** Returns true if a file or a socket could not be opened because no descriptor is left. */
export const isOutOfDescriptors = ({ reason }: TftpError.TftpError): boolean => {
  if (reason._tag === "Socket") return reason.cause.reason === "NoDescriptors"
  if (reason._tag !== "File" || !("cause" in reason.cause.reason)) return false
  return descriptorErrors.has((reason.cause.reason.cause as { readonly code?: unknown } | null)?.code)
}

/** Returns the code and the message for the client whose request could not be opened. */
export const packetOf = (error: TftpError.TftpError): readonly [code: number, peerMessage: string] => {
  const { code, peerMessage } = ServerLimits.refusals.MaxTransfers
  if (error.reason._tag !== "File" || isOutOfDescriptors(error)) return [code, peerMessage]
  const { cause } = error.reason
  return [cause.code, cause.peerMessage]
}

/** Returns the reason of a refusal, with the name of the file if it is not that of the request. */
export const detailOf = ({ filename }: TftpServerEvent.TransferInfo, { message, reason }: TftpError.TftpError) =>
  reason._tag === "File" && reason.cause.filename === filename ? reason.cause.reason.detail : message

/** Returns how the fallback server has failed, also that all fetches from it are in use; undefined if it has not. */
export const fallbackFailureOf = ({ reason }: TftpError.TftpError): string | undefined =>
  reason._tag === "File" && reason.cause.reason._tag === "RemoteFailed" ? reason.cause.reason.why : undefined

/** Returns the reason of a failure for the log: a superseded transfer ends as if the client had sent an ERROR. */
export const errorOf = ({ _tag }: RequestState.State, error: TftpError.TftpError) =>
  _tag === "Superseded" && error.reason._tag === "Refused"
    ? new TftpError.TftpError({ reason: new TftpError.Superseded() })
    : error
