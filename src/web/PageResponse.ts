/**
 * The responses of the page to requests of HTTP: which request gets which, and the headers that protect the page. Pure.
 *
 * | request | response |
 * | --- | --- |
 * | `GET` or `HEAD` of a path of an asset | the asset; brotli if the browser takes it, 304 if it has it |
 * | `GET /rpc` with `Upgrade: websocket` | the WebSocket of effect/rpc |
 * | another `Host` | 421 |
 * | another `Origin` for `/rpc` | 403 |
 * | another method, a body, another path | 405, 413, 404 |
 */
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type { Asset } from "./assets/PageAssets.ts"
import * as HostCheck from "./HostCheck.ts"

/** Path of the WebSocket. */
const rpcPath = "/rpc"

/** Sources of all that a browser loads: scripts and styles are files of the page, and nothing else is loaded. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'"
].join("; ")

/** Headers of all responses. */
export const securityHeaders = {
  "content-security-policy": contentSecurityPolicy,
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff"
} as const

/** A request, as far as its response depends on it. */
export interface PageRequest {
  readonly method: string
  /** Path and query. */
  readonly url: string
  readonly headers: Readonly<Record<string, string | undefined>>
}

/** A refusal: a status and one line for the user. */
export interface Refusal {
  readonly status: number
  readonly message: string
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** The header that was refused, as a mistake of the operator or the attempt of another site. */
  readonly header?: { readonly name: "host" | "origin"; readonly value: string } | undefined
}

/** The handling of a request. */
export type Route =
  | { readonly _tag: "Refused"; readonly refusal: Refusal }
  | { readonly _tag: "Rpc" }
  | { readonly _tag: "Asset"; readonly path: string }

const refused = (status: number, message: string, members: Pick<Refusal, "header" | "headers"> = {}): Route => ({
  _tag: "Refused",
  refusal: { status, message, ...members }
})

const wrongHost =
  "the page is not served under this host name; open it by its IP address, or allow the name by --page-host"

const pathOf = (url: string): string => url.replace(/[?#].*$/s, "")

/** Tests for the URL of the WebSocket. */
export const isRpc = (url: string): boolean => pathOf(url) === rpcPath

/** Tests for a body, which no request of the page has. */
const hasBody = (headers: PageRequest["headers"]) =>
  headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0"

/** Returns the handling of a request. `names` are the further names of this server. */
export const route = ({ headers, method, url }: PageRequest, names: ReadonlyArray<string> = []): Route => {
  if (!HostCheck.isHostAllowed(headers.host, names)) {
    return refused(421, wrongHost, { header: { name: "host", value: headers.host ?? "" } })
  }
  if (method !== "GET" && method !== "HEAD") {
    return refused(405, "the page takes GET and HEAD", { headers: { allow: "GET, HEAD" } })
  }
  if (hasBody(headers)) return refused(413, "the page takes no body", { headers: { connection: "close" } })
  if (!isRpc(url)) return { _tag: "Asset", path: pathOf(url) }
  const checked = { host: headers.host, origin: headers.origin, site: headers["sec-fetch-site"] }
  if (!HostCheck.isOriginAllowed(checked, names)) {
    const value = headers.origin ?? ""
    return refused(403, "only the page itself may connect", { header: { name: "origin", value } })
  }
  if (method !== "GET" || headers.upgrade?.toLowerCase() !== "websocket") {
    const wanted = { connection: "upgrade", upgrade: "websocket" }
    return refused(426, "this path takes WebSockets", { headers: wanted })
  }
  return { _tag: "Rpc" }
}

/** Builds the response to a refused request. */
export const refuse = ({ headers, message, status }: Refusal): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(`${message}\n`, {
    status,
    headers: { ...securityHeaders, "cache-control": "no-store", ...headers }
  })

/** The refusal of a path without an asset. */
export const notFound: Refusal = { status: 404, message: "the page has no file of this name" }

/** Tests if a browser takes brotli. */
const takesBrotli = (accepted: string | undefined) =>
  (accepted ?? "").split(",").some((coding) => {
    const [name, ...parameters] = coding.split(";").map((part) => part.trim().toLowerCase())
    return name === "br" && !parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter))
  })

/** Tests if a browser has an entity tag already (RFC 9110, section 13.1.2): the comparison is weak. */
const hasTag = (condition: string | undefined, etag: string) =>
  (condition ?? "").split(",").some((tag) => tag.trim() === "*" || tag.trim().replace(/^W\//, "") === etag)

/** Builds the response with an asset. Responses with and without compression have different entity tags. */
export const asset = (
  { brotli, bytes, etag: plainTag, isImmutable, type }: Asset,
  { headers: given }: Pick<PageRequest, "headers">
): HttpServerResponse.HttpServerResponse => {
  const compressed = takesBrotli(given["accept-encoding"]) ? brotli : undefined
  const etag = compressed === undefined ? plainTag : plainTag.replace(/"$/, '-br"')
  const headers = {
    ...securityHeaders,
    "cache-control": isImmutable ? "public, max-age=31536000, immutable" : "no-cache",
    etag,
    ...(brotli === undefined ? {} : { vary: "accept-encoding" })
  }
  if (hasTag(given["if-none-match"], etag)) return HttpServerResponse.empty({ status: 304, headers })
  return HttpServerResponse.uint8Array(compressed ?? bytes, {
    contentType: type,
    headers: compressed === undefined ? headers : { ...headers, "content-encoding": "br" }
  })
}
