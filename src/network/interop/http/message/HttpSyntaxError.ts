/** Errors of received HTTP/1.1 messages, each with the status by which a server answers it. */
import * as Data from "effect/Data"

/** Status of the answer, and the reason as text. */
const reasons = {
  InvalidStartLine: [400, "the first line is neither a request line nor a status line"],
  InvalidTarget: [400, "the request target has no form of RFC 9112, section 3.2"],
  UnsupportedVersion: [505, "the version is neither HTTP/1.1 nor HTTP/1.0"],
  InvalidField: [400, "a field line has another form than `name: value`"],
  ObsoleteFold: [400, "a field value continues on the next line"],
  InvalidLineEnd: [400, "a line ends without CR and LF"],
  HeadTooLarge: [431, "the head is too large"],
  TooManyFields: [431, "the head has too many fields"],
  InvalidHost: [400, "a request has exactly one `Host` field, a host and perhaps a port"],
  AmbiguousLength: [400, "the length of the body is given more than once"],
  InvalidLength: [400, "`Content-Length` is not a number of bytes"],
  UnsupportedCoding: [501, "a transfer coding other than `chunked` is not supported"],
  InvalidCoding: [400, "`chunked` must be the last transfer coding, once, and of HTTP/1.1"],
  InvalidChunk: [400, "a chunk has an invalid size, extension or end"],
  ChunkTooLong: [413, "the extensions of chunks are too long"],
  BodyTooLarge: [413, "the body is too large"],
  UnsupportedExpectation: [417, "only `100-continue` may be expected"],
  Truncated: [400, "the connection ended within a message"],
  TimedOut: [408, "the request did not arrive in time"]
} as const satisfies Readonly<Record<string, readonly [status: number, text: string]>>

/** Reason to refuse a message. */
export type Reason = keyof typeof reasons

/** Received message that is not one of HTTP/1.1, or over a limit. */
export class HttpSyntaxError extends Data.TaggedError("HttpSyntaxError")<{
  readonly reason: Reason
  /** The offending value or the limit. */
  readonly value?: string | number | undefined
}> {
  /** Status of a server's response. */
  get status(): number {
    return reasons[this.reason][0]
  }
  override get message(): string {
    const text = reasons[this.reason][1]
    return `HTTP message refused: ${text}${this.value === undefined ? "" : ` (${JSON.stringify(this.value)})`}`
  }
}

/** Maximum number of characters of a value in a message. */
const maxShownChars = 60

/** Creates an error. */
export const refuse = (reason: Reason, value?: string | number): HttpSyntaxError =>
  new HttpSyntaxError({ reason, value: typeof value === "string" ? value.slice(0, maxShownChars) : value })
