/**
 * Addresses of files: `tftp://host[:port]/path[;mode=octet|netascii]` (RFC 3617, with a port added). Pure.
 *
 * The slash after the host parts it from the path: `tftp://host/a/b` is the file `a/b`, `tftp://host//a/b` is `/a/b`.
 */
import * as Data from "effect/Data"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as TerminalText from "../../network/TerminalText.ts"
import type { Mode } from "./Packet.ts"

/** Where a file is, and how it is to travel. @category models @since 0.1.0 */
export interface Url {
  /** A name or an IP literal, without brackets; an IPv6 zone stays: `fe80::1%eth0`. */
  readonly host: string
  /** 1 to 65,535. */
  readonly port: number
  /** The file name as the server gets it, never empty. */
  readonly path: string
  readonly mode: Mode
}

/** The port of a URL that names none. @category constants @since 0.1.0 */
export const defaultPort = 69

const problems = {
  BadScheme: "write tftp://HOST/FILE",
  BadHost: "the host must be a name, an IPv4 address, or an IPv6 address in brackets",
  BadPort: "the port must be a number from 1 to 65535",
  BadPath: "the file must be named, in UTF-8 without control characters; write ? as %3F, # as %23 and % as %25",
  BadMode: "the mode must be octet or netascii"
}

/** A text that is no address of a file. @category errors @since 0.1.0 */
export class UrlError extends Data.TaggedError("UrlError")<{
  readonly reason: keyof typeof problems
  readonly url: string
}> {
  override get message(): string {
    return `${TerminalText.escape(this.url)}: ${problems[this.reason]}`
  }
}

const isIpv6 = (literal: string) => literal.includes(":") && Result.isSuccess(NetAddress.ipFromString(literal))

/** Without brackets; undefined if that is no host. */
const hostOf = (text: string): string | undefined => {
  const [, address, zone = ""] = /^\[([\dA-Fa-f:.]+)(?:%(?:25)?([\w.~-]+))?\]$/.exec(text) ?? []
  if (address !== undefined) return isIpv6(address) ? `${address}${zone && `%${zone}`}` : undefined
  return /^[\p{L}\p{N}_-]+(?:\.[\p{L}\p{N}_-]+)*\.?$/u.test(text) ? text : undefined
}

/** Undefined if that names no file. */
const pathOf = (text: string): string | undefined => {
  if (text === "" || /[?#]/.test(text)) return undefined
  const path = Result.getOrUndefined(Result.try(() => decodeURIComponent(text)))
  return path === undefined || /\p{Cc}/u.test(path) || !path.isWellFormed() ? undefined : path
}

const modeOf = (text: string): Mode | undefined => {
  const mode = text.toLowerCase()
  return mode === "octet" || mode === "netascii" ? mode : undefined
}

/**
 * Reads a URL; escapes are those of UTF-8. Without a port it is 69, without a mode octet.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (url: string): Result.Result<Url, UrlError> => {
  const fail = (reason: UrlError["reason"]) => Result.fail(new UrlError({ reason, url }))
  const [, authority, rest = ""] = /^tftp:\/\/([^/?#]*)(?:\/(.*))?$/isu.exec(url) ?? []
  if (authority === undefined) return fail("BadScheme")
  const [, name = "", digits] = /^(\[.*\]|[^:]*)(?::(.*))?$/su.exec(authority) ?? []
  const host = hostOf(name)
  if (host === undefined) return fail("BadHost")
  const port = digits === undefined ? defaultPort : /^\d{1,5}$/.test(digits) ? Number(digits) : 0
  if (port < 1 || port > 0xffff) return fail("BadPort")
  const [, file = rest, asked = "octet"] = /^(.*);mode=(.*)$/isu.exec(rest) ?? []
  const mode = modeOf(asked)
  if (mode === undefined) return fail("BadMode")
  const path = pathOf(file)
  return path === undefined ? fail("BadPath") : Result.succeed({ host, port, path, mode })
}

/**
 * Writes a URL that `parse` reads as the same; port 69 and mode octet are left out. What UTF-8 cannot hold becomes
 * U+FFFD.
 *
 * @category formatting
 * @since 0.1.0
 */
export const format = ({ host, mode, path, port }: Url): string => {
  const name = host.includes(":") ? `[${host.replace("%", "%25")}]` : host
  const escaped = encodeURIComponent(path.toWellFormed()).replaceAll("%2F", "/")
  return `tftp://${name}${port === defaultPort ? "" : `:${port}`}/${escaped}${mode === "octet" ? "" : `;mode=${mode}`}`
}
