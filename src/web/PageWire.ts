/**
 * The messages of browsers and to browsers: the JSON of effect/rpc, checked and bounded. Pure.
 *
 * A message that is not one of effect/rpc is `Malformed`, not an exception, so that it counts like any other. Members
 * that the page does not need, such as the headers and the span of a request, are left out.
 */
import type * as RpcMessage from "effect/rpc/RpcMessage"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import { EncodedUpdate } from "./EncodedUpdate.ts"

/** A message that is not one of effect/rpc. */
interface Malformed {
  readonly _tag: "Malformed"
}

/** A message of a browser. */
export type FromBrowser = RpcMessage.FromClientEncoded | Malformed

/** Most messages in a frame: the others are left out. */
const maxMessages = 32

/** Maximum length of the number of a request. */
const maxIdChars = 20

const malformed: Malformed = { _tag: "Malformed" }

type Members = Readonly<Record<string, unknown>>

/** Returns the number of a request, undefined if it is not one. */
const idOf = (value: unknown): string | number | undefined =>
  Number.isSafeInteger(value) || (typeof value === "string" && value.length <= maxIdChars)
    ? (value as string | number)
    : undefined

const withRequestId = (_tag: "Ack" | "Interrupt", { requestId }: Members): FromBrowser => {
  const id = idOf(requestId)
  return id === undefined ? malformed : { _tag, requestId: id }
}

/** By the tag of a message: returns a copy of its members that the page needs. */
const messages = new Map<unknown, (message: Members) => FromBrowser>([
  ["Ping", () => ({ _tag: "Ping" })],
  ["Eof", () => ({ _tag: "Eof" })],
  ["Ack", (message) => withRequestId("Ack", message)],
  ["Interrupt", (message) => withRequestId("Interrupt", message)],
  [
    "Request",
    // A request whose answer is not wanted is one that the page does not make, and that no limit would count.
    ({ discard, id: given, isNotification, payload, tag }) => {
      const id = idOf(given)
      if (id === undefined || typeof tag !== "string") return malformed
      if (discard !== undefined || isNotification !== undefined) return malformed
      return { _tag: "Request", id, tag, payload, headers: [] }
    }
  ]
])

const messageOf = (value: unknown): FromBrowser => {
  if (typeof value !== "object" || value === null) return malformed
  const message = value as Members
  return messages.get(message._tag)?.(message) ?? malformed
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const decoder = new TextDecoder()

/** Decodes a frame of a browser. Never throws. */
export const decode = (frame: Uint8Array | string): ReadonlyArray<FromBrowser> => {
  const value = parse(typeof frame === "string" ? frame : decoder.decode(frame))
  return Array.isArray(value) ? value.slice(0, maxMessages).map(messageOf) : [messageOf(value)]
}

/** Encodes a message to a browser. The text of an update is not encoded again. */
export const encode = (message: RpcMessage.FromServerEncoded): string => {
  if (message._tag === "Chunk" && message.values.length === 1) {
    const [value] = message.values
    if (value instanceof EncodedUpdate) {
      return `{"_tag":"Chunk","requestId":${JSON.stringify(message.requestId)},"values":[${value.text}]}`
    }
  }
  return JSON.stringify(message)
}

/** The serialization of the server. A browser uses `RpcSerialization.json`. */
export const serialization: RpcSerialization.RpcSerialization["Service"] = RpcSerialization.RpcSerialization.of({
  contentType: RpcSerialization.json.contentType,
  includesFraming: false,
  codecFor: RpcSerialization.json.codecFor,
  makeUnsafe: () => ({
    decode,
    encode: (message) => encode(message as RpcMessage.FromServerEncoded)
  })
})
