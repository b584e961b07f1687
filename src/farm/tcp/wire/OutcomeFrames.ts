/** The frames by which a server sends the outcomes of packets. */
import * as Result from "effect/Result"
import { errorText } from "../../FarmError.ts"
import type { TaskOutcome } from "../../Worker.ts"
import type { PayloadCodec } from "./PayloadCodec.ts"
import * as Protocol from "./Protocol.ts"

type Failed = Extract<TaskOutcome, { readonly _tag: "Failed" }>

const failedFrame = ({ error, id, kind }: Omit<Failed, "_tag">) =>
  Protocol.encodeUnsafe({ _tag: "Failed", id, error, ...(kind === undefined ? {} : { kind }) })

/** Encodes a failure of the server itself. */
export const failed = (id: number, text: string, kind?: Failed["kind"]): Uint8Array =>
  failedFrame({ id, error: errorText(text), kind })

/** Encodes an outcome. A result that cannot be sent is a failure. */
export const make = (
  outcome: TaskOutcome,
  { result }: PayloadCodec,
  maxPacketBytes: number
): ReadonlyArray<Uint8Array> => {
  if (outcome._tag === "Failed") return [failedFrame(outcome)]
  if (outcome._tag === "Stopped") return [Protocol.encodeUnsafe(outcome)]
  const { id, millis } = outcome
  const bytes = result.encode(outcome.result)
  if (Result.isFailure(bytes)) return [failed(id, `cannot send the result: ${bytes.failure}`, "Unsendable")]
  return Result.match(Protocol.encodePacket({ _tag: "Done", id, millis }, bytes.success, maxPacketBytes), {
    onFailure: ({ message }) => [failed(id, `cannot send the result: ${message}`, "TooLarge")],
    onSuccess: (frames) => frames
  })
}
