/** Heads of HTTP/1.1 messages: their lines as values, and the length of the body that follows. */
import * as HttpSyntax from "./HttpSyntax.ts"
import { type HttpSyntaxError, refuse } from "./HttpSyntaxError.ts"

/** Field lines in the order of the message; names are in lower case. */
export type Fields = ReadonlyArray<readonly [name: string, value: string]>

/** Length of a body (RFC 9112, section 6.3). */
export type BodyLength =
  | { readonly _tag: "None" }
  | { readonly _tag: "Fixed"; readonly bytes: number }
  | { readonly _tag: "Chunked" }
  /** The end of the connection is that of the body. */
  | { readonly _tag: "UntilEnd" }

/** Members of both kinds of heads. */
interface Head {
  /** Minor version of HTTP/1: 0 or 1. */
  readonly minorVersion: number
  readonly fields: Fields
  readonly body: BodyLength
  /** False if the connection ends after this message. */
  readonly keepAlive: boolean
}

/** Head of a request. */
export interface RequestHead extends Head {
  readonly _tag: "Request"
  readonly method: string
  readonly target: string
}

/** Head of a response. */
export interface ResponseHead extends Head {
  readonly _tag: "Response"
  readonly status: number
  readonly statusText: string
}

/** Returns the values of a field, in their order. */
export const valuesOf = (fields: Fields, name: string): ReadonlyArray<string> =>
  fields.filter(([other]) => other === name).map(([, value]) => value)

/** Returns the first value of a field. */
export const firstValueOf = (fields: Fields, name: string): string | undefined =>
  fields.find(([other]) => other === name)?.[1]

/** Returns the elements of all lines of a list field, in lower case. */
export const elementsOf = (fields: Fields, name: string): ReadonlyArray<string> =>
  valuesOf(fields, name).flatMap((value) => HttpSyntax.elementsOf(value.toLowerCase()))

/** Fields of which the first line counts, as with Node; the lines of others are joined. */
const singles = new Set(
  `age authorization content-length content-type etag expires from host if-modified-since if-unmodified-since
  last-modified location max-forwards proxy-authorization referer retry-after server user-agent`.split(/\s+/)
)

/** Returns the fields as a record, with the lines of one name joined. */
export const toRecord = (fields: Fields): Record<string, string> => {
  const record: Record<string, string> = Object.create(null)
  for (const [name, value] of fields) {
    const previous = record[name]
    if (previous === undefined) record[name] = value
    else if (!singles.has(name)) record[name] = `${previous}${name === "cookie" ? "; " : ", "}${value}`
  }
  return record
}

/** Parses a field line. */
export const parseField = (line: string): readonly [name: string, value: string] | HttpSyntaxError => {
  if (line.startsWith(" ") || line.startsWith("\t")) return refuse("ObsoleteFold", line)
  const colon = line.indexOf(":")
  const name = line.slice(0, Math.max(0, colon))
  const value = HttpSyntax.trim(line.slice(colon + 1))
  if (!HttpSyntax.isToken(name) || !HttpSyntax.isFieldValue(value)) return refuse("InvalidField", line)
  return [name.toLowerCase(), value]
}

const none: BodyLength = { _tag: "None" }
const chunked: BodyLength = { _tag: "Chunked" }
const untilEnd: BodyLength = { _tag: "UntilEnd" }

/** Returns the length that the fields give, if any. Two are refused, since two readers may take different ones. */
const givenLength = (fields: Fields, minorVersion: number): BodyLength | HttpSyntaxError | undefined => {
  const lengths = valuesOf(fields, "content-length")
  const codings = valuesOf(fields, "transfer-encoding")
  if (codings.length > 0) {
    if (lengths.length > 0) return refuse("AmbiguousLength", `${codings[0]}, ${lengths[0]}`)
    const all = codings.join(",").toLowerCase()
    if (all === "chunked") return minorVersion === 1 ? chunked : refuse("InvalidCoding", all)
    const list = all.split(",").map(HttpSyntax.trim)
    const isLast = list.indexOf("chunked") === list.length - 1
    return refuse(isLast && minorVersion === 1 && !list.includes("") ? "UnsupportedCoding" : "InvalidCoding", all)
  }
  const [length] = lengths
  if (length === undefined) return undefined
  if (lengths.length > 1) return refuse("AmbiguousLength", lengths.join(", "))
  const bytes = Number(length)
  if (!/^\d+$/.test(length) || !Number.isSafeInteger(bytes)) return refuse("InvalidLength", length)
  return bytes === 0 ? none : { _tag: "Fixed", bytes }
}

const keepsAlive = (fields: Fields, minorVersion: number) => {
  const options = elementsOf(fields, "connection")
  return !options.includes("close") && (minorVersion === 1 || options.includes("keep-alive"))
}

/** Returns the minor version of HTTP/1, or undefined for another version. */
const minorVersionOf = (version: string) => (version === "HTTP/1.1" ? 1 : version === "HTTP/1.0" ? 0 : undefined)

/** Parses a request line and fields. */
export const parseRequest = (line: string, fields: Fields): RequestHead | HttpSyntaxError => {
  const [, method = "", target = "", version = ""] = /^([^ ]+) ([^ ]+) (HTTP\/\d\.\d)$/.exec(line) ?? []
  // Methods are case-sensitive, and all that are registered have capitals: `get` must not be taken for `GET`.
  if (!HttpSyntax.isToken(method) || /[a-z]/.test(method)) return refuse("InvalidStartLine", line)
  const minorVersion = minorVersionOf(version)
  if (minorVersion === undefined) return refuse("UnsupportedVersion", version)
  if (!HttpSyntax.isTarget(method, target)) return refuse("InvalidTarget", target)
  const hosts = valuesOf(fields, "host")
  if (hosts.length > 1 || (hosts.length === 0 && minorVersion === 1)) return refuse("InvalidHost", hosts.length)
  if (hosts.length === 1 && !HttpSyntax.isHost(hosts[0]!)) return refuse("InvalidHost", hosts[0]!)
  const length = givenLength(fields, minorVersion)
  if (length instanceof Error) return length
  const keepAlive = keepsAlive(fields, minorVersion)
  return { _tag: "Request", method, target, minorVersion, fields, body: length ?? none, keepAlive }
}

/** Tests for a response without a body, whatever its fields say. */
const hasNoBody = (status: number, method: string) =>
  method === "HEAD" || status < 200 || status === 204 || status === 304 || (method === "CONNECT" && status < 300)

/** Parses a status line and fields, of a response to a request with the given method. */
export const parseResponse = (line: string, fields: Fields, method: string): ResponseHead | HttpSyntaxError => {
  const [, version = "", digits = "", text = ""] = /^(HTTP\/\d\.\d) ([1-5]\d\d)(?: (.*))?$/.exec(line) ?? []
  if (digits === "" || !HttpSyntax.isFieldValue(text)) return refuse("InvalidStartLine", line)
  const minorVersion = minorVersionOf(version)
  if (minorVersion === undefined) return refuse("UnsupportedVersion", version)
  const status = Number(digits)
  const given = givenLength(fields, minorVersion)
  if (given instanceof Error) return given
  const length = hasNoBody(status, method) ? none : (given ?? untilEnd)
  const keepAlive = length._tag !== "UntilEnd" && keepsAlive(fields, minorVersion)
  return { _tag: "Response", status, statusText: text, minorVersion, fields, body: length, keepAlive }
}
