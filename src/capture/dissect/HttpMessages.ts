/**
 * Collector of the messages of an HTTP/1 connection (RFC 9112) from the bytes of both directions: a state record and a
 * pure step. A message is complete after its body, whose bytes are counted but not kept.
 *
 * ```
 *   head ---- blank line ----> length | chunk size <-> chunk | until the end ----> head
 *     |                                                                              of the next message
 *     +---- no body: GET, 204, 304, response to HEAD -----------------------------> head
 * ```
 */
import type { StreamBytes } from "../../network/dissect/FieldDissector.ts"
import * as ByteReader from "./ByteReader.ts"

/** Head of a message: its first line, and its header fields with names in lower case. */
export interface Head {
  readonly method?: string | undefined
  readonly target?: string | undefined
  readonly version: string
  readonly status?: number | undefined
  readonly reason?: string | undefined
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
}

/** Meaning of the next bytes of a direction. */
type Phase =
  /** Bytes of a line or of a head that is not complete. */
  | { readonly _tag: "Head"; readonly text: string }
  | { readonly _tag: "Length"; readonly head: Head; readonly left: number }
  | { readonly _tag: "ChunkSize"; readonly head: Head; readonly text: string; readonly isLast: boolean }
  | { readonly _tag: "Chunk"; readonly head: Head; readonly left: number }
  | { readonly _tag: "UntilEnd"; readonly head: Head }
  /** Not HTTP: after an upgrade, or after bytes that are not a head. */
  | { readonly _tag: "Opaque" }

/** State of a connection. */
export interface State {
  readonly client: Phase
  readonly server: Phase
  /** Methods of the requests without a response, the oldest first. */
  readonly methods: ReadonlyArray<string>
}

/** Maximum length of a head, and of the line of a chunk. */
const maxHeadChars = 65_536

/** Maximum length of the first line of a head: RFC 9112, section 3, recommends to take 8,000. */
const maxFirstLineChars = 16_384

/** Number of requests without a response whose methods are kept. */
const maxMethods = 64

const start: Phase = { _tag: "Head", text: "" }
const opaque: Phase = { _tag: "Opaque" }

/** State at the start of a connection. */
export const initial: State = { client: start, server: start, methods: [] }

const requestLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+) (HTTP\/\d\.\d)$/
const statusLine = /^(HTTP\/\d\.\d) (\d{3})(?: (.*))?$/

const parseHeaders = (lines: ReadonlyArray<string>): Head["headers"] =>
  lines.flatMap((line) => {
    const colon = line.indexOf(":")
    return colon <= 0 ? [] : [[line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()] as const]
  })

/** Parses a head without its blank line; undefined for other text. */
export const parseHead = (text: string): Head | undefined => {
  const [first = "", ...rest] = text.split(/\r?\n/)
  const request = requestLine.exec(first)
  if (request !== null) {
    const [, method, target, version] = request
    return { method: method!, target: target!, version: version!, headers: parseHeaders(rest) }
  }
  const status = statusLine.exec(first)
  if (status === null) return undefined
  const [, version, code, reason] = status
  return { version: version!, status: Number(code), reason: reason ?? "", headers: parseHeaders(rest) }
}

/** Returns true if a text can be the start of a head, however short it is. */
const isHeadStart = (text: string): boolean => {
  const line = text.slice(0, maxFirstLineChars + 1).split(/\r?\n|\r$/, 1)[0]!
  if (line.length > maxFirstLineChars) return false
  if (text.length > line.length) return requestLine.test(line) || statusLine.test(line)
  return (
    /^(H|HT|HTT|HTTP|HTTP\/[ \d.]*|HTTP\/\d\.\d \d{0,3}.*)$/.test(line) ||
    /^[A-Z-]{1,20}( \S*( [HTP/.\d]*)?)?$/.test(line)
  )
}

const header = ({ headers }: Head, name: string) => headers.find(([each]) => each === name)?.[1]

/** Returns the phase of the body of a message; undefined if it has none. */
const bodyOf = (head: Head, requestMethod: string | undefined): Phase | undefined => {
  const { status } = head
  const isResponse = status !== undefined
  if (isResponse && (status < 200 || status === 204 || status === 304 || requestMethod === "HEAD")) return undefined
  if (isResponse && requestMethod === "CONNECT" && status < 300) return undefined
  if (/^chunked/i.test(header(head, "transfer-encoding") ?? ""))
    return { _tag: "ChunkSize", head, text: "", isLast: false }
  const length = Number.parseInt(header(head, "content-length") ?? "", 10)
  if (length >= 0) return length === 0 ? undefined : { _tag: "Length", head, left: length }
  return isResponse ? { _tag: "UntilEnd", head } : undefined
}

/** Result of a step in one direction: the phase, the bytes that are left, and a message that is complete. */
interface Progress {
  readonly phase: Phase
  readonly at: number
  readonly complete?: Head | undefined
  readonly methods: ReadonlyArray<string>
  readonly isUpgrade?: boolean | undefined
}

const headEnd = /\r?\n\r?\n/g

/** Finds the end of a head in a text whose first `searched` characters have none. */
const findHeadEnd = (text: string, searched: number) => {
  headEnd.lastIndex = Math.max(0, searched - 3)
  return headEnd.exec(text)
}

const [lf, cr] = [10, 13]

/**
 * Returns the index in `bytes` after the first blank line from `at`, or after `maxBytes`. What follows belongs to other
 * messages, and is not decoded for each of them.
 */
const endOfHeadBytes = (bytes: Uint8Array, at: number, maxBytes: number): number => {
  const end = Math.min(bytes.length, at + maxBytes)
  for (let line = bytes.indexOf(lf, at); line !== -1 && line < end; line = bytes.indexOf(lf, line + 1)) {
    const next = line + (bytes[line + 1] === cr ? 2 : 1)
    if (next < end && bytes[next] === lf) return next + 1
  }
  return end
}

const advanceHead = (text: string, bytes: Uint8Array, at: number, methods: State["methods"]): Progress => {
  const read = endOfHeadBytes(bytes, at, maxHeadChars - text.length)
  const all = text + ByteReader.latin1(bytes.subarray(at, read))
  // Empty lines before a message are ignored (RFC 9112, 2.2).
  const skipped = text === "" ? (/^[\r\n]*/.exec(all)?.[0].length ?? 0) : 0
  const content = all.slice(skipped)
  const end = findHeadEnd(content, text.length)
  if (end === null) {
    const isPossible = content === "" || (isHeadStart(content) && all.length < maxHeadChars)
    return isPossible
      ? { phase: { _tag: "Head", text: content }, at: read, methods }
      : { phase: opaque, at: bytes.length, methods }
  }
  const head = parseHead(content.slice(0, end.index))
  if (head === undefined) return { phase: opaque, at: bytes.length, methods }
  const next = at + skipped + end.index + end[0].length - text.length
  if (head.status === undefined) {
    const phase = bodyOf(head, undefined)
    const after = [...methods, head.method!].slice(-maxMethods)
    return { phase: phase ?? start, at: next, complete: phase === undefined ? head : undefined, methods: after }
  }
  const isFinal = head.status >= 200
  const phase = bodyOf(head, methods[0])
  const isUpgrade = head.status === 101 || (methods[0] === "CONNECT" && isFinal && head.status < 300)
  return {
    phase: isUpgrade ? opaque : (phase ?? start),
    at: next,
    complete: phase === undefined ? head : undefined,
    methods: isFinal ? methods.slice(1) : methods,
    isUpgrade
  }
}

const advanceChunkSize = (
  { head, isLast, text }: Extract<Phase, { readonly _tag: "ChunkSize" }>,
  bytes: Uint8Array,
  at: number,
  methods: State["methods"]
): Progress => {
  const lineEnd = bytes.indexOf(10, at)
  const end = lineEnd === -1 ? bytes.length : lineEnd + 1
  const line = text + ByteReader.latin1(bytes.subarray(at, Math.min(end, at + maxHeadChars)))
  if (line.length >= maxHeadChars) return { phase: opaque, at: bytes.length, methods }
  if (lineEnd === -1) return { phase: { _tag: "ChunkSize", head, text: line, isLast }, at: end, methods }
  const content = line.trim()
  // After the last chunk come trailers and an empty line.
  if (isLast) {
    return content === ""
      ? { phase: start, at: end, complete: head, methods }
      : { phase: { _tag: "ChunkSize", head, text: "", isLast }, at: end, methods }
  }
  const size = /^[0-9a-f]{1,8}(?=$|[ ;])/i.exec(content)
  if (size === null) return { phase: opaque, at: bytes.length, complete: head, methods }
  const length = Number.parseInt(size[0], 16)
  return length === 0
    ? { phase: { _tag: "ChunkSize", head, text: "", isLast: true }, at: end, methods }
    : { phase: { _tag: "Chunk", head, left: length + 2 }, at: end, methods }
}

const advance = (phase: Phase, bytes: Uint8Array, at: number, methods: State["methods"]): Progress => {
  const available = bytes.length - at
  switch (phase._tag) {
    case "Head":
      return advanceHead(phase.text, bytes, at, methods)
    case "ChunkSize":
      return advanceChunkSize(phase, bytes, at, methods)
    case "Length":
      return available >= phase.left
        ? { phase: start, at: at + phase.left, complete: phase.head, methods }
        : { phase: { ...phase, left: phase.left - available }, at: bytes.length, methods }
    case "Chunk":
      return available >= phase.left
        ? { phase: { _tag: "ChunkSize", head: phase.head, text: "", isLast: false }, at: at + phase.left, methods }
        : { phase: { ...phase, left: phase.left - available }, at: bytes.length, methods }
    default:
      return { phase, at: bytes.length, methods }
  }
}

/** Takes the next bytes of a direction, and returns the heads of the messages that they complete. */
export const step = (
  state: State,
  { afterGap, bytes, ends, fromClient }: Pick<StreamBytes, "afterGap" | "bytes" | "ends" | "fromClient">
): readonly [State, ReadonlyArray<Head>] => {
  const complete: Array<Head> = []
  let phase: Phase = afterGap ? start : fromClient ? state.client : state.server
  let other: Phase = fromClient ? state.server : state.client
  let { methods } = state
  for (let at = 0; at < bytes.length; ) {
    const progress = advance(phase, bytes, at, methods)
    if (progress.complete !== undefined) complete.push(progress.complete)
    if (progress.isUpgrade === true) other = opaque
    phase = progress.phase
    methods = progress.methods
    at = progress.at
  }
  if (ends && phase._tag === "UntilEnd") {
    complete.push(phase.head)
    phase = opaque
  }
  return [{ client: fromClient ? phase : other, server: fromClient ? other : phase, methods }, complete]
}
