/** The parser of a server's first reply to a request. Pure. */
import * as Result from "effect/Result"
import * as Negotiation from "../protocol/Negotiation.ts"
import * as Packet from "../protocol/Packet.ts"
import * as TftpError from "../TftpError.ts"

/** Makes a failure that is reported to the server by an ERROR with this code. */
export const protocolViolation = (detail: string, code: number = Packet.ErrorCode.IllegalOperation) =>
  new TftpError.ProtocolViolation({ code, detail })

/** The meaning of a server's first reply. */
export type HandshakeReply =
  /** The server accepted the request; `confirmed` if the reply is an OACK. */
  | { readonly _tag: "Agreed"; readonly agreed: Negotiation.Agreed; readonly confirmed: boolean }
  /** The server rejected the options, or its OACK is invalid: repeat the request without options. */
  | { readonly _tag: "RetryWithoutOptions"; readonly reason: TftpError.Reason }
  /** The server refused the request. */
  | { readonly _tag: "Failed"; readonly reason: TftpError.Reason }

/** Error codes that servers send because of the options, and not because of the file. */
const optionCodes: ReadonlyArray<number> = [Packet.ErrorCode.BadOptions, Packet.ErrorCode.IllegalOperation]

/** Parses a server's first reply to a request for the `wanted` options; undefined if there were none. */
export const parse = (
  kind: Packet.Request["_tag"],
  wanted: Negotiation.Wanted | undefined,
  reply: Uint8Array
): HandshakeReply => {
  const packet = Packet.decode(reply)
  const badReplyTag = wanted === undefined ? "Failed" : "RetryWithoutOptions"
  if (Result.isFailure(packet))
    return { _tag: badReplyTag, reason: protocolViolation(`malformed reply: ${packet.failure.message}`) }
  switch (packet.success._tag) {
    case "OACK": {
      const agreed = Negotiation.accept(wanted ?? {}, packet.success.options)
      return Result.isSuccess(agreed)
        ? { _tag: "Agreed", agreed: agreed.success, confirmed: true }
        : { _tag: badReplyTag, reason: protocolViolation(agreed.failure.message, agreed.failure.code) }
    }
    case "ERROR": {
      const { code, message } = packet.success
      return {
        _tag: optionCodes.includes(code) ? badReplyTag : "Failed",
        reason: new TftpError.Refused({ code, text: message })
      }
    }
    case kind === "RRQ" ? "DATA" : "ACK":
      return { _tag: "Agreed", agreed: Negotiation.defaults, confirmed: false }
    default:
      return { _tag: "Failed", reason: protocolViolation(`unexpected reply: ${packet.success._tag} to a ${kind}`) }
  }
}
