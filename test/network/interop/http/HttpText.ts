/** Messages of HTTP/1.1 as texts, for tests. */
import * as HttpDecoder from "../../../../src/network/interop/http/message/HttpDecoder.ts"

/** Returns the bytes of a text, one for each character. */
export const latin1 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "latin1"))

/** A decoded message: its first line, fields, body and trailers, and what follows. */
interface Decoded {
  readonly start: string
  readonly fields: ReadonlyArray<readonly [string, string]>
  body: string
  /** Undefined until the end. */
  trailers: ReadonlyArray<readonly [string, string]> | undefined
  readonly keepAlive: boolean
}

/** Result of decoding: messages, and the reason of the refusal, if any. */
export interface Verdict {
  readonly messages: Array<Decoded>
  refused: string | undefined
  /** Bytes that were not taken. */
  rest: string
}

const startOf = (head: Extract<HttpDecoder.Event, { _tag: "Head" }>["head"]) =>
  head._tag === "Request"
    ? `${head.method} ${head.target} 1.${head.minorVersion}`
    : `1.${head.minorVersion} ${head.status} ${head.statusText}`

/** Decodes pieces of bytes until the end of the input, as a connection does: nothing follows a message that closes. */
export const decode = (
  kind: "Request" | "Response",
  pieces: Iterable<Uint8Array>,
  { limits, method = "GET" }: { limits?: HttpDecoder.Limits; method?: string } = {}
): Verdict => {
  const decoder = HttpDecoder.make(kind, limits)
  decoder.method = method
  const verdict: Verdict = { messages: [], refused: undefined, rest: "" }
  let isOver = false
  const take = () => {
    while (!isOver) {
      const event = HttpDecoder.next(decoder)
      if (event === undefined) return
      const last = verdict.messages.at(-1)
      if (event._tag === "Head") {
        const { fields, keepAlive } = event.head
        verdict.messages.push({ start: startOf(event.head), fields, body: "", trailers: undefined, keepAlive })
      } else if (event._tag === "Body") last!.body += Buffer.from(event.bytes).toString("latin1")
      else if (event._tag === "End") {
        last!.trailers = event.trailers
        if (!last!.keepAlive) isOver = true
      } else {
        isOver = true
        if (event._tag === "Refused") verdict.refused = event.error.reason
      }
    }
  }
  for (const piece of pieces) {
    HttpDecoder.push(decoder, piece.slice())
    take()
  }
  HttpDecoder.end(decoder)
  take()
  verdict.rest = Buffer.from(HttpDecoder.takeRest(decoder)).toString("latin1")
  if (verdict.refused === undefined && !/^[\r\n]*$/.test(verdict.rest)) verdict.refused = "AfterClose"
  return verdict
}

/** Splits bytes at places. */
export const split = (bytes: Uint8Array, places: ReadonlyArray<number>): Array<Uint8Array> => {
  const sorted = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((one, other) => one - other)
  return [0, ...sorted].map((from, index) => bytes.subarray(from, sorted[index] ?? bytes.length))
}
