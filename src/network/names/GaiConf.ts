/**
 * The file `/etc/gai.conf` of the GNU libc: labels, precedences and IPv4 scopes for the order of addresses.
 *
 * As in the libc, lines of one kind replace the whole table of their kind; the other tables stay.
 *
 * **Example** (Preferring IPv4)
 *
 * ```ts
 * import * as NetAddress from "effect/net/NetAddress"
 * import { AddressOrder, GaiConf } from "effect-inet/network"
 *
 * const ip = NetAddress.ipFromStringUnsafe
 * const { options } = GaiConf.parse("precedence ::ffff:0:0/96 100")
 * const sorted = AddressOrder.sort([
 *   { destination: ip("2001:db8::1"), source: ip("2001:db8::2") },
 *   { destination: ip("198.51.100.1"), source: ip("198.51.100.2") }
 * ], options)
 * sorted.map(({ destination }) => NetAddress.formatIp(destination)) // => ["198.51.100.1", "2001:db8::1"]
 * ```
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as IpNetwork from "effect/net/IpNetwork"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as RegularFile from "../files/RegularFile.ts"
import * as TerminalText from "../TerminalText.ts"
import * as AddressOrder from "./AddressOrder.ts"

/** A malformed line of the file. @category models @since 0.1.0 */
export interface SkippedLine {
  /** Line number, from 1. */
  readonly line: number
  readonly text: string
  readonly reason: string
}

/** The content of a file. @category models @since 0.1.0 */
export interface GaiConf {
  /** Options for `AddressOrder.sort`: only the tables that the file has lines for. */
  readonly options: AddressOrder.Options
  readonly skippedLines: ReadonlyArray<SkippedLine>
}

const maxValue = 0x7fff_ffff

const parseValue = (text: string | undefined): number | undefined =>
  /^\+?\d{1,10}$/.test(text ?? "") && Number(text) <= maxValue ? Number(text) : undefined

/** Parses `ADDRESS/BITS` as the network that has the address. The libc ignores a line without bits, too. */
const parsePrefix = (text: string): IpNetwork.IpNetwork | undefined => {
  const [, literal = "", bits] = /^([^/]*)\/\+?(\d{1,3})$/.exec(text) ?? []
  const ip = NetAddress.ipFromString(literal)
  return Result.isFailure(ip) ? undefined : Result.getOrUndefined(IpNetwork.fromAddress(ip.success, Number(bits)))
}

const parseIpv6Prefix = (text: string): string | undefined => {
  const network = parsePrefix(text)
  return network !== undefined && IpNetwork.isIpv6Network(network) ? IpNetwork.format(network) : undefined
}

/** Parses an IPv4 prefix, which may be written as an IPv4-mapped IPv6 prefix of at least 96 bits. */
const parseIpv4Prefix = (text: string): string | undefined => {
  const network = parsePrefix(text)
  if (network === undefined) return undefined
  if (IpNetwork.isIpv4Network(network)) return IpNetwork.format(network)
  const ipv4 = NetAddress.toCanonical(network.address)
  const bits = network.prefixLength - 96
  return bits >= 0 && NetAddress.isIpv4Address(ipv4) ? `${NetAddress.formatIp(ipv4)}/${bits}` : undefined
}

/** A line of the file. */
type Line =
  | { readonly kind: "label" | "precedence" | "scopev4"; readonly prefix: string; readonly value: number }
  | { readonly kind: "ignored" }

const parseLine = (words: ReadonlyArray<string>): Result.Result<Line, string> => {
  const [kind, first = "", second] = words
  if (kind === "reload") return Result.succeed({ kind: "ignored" })
  if (kind !== "label" && kind !== "precedence" && kind !== "scopev4") {
    return Result.fail("unknown keyword: write label, precedence, scopev4 or reload")
  }
  const prefix = kind === "scopev4" ? parseIpv4Prefix(first) : parseIpv6Prefix(first)
  const value = parseValue(second)
  if (prefix === undefined) {
    return Result.fail(
      kind === "scopev4"
        ? "invalid prefix: write an IPv4 network such as 169.254.0.0/16"
        : "invalid prefix: write an IPv6 network such as 2002::/16, and IPv4 as ::ffff:0:0/96"
    )
  }
  return value === undefined
    ? Result.fail(`invalid value: write a number from 0 to ${maxValue} after the prefix`)
    : Result.succeed({ kind, prefix, value })
}

/** Adds the row of all addresses that the libc adds to a table without it. */
const withDefault = <Row extends { readonly prefix: string }>(
  rows: ReadonlyArray<Row>,
  all: Row
): ReadonlyArray<Row> => (rows.some(({ prefix }) => prefix === all.prefix) ? rows : [...rows, all])

type Rows = ReadonlyArray<{ readonly prefix: string; readonly value: number }>

/** Returns the policy of which the file has labels, precedences, or both; undefined if it has neither. */
const policyOf = (labels: Rows, precedences: Rows): ReadonlyArray<AddressOrder.PolicyRow> | undefined => {
  if (labels.length === 0 && precedences.length === 0) return undefined
  const defaults = AddressOrder.rfc6724
  return [
    ...(labels.length === 0
      ? defaults.map(({ label, prefix }) => ({ prefix, label }))
      : withDefault(labels, { prefix: "::/0", value: 1 }).map(({ prefix, value }) => ({ prefix, label: value }))),
    ...(precedences.length === 0
      ? defaults.map(({ precedence, prefix }) => ({ prefix, precedence }))
      : withDefault(precedences, { prefix: "::/0", value: 40 }).map(({ prefix, value }) => ({
          prefix,
          precedence: value
        })))
  ]
}

/** Parses a file; malformed lines are skipped and returned. Never throws. @category decoding @since 0.1.0 */
export const parse = (text: string): GaiConf => {
  const rows = { label: [], precedence: [], scopev4: [] } as Record<
    "label" | "precedence" | "scopev4",
    Array<{ readonly prefix: string; readonly value: number }>
  >
  const skippedLines: Array<SkippedLine> = []
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const words = line.replace(/#.*/, "").trim().split(/\s+/)
    if (words[0] === "") continue
    const parsed = parseLine(words)
    if (Result.isFailure(parsed)) skippedLines.push({ line: index + 1, text: line, reason: parsed.failure })
    else if (parsed.success.kind !== "ignored") rows[parsed.success.kind].push(parsed.success)
  }
  const scopes = rows.scopev4.map(({ prefix, value }) => ({ prefix, scope: value }))
  return {
    options: {
      policy: policyOf(rows.label, rows.precedence),
      scopes: scopes.length === 0 ? undefined : withDefault(scopes, { prefix: "0.0.0.0/0", scope: 14 })
    },
    skippedLines
  }
}

/** Options of the layer. @category models @since 0.1.0 */
export interface Options {
  /** Path of the file. Default `/etc/gai.conf`. */
  readonly path?: string | undefined
}

/**
 * Reads the file, a regular file of at most 64 MiB. Without one the options are empty. Any other file and each
 * malformed line are logged as warnings.
 *
 * @category constructors
 * @since 0.1.0
 */
export const read = Effect.fnUntraced(function* (options: Options = {}) {
  const { path = "/etc/gai.conf" } = options
  const text = yield* Effect.catch(RegularFile.readText(path, RegularFile.systemFileBytes), ({ message, reason }) =>
    Effect.as(
      reason === "NotFound" ? Effect.void : Effect.logWarning(`${path}: ${message}; using the order of RFC 6724`),
      ""
    )
  )
  const parsed = parse(text)
  for (const { line, reason, text } of parsed.skippedLines) {
    yield* Effect.logWarning(`${path}:${line}: ${reason}; skipped ${TerminalText.escape(JSON.stringify(text))}`)
  }
  return parsed.options
})

/**
 * Makes `AddressInfo` sort by the file, which is read when the first addresses are sorted, and only once.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Options): Layer.Layer<never, never, FileSystem.FileSystem> =>
  Layer.effect(
    AddressOrder.CurrentOptions,
    Effect.flatMap(Effect.context<FileSystem.FileSystem>(), (context) =>
      Effect.cached(Effect.provideContext(read(options), context))
    )
  )
