/** What a server's first packet says to a request. Pure. */
import * as Result from "effect/Result"
import * as Negotiation from "../protocol/Negotiation.ts"
import * as Packet from "../protocol/Packet.ts"
import * as TftpError from "../TftpError.ts"

export const protocolViolation = (detail: string, code: number = Packet.ErrorCode.IllegalOperation) =>
  new TftpError.ProtocolViolation({ code, detail })

/** The server's answer to a request. */
export type HandshakeReply =
  | { readonly _tag: "Agreed"; readonly agreed: Negotiation.Agreed; readonly confirmed: boolean }
  /** It does not get along with the options: ask without. */
  | { readonly _tag: "Again"; readonly reason: TftpError.Reason }
  | { readonly _tag: "Failed"; readonly reason: TftpError.Reason }

/** Codes by which servers refuse a request for its options, and not for the file. */
const optionCodes: ReadonlyArray<number> = [Packet.ErrorCode.BadOptions, Packet.ErrorCode.IllegalOperation]

/** Reads a server's first packet as the answer to a request that wanted these options, or none. */
export const parse = (
  kind: Packet.Request["_tag"],
  wanted: Negotiation.Wanted | undefined,
  reply: Uint8Array
): HandshakeReply => {
  const packet = Packet.decode(reply)
  const badReplyTag = wanted === undefined ? "Failed" : "Again"
  if (Result.isFailure(packet))
    return { _tag: badReplyTag, reason: protocolViolation(`a broken answer: ${packet.failure.message}`) }
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
      return { _tag: "Failed", reason: protocolViolation(`a ${packet.success._tag} is no answer to a ${kind}`) }
  }
}
