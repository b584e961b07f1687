/** Encoder of heads and chunks of HTTP/1.1 messages. */
import type { Fields } from "./HttpHead.ts"
import * as HttpSyntax from "./HttpSyntax.ts"

/** Returns the name of the first field that cannot be sent, or undefined. */
export const findInvalidField = (fields: Fields): string | undefined =>
  fields.find(([name, value]) => !HttpSyntax.isToken(name) || !HttpSyntax.isFieldValue(value))?.[0]

const head = (firstLine: string, fields: Fields) => {
  let text = `${firstLine}\r\n`
  for (const [name, value] of fields) text += `${name}: ${value}\r\n`
  return HttpSyntax.encodeLatin1(`${text}\r\n`)
}

/** Encodes the head of a request. Its fields must be valid. */
export const requestHead = (method: string, target: string, fields: Fields): Uint8Array =>
  head(`${method} ${target} HTTP/1.1`, fields)

/** Reason phrases of RFC 9110, section 15, and of later RFCs. */
const phrases: Readonly<Record<number, string>> = {
  ...{ 100: "Continue", 101: "Switching Protocols", 103: "Early Hints" },
  ...{ 200: "OK", 201: "Created", 202: "Accepted", 203: "Non-Authoritative Information", 204: "No Content" },
  ...{ 205: "Reset Content", 206: "Partial Content", 300: "Multiple Choices", 301: "Moved Permanently" },
  ...{ 302: "Found", 303: "See Other", 304: "Not Modified", 307: "Temporary Redirect", 308: "Permanent Redirect" },
  ...{ 400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found" },
  ...{ 405: "Method Not Allowed", 406: "Not Acceptable", 408: "Request Timeout", 409: "Conflict", 410: "Gone" },
  ...{ 411: "Length Required", 412: "Precondition Failed", 413: "Content Too Large", 414: "URI Too Long" },
  ...{ 415: "Unsupported Media Type", 416: "Range Not Satisfiable", 417: "Expectation Failed" },
  ...{ 421: "Misdirected Request", 422: "Unprocessable Content", 425: "Too Early", 426: "Upgrade Required" },
  ...{ 428: "Precondition Required", 429: "Too Many Requests", 431: "Request Header Fields Too Large" },
  ...{ 500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable" },
  ...{ 504: "Gateway Timeout", 505: "HTTP Version Not Supported" }
}

/** Encodes the head of a response. Its fields must be valid. */
export const responseHead = (status: number, statusText: string | undefined, fields: Fields): Uint8Array =>
  head(`HTTP/1.1 ${status} ${statusText ?? phrases[status] ?? "Unknown"}`, fields)

/** Joins two pieces into one. */
export const join = (one: Uint8Array, other: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(one.length + other.length)
  bytes.set(one)
  bytes.set(other, one.length)
  return bytes
}

/** Encodes a chunk; none for no bytes, since an empty chunk ends the body. */
export const chunk = (data: Uint8Array): Uint8Array => {
  if (data.length === 0) return data
  const size = HttpSyntax.encodeLatin1(`${data.length.toString(16)}\r\n`)
  const bytes = new Uint8Array(size.length + data.length + 2)
  bytes.set(size)
  bytes.set(data, size.length)
  bytes.set([13, 10], size.length + data.length)
  return bytes
}

/** Returns the end of a chunked body without trailers. */
export const lastChunk = (): Uint8Array => HttpSyntax.encodeLatin1("0\r\n\r\n")
