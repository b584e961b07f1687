/**
 * URLs of files: `tftp://host[:port]/path[;mode=octet|netascii]` (RFC 3617, extended by a port). Pure.
 *
 * The slash after the host is not part of the path: `tftp://host/a/b` is the file `a/b`, `tftp://host//a/b` is `/a/b`.
 *
 * **Example** (Parse a URL)
 *
 * ```ts
 * import * as Result from "effect/Result"
 * import { Url } from "effect-inet/tftp"
 *
 * const url = Result.getOrThrow(Url.parse("tftp://[fe80::1%25eth0]:6969/boot/x;mode=netascii"))
 * url // => { host: "fe80::1%eth0", port: 6969, path: "boot/x", mode: "netascii" }
 * Url.format({ ...url, host: "192.0.2.1", port: 69 }) // => "tftp://192.0.2.1/boot/x;mode=netascii"
 * ```
 */
import * as Data from "effect/Data"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as NameText from "./NameText.ts"
import type { Mode } from "./Packet.ts"

/** A file of a server, and the mode of its transfer. @category models @since 0.1.0 */
export interface Url {
  /** A host name or an IP literal, without brackets; an IPv6 zone is kept: `fe80::1%eth0`. */
  readonly host: string
  /** The UDP port, 1 to 65,535. */
  readonly port: number
  /** The file name as sent to the server, as text of `NameText`; never empty. */
  readonly path: string
  readonly mode: Mode
}

/** The port of a URL without one. @category constants @since 0.1.0 */
export const defaultPort = 69

const problems = {
  InvalidScheme: "must be tftp://HOST/FILE",
  InvalidHost: "the host must be a name, an IPv4 address, or an IPv6 address in brackets",
  InvalidPort: "the port must be a number from 1 to 65535",
  InvalidPath: "the path must be a file name without control characters; write ? as %3F, # as %23 and % as %25",
  InvalidMode: "the mode must be octet or netascii"
}

/** A text that is not a TFTP URL. @category errors @since 0.1.0 */
export class UrlError extends Data.TaggedError("UrlError")<{
  readonly reason: keyof typeof problems
  readonly url: string
}> {
  override get message(): string {
    return `invalid URL ${NameText.escape(this.url)}: ${problems[this.reason]}`
  }
}

const isIpv6 = (literal: string) => literal.includes(":") && Result.isSuccess(NetAddress.ipFromString(literal))

/** Returns the host without brackets; undefined if it is invalid. */
const hostOf = (text: string): string | undefined => {
  const [, address, zone = ""] = /^\[([\dA-Fa-f:.]+)(?:%(?:25)?([\w.~-]+))?\]$/.exec(text) ?? []
  if (address !== undefined) return isIpv6(address) ? `${address}${zone && `%${zone}`}` : undefined
  return /^[\p{L}\p{N}_-]+(?:\.[\p{L}\p{N}_-]+)*\.?$/u.test(text) ? text : undefined
}

/** Returns the decoded path; undefined if it is not a file name. */
const pathOf = (text: string): string | undefined => {
  if (text === "" || /[?#]/.test(text)) return undefined
  const path = NameText.fromUrlPath(text)
  return path === undefined || /\p{Cc}/u.test(path) ? undefined : path
}

const modeOf = (text: string): Mode | undefined => {
  const mode = text.toLowerCase()
  return mode === "octet" || mode === "netascii" ? mode : undefined
}

/**
 * Parses a URL; percent escapes are bytes of the name, such as `%C3%A9` in UTF-8 or `%E9` in Latin-1. The default port
 * is 69, the default mode octet.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (url: string): Result.Result<Url, UrlError> => {
  const fail = (reason: UrlError["reason"]) => Result.fail(new UrlError({ reason, url }))
  const [, authority, rest = ""] = /^tftp:\/\/([^/?#]*)(?:\/(.*))?$/isu.exec(url) ?? []
  if (authority === undefined) return fail("InvalidScheme")
  const [, name = "", digits] = /^(\[.*\]|[^:]*)(?::(.*))?$/su.exec(authority) ?? []
  const host = hostOf(name)
  if (host === undefined) return fail("InvalidHost")
  const port = digits === undefined ? defaultPort : /^\d{1,5}$/.test(digits) ? Number(digits) : 0
  if (port < 1 || port > 0xffff) return fail("InvalidPort")
  const [, file = rest, asked = "octet"] = /^(.*);mode=(.*)$/isu.exec(rest) ?? []
  const mode = modeOf(asked)
  if (mode === undefined) return fail("InvalidMode")
  const path = pathOf(file)
  return path === undefined ? fail("InvalidPath") : Result.succeed({ host, port, path, mode })
}

/**
 * Formats a URL that `parse` reads as the same; port 69 and mode octet are omitted. Lone surrogates that stand for no
 * byte are replaced by U+FFFD.
 *
 * @category formatting
 * @since 0.1.0
 */
export const format = ({ host, mode, path, port }: Url): string => {
  const name = host.includes(":") ? `[${host.replace("%", "%25")}]` : host
  const file = `${NameText.toUrlPath(path)}${mode === "octet" ? "" : `;mode=${mode}`}`
  return `tftp://${name}${port === defaultPort ? "" : `:${port}`}/${file}`
}
