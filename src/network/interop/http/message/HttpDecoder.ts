/**
 * Incremental decoder of HTTP/1.1 messages: bytes are pushed, and events are taken one at a time.
 *
 * It reads no further than the event taken, so that a reader who stops stops the sender, and what follows an upgrade is
 * left. It has no clock and no socket, and its memory is limited: a head has at most `maxHeadBytes`, and of a body only
 * the bytes pushed are kept.
 *
 * It refuses what two parsers read in two ways (RFC 9112, section 11.2): two lengths, a line that ends in LF alone, a
 * folded field, space before a colon or within a chunk size.
 */
import * as HttpHead from "./HttpHead.ts"
import * as HttpSyntax from "./HttpSyntax.ts"
import { type HttpSyntaxError, refuse } from "./HttpSyntaxError.ts"

/** Limits of a message. */
export interface Limits {
  /** Maximum size of the first line and the fields, and of the trailers of a body. Default 16 KiB. */
  readonly maxHeadBytes: number
  /** Maximum number of fields, and of trailers. Default 100. */
  readonly maxFields: number
}

export const defaultLimits: Limits = { maxHeadBytes: 16_384, maxFields: 100 }

/** Part of a message. */
export type Event =
  | { readonly _tag: "Head"; readonly head: HttpHead.RequestHead | HttpHead.ResponseHead }
  | { readonly _tag: "Body"; readonly bytes: Uint8Array }
  /** End of a message, with the trailers of a chunked body. */
  | { readonly _tag: "End"; readonly trailers: HttpHead.Fields }
  /** The connection has ended between two messages. */
  | { readonly _tag: "Closed" }
  | { readonly _tag: "Refused"; readonly error: HttpSyntaxError }

/** State of a decoder. */
export interface HttpDecoder {
  readonly kind: "Request" | "Response"
  readonly limits: Limits
  /** Method of the request that the next response answers. */
  method: string
  phase: "Head" | "Fixed" | "ChunkSize" | "ChunkData" | "ChunkEnd" | "Trailers" | "UntilEnd" | "Refused"
  /** Bytes from `start` to `end` are pushed and not yet taken. */
  buffer: Uint8Array
  start: number
  end: number
  /** True if the buffer is the decoder's own, with room behind `end`. */
  isOwn: boolean
  /** Index up to which no end of a line was found. */
  scanned: number
  hasEnded: boolean
  firstLine: string | undefined
  fields: Array<readonly [string, string]>
  /** Size of the lines of the head, or of the trailers and the extensions of chunks. */
  headBytes: number
  /** Bytes of the body or of the chunk that are still to come. */
  remainingBytes: number
  error: HttpSyntaxError | undefined
}

/** Creates a decoder of requests or of responses. */
export const make = (kind: "Request" | "Response", limits: Limits = defaultLimits): HttpDecoder => ({
  ...{ kind, limits, method: "GET", phase: "Head", buffer: new Uint8Array(0), start: 0, end: 0, isOwn: false },
  ...{ scanned: 0, hasEnded: false, firstLine: undefined, fields: [], headBytes: 0, remainingBytes: 0 },
  error: undefined
})

/** Number of bytes that are pushed and not taken. */
export const bufferedBytes = (decoder: HttpDecoder): number => decoder.end - decoder.start

/** Adds received bytes, which the decoder owns from then on. */
export const push = (decoder: HttpDecoder, bytes: Uint8Array): void => {
  const kept = decoder.end - decoder.start
  if (kept === 0) {
    Object.assign(decoder, { buffer: bytes, start: 0, end: bytes.length, scanned: 0, isOwn: false })
    return
  }
  if (!decoder.isOwn || decoder.end + bytes.length > decoder.buffer.length) {
    const grown = new Uint8Array(2 * (kept + bytes.length))
    grown.set(decoder.buffer.subarray(decoder.start, decoder.end))
    const scanned = Math.max(0, decoder.scanned - decoder.start)
    Object.assign(decoder, { buffer: grown, start: 0, end: kept, scanned, isOwn: true })
  }
  decoder.buffer.set(bytes, decoder.end)
  decoder.end += bytes.length
}

/** Notes that the peer sends no more. */
export const end = (decoder: HttpDecoder): void => {
  decoder.hasEnded = true
}

/** Takes all bytes that were pushed: those after the head of an upgrade. */
export const takeRest = (decoder: HttpDecoder): Uint8Array => {
  const rest = decoder.buffer.subarray(decoder.start, decoder.end)
  decoder.start = decoder.end
  return rest
}

const fail = (decoder: HttpDecoder, error: HttpSyntaxError): Event => {
  decoder.phase = "Refused"
  decoder.error = error
  return { _tag: "Refused", error }
}

const [carriageReturn, lineFeed] = [13, 10] as const

/** Takes a line without its end, or undefined while it is incomplete. */
const takeLine = (decoder: HttpDecoder): string | undefined | HttpSyntaxError => {
  const { buffer, end, limits, start } = decoder
  const found = buffer.indexOf(lineFeed, Math.max(start, decoder.scanned))
  const isComplete = found >= 0 && found < end
  const size = (isComplete ? found + 1 : end) - start
  if (decoder.headBytes + size > limits.maxHeadBytes) {
    const isBody = decoder.phase === "ChunkSize"
    return refuse(isBody ? "ChunkTooLong" : "HeadTooLarge", limits.maxHeadBytes)
  }
  if (!isComplete) {
    decoder.scanned = end
    return undefined
  }
  const lineEnd = found - 1
  if (lineEnd < start || buffer[lineEnd] !== carriageReturn) return refuse("InvalidLineEnd")
  const line = HttpSyntax.decodeLatin1(buffer.subarray(start, lineEnd))
  if (line.includes("\r")) return refuse("InvalidLineEnd")
  decoder.headBytes += size
  decoder.start = found + 1
  decoder.scanned = found + 1
  return line
}

/** Takes field lines up to the empty one. True once that was taken. */
const takeFields = (decoder: HttpDecoder): boolean | HttpSyntaxError => {
  while (true) {
    const line = takeLine(decoder)
    if (line === undefined) return false
    if (line === "") return true
    if (line instanceof Error) return line
    const field = HttpHead.parseField(line)
    if (field instanceof Error) return field
    decoder.fields.push(field)
    if (decoder.fields.length > decoder.limits.maxFields) return refuse("TooManyFields", decoder.limits.maxFields)
  }
}

const phases = { None: "Fixed", Fixed: "Fixed", Chunked: "ChunkSize", UntilEnd: "UntilEnd" } as const

const takeHead = (decoder: HttpDecoder): Event | undefined => {
  // Empty lines before a message are skipped (RFC 9112, section 2.2).
  while (decoder.firstLine === undefined) {
    const line = takeLine(decoder)
    if (line === undefined) return undefined
    if (line instanceof Error) return fail(decoder, line)
    if (line !== "") decoder.firstLine = line
  }
  const areComplete = takeFields(decoder)
  if (areComplete instanceof Error) return fail(decoder, areComplete)
  if (!areComplete) return undefined
  const { fields, firstLine, kind, method } = decoder
  const head =
    kind === "Request" ? HttpHead.parseRequest(firstLine, fields) : HttpHead.parseResponse(firstLine, fields, method)
  if (head instanceof Error) return fail(decoder, head)
  startBody(decoder, head.body)
  return { _tag: "Head", head }
}

const startBody = (decoder: HttpDecoder, body: HttpHead.BodyLength) => {
  decoder.phase = phases[body._tag]
  decoder.remainingBytes = body._tag === "Fixed" ? body.bytes : 0
  decoder.firstLine = undefined
  decoder.fields = []
  decoder.headBytes = 0
}

const endMessage = (decoder: HttpDecoder): Event => {
  const { fields: trailers } = decoder
  startBody(decoder, { _tag: "None" })
  decoder.phase = "Head"
  return { _tag: "End", trailers }
}

/** Takes bytes of a body or of a chunk, at most those of its length. */
const takeBytes = (decoder: HttpDecoder, maxBytes: number): Event | undefined => {
  const size = Math.min(maxBytes, decoder.end - decoder.start)
  if (size === 0) return undefined
  const bytes = decoder.buffer.subarray(decoder.start, decoder.start + size)
  decoder.start += size
  decoder.scanned = Math.max(decoder.scanned, decoder.start)
  decoder.remainingBytes -= size
  return { _tag: "Body", bytes }
}

const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]"
const chunkLine = new RegExp(
  `^([0-9A-Fa-f]+)(?:;${token}+(?:=(?:${token}*|"(?:[\\t !#-\\[\\]-~\\u0080-\\u00ff]|\\\\[\\t -~\\u0080-\\u00ff])*"))?)*$`
)

const takeChunkSize = (decoder: HttpDecoder): Event | undefined => {
  const before = decoder.headBytes
  const line = takeLine(decoder)
  if (line === undefined) return undefined
  if (line instanceof Error) return fail(decoder, line)
  const digits = chunkLine.exec(line)?.[1]
  const size = Number.parseInt(digits ?? "", 16)
  if (digits === undefined || !Number.isSafeInteger(size)) return fail(decoder, refuse("InvalidChunk", line))
  // Only extensions and leading zeros count: a body may have any number of chunks.
  decoder.headBytes = before + line.length - size.toString(16).length
  decoder.remainingBytes = size
  decoder.phase = size === 0 ? "Trailers" : "ChunkData"
  return next(decoder)
}

const takeChunkEnd = (decoder: HttpDecoder): Event | undefined => {
  const { buffer, end, start } = decoder
  for (const [index, wanted] of [carriageReturn, lineFeed].entries()) {
    if (start + index >= end) return undefined
    if (buffer[start + index] !== wanted) return fail(decoder, refuse("InvalidChunk"))
  }
  decoder.start += 2
  decoder.phase = "ChunkSize"
  return next(decoder)
}

const takeTrailers = (decoder: HttpDecoder): Event | undefined => {
  const areComplete = takeFields(decoder)
  if (areComplete instanceof Error) return fail(decoder, areComplete)
  // A length behind the body would be that of another message for a reader who merges the fields.
  const misplaced = decoder.fields.find(([name]) => name === "content-length" || name === "transfer-encoding")
  if (misplaced !== undefined) return fail(decoder, refuse("InvalidField", misplaced[0]))
  return areComplete ? endMessage(decoder) : undefined
}

const takeChunkData = (decoder: HttpDecoder): Event | undefined => {
  if (decoder.remainingBytes > 0) return takeBytes(decoder, decoder.remainingBytes)
  decoder.phase = "ChunkEnd"
  return next(decoder)
}

/** Function of each phase, which takes its next event. */
const takers: Readonly<Record<HttpDecoder["phase"], (decoder: HttpDecoder) => Event | undefined>> = {
  Head: takeHead,
  Fixed: (decoder) => (decoder.remainingBytes === 0 ? endMessage(decoder) : takeBytes(decoder, decoder.remainingBytes)),
  ChunkSize: takeChunkSize,
  ChunkData: takeChunkData,
  ChunkEnd: takeChunkEnd,
  Trailers: takeTrailers,
  UntilEnd: (decoder) =>
    takeBytes(decoder, Number.POSITIVE_INFINITY) ?? (decoder.hasEnded ? endMessage(decoder) : undefined),
  Refused: ({ error }) => ({ _tag: "Refused", error: error! })
}

/** Tests if nothing of a next message has arrived. */
export const isBetween = (decoder: HttpDecoder): boolean =>
  decoder.phase === "Head" && decoder.firstLine === undefined && bufferedBytes(decoder) === 0

/** Takes the next event, or undefined while its bytes are missing. After `Refused` nothing else follows. */
export const next = (decoder: HttpDecoder): Event | undefined => {
  const event = takers[decoder.phase](decoder)
  if (event !== undefined || !decoder.hasEnded) return event
  return isBetween(decoder) ? { _tag: "Closed" } : fail(decoder, refuse("Truncated"))
}
