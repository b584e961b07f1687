/**
 * The check of the `Host` and `Origin` of a request, against pages of other sites in the same browser. Pure.
 *
 * A site may let its own name resolve to 127.0.0.1 (DNS rebinding): its page then reads this server as its own. So a
 * name in `Host` must be `localhost` or one that the operator allows; an IP literal needs no resolution. A WebSocket is
 * not bound to an origin by the browser, so its `Origin` must be this server's.
 *
 * **Example** (A page of another site)
 *
 * ```ts
 * import { HostCheck } from "effect-inet/web"
 *
 * HostCheck.isHostAllowed("127.0.0.1:8066") // => true
 * HostCheck.isHostAllowed("rebound.example:8066") // => false
 * HostCheck.isOriginAllowed({ host: "localhost:8066", origin: "http://localhost:8066" }) // => true
 * HostCheck.isOriginAllowed({ host: "localhost:8066", origin: "https://other.example" }) // => false
 * ```
 */
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"

/** Headers of a request that are checked. @category models @since 0.1.0 */
export interface CheckedHeaders {
  readonly host?: string | undefined
  readonly origin?: string | undefined
  /** The header `sec-fetch-site`, which a browser sends and a page cannot change. */
  readonly site?: string | undefined
}

/** A name or an IP literal, and a port: no user, no path, no white space. */
const hostPattern = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)\.?)(?::(\d{1,5}))?$/

const originPattern = /^https?:\/\/([^/?#@\s]+)$/

/** Largest name of a host, with its port. */
const maxHostChars = 261

const isIp = (literal: string) => Result.isSuccess(NetAddress.ipFromString(literal))

/** Splits a host; undefined if it is not one. An IPv6 literal is without its brackets. */
const parse = (host: string | undefined) => {
  if (host === undefined || host.length > maxHostChars) return undefined
  const [, literal, name, port = ""] = hostPattern.exec(host.toLowerCase()) ?? []
  if (literal !== undefined) return isIp(literal) ? { name: literal, isLiteral: true, port } : undefined
  return name === undefined ? undefined : { name, isLiteral: isIp(name), port }
}

const isNamed = (name: string, names: ReadonlyArray<string>) => names.some((allowed) => allowed.toLowerCase() === name)

/**
 * Tests if the page may be served under a `Host`: an IP literal, `localhost`, or one of `names`, with any port.
 *
 * @category guards
 * @since 0.1.0
 */
export const isHostAllowed = (host: string | undefined, names: ReadonlyArray<string> = []): boolean => {
  const parsed = parse(host)
  if (parsed === undefined) return false
  return parsed.isLiteral || parsed.name === "localhost" || isNamed(parsed.name, names)
}

/**
 * Tests if a request comes from this page, from a host of `names`, or from a program that is not a browser.
 *
 * @category guards
 * @since 0.1.0
 */
export const isOriginAllowed = ({ host, origin, site }: CheckedHeaders, names: ReadonlyArray<string> = []): boolean => {
  const parsedHost = parse(host)
  if (parsedHost === undefined) return false
  // A program that is not a browser sends no origin; a browser sends one for each WebSocket.
  if (origin === undefined) return site === undefined || site === "same-origin" || site === "none"
  const parsedOrigin = parse(originPattern.exec(origin.toLowerCase())?.[1])
  if (parsedOrigin === undefined) return false
  const isSame = parsedOrigin.name === parsedHost.name && parsedOrigin.port === parsedHost.port
  return isSame || isNamed(parsedOrigin.name, names)
}
