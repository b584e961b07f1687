/**
 * Negotiation of options (RFC 2347): blksize (RFC 2348), timeout and tsize (RFC 2349), windowsize (RFC 7440), and the
 * options utimeout and rollover of tftp-hpa. Pure.
 *
 * Names are case-insensitive. A value has at most 20 decimal digits. If an option occurs twice, the first is used.
 *
 * **Example** (Answer the options of a request)
 *
 * ```ts
 * import { Negotiation } from "effect-inet/tftp"
 *
 * const policy = { blksize: 65_464, windowsize: 16, mtu: 1_500, family: "IPv4" } as const
 * const requested = [["blksize", "8192"], ["windowsize", "64"], ["tsize", "0"], ["multicast", ""]] as const
 * const { agreed, reply } = Negotiation.negotiate(requested, policy, { kind: "RRQ", mode: "octet", size: 100_000 })
 * reply // => [["blksize", "1468"], ["windowsize", "16"], ["tsize", "100000"]]
 * agreed.timeoutMillis // => undefined
 * ```
 */
import * as Data from "effect/Data"
import * as Result from "effect/Result"
import * as TerminalText from "../../network/TerminalText.ts"
import type { Mode, Option } from "./Packet.ts"
import { ErrorCode } from "./Packet.ts"

/** The parameters of a transfer that both ends agreed on. @category models @since 0.1.0 */
export interface Agreed {
  /** Bytes of a block: 8 to 65,464. */
  readonly blksize: number
  /** Blocks per ACK: 1 to 32,767, so that old and new block numbers can be distinguished. */
  readonly windowsize: number
  /** The block number that follows 65,535. */
  readonly rollover: 0 | 1
  /** The retransmission timeout in milliseconds; undefined if none was agreed on. */
  readonly timeoutMillis: number | undefined
  /** The size of the file in bytes; undefined if the sender did not announce it. */
  readonly tsize: number | undefined
}

/** The parameters without options (RFC 1350). @category constants @since 0.1.0 */
export const defaults: Agreed = { blksize: 512, windowsize: 1, rollover: 0, timeoutMillis: undefined, tsize: undefined }

/** The limits of a server. @category models @since 0.1.0 */
export interface Policy {
  /** The largest block granted, in bytes: 8 to 65,464. */
  readonly blksize: number
  /** The largest window granted, in blocks: from 1; a value above 32,767 is 32,767. */
  readonly windowsize: number
  /** The MTU of the link, in bytes: each block with its headers fits into one packet. Undefined for no limit. */
  readonly mtu: number | undefined
  /** The address family of the client: the IPv6 header is 20 bytes larger. */
  readonly family: "IPv4" | "IPv6"
  /** Bytes of the socket buffer: the window of an upload is granted only as far as it fits. Default: no such limit. */
  readonly receiveBuffer?: number | undefined
  /** The names of options that are ignored as if the server did not know them, in lower case. Default: none. */
  readonly refuse?: ReadonlyArray<string> | undefined
}

/** The properties of a request that affect the reply to its options. @category models @since 0.1.0 */
export interface RequestInfo {
  readonly kind: "RRQ" | "WRQ"
  readonly mode: Mode
  /** The size of the requested file in bytes, if known. */
  readonly size: number | undefined
}

/**
 * Returns the bytes of a socket buffer that a window fills. Linux accounts for the memory of a datagram: the power of
 * two that holds it and about 400 bytes more, and 256 bytes of bookkeeping.
 *
 * @category combinators
 * @since 0.1.0
 */
export const bufferedBytes = ({ blksize, windowsize }: Pick<Agreed, "blksize" | "windowsize">): number =>
  windowsize * (256 + 2 ** Math.ceil(Math.log2(blksize + 400)))

/**
 * Returns the number of blocks that a socket buffer holds, at least 1. A larger window loses its end whenever the
 * receiver is busy.
 *
 * @category combinators
 * @since 0.1.0
 */
export const maxBufferedBlocks = (buffer: number, blksize: number): number =>
  Math.max(1, Math.floor(buffer / bufferedBytes({ blksize, windowsize: 1 })))

/**
 * Returns the size of the socket buffer to request, in bytes: two windows, but 256 KiB to 4 MiB. The kernel may grant
 * less.
 *
 * @category combinators
 * @since 0.1.0
 */
export const receiveBufferBytes = ({ blksize, windowsize }: Pick<Agreed, "blksize" | "windowsize">): number =>
  Math.min(4 << 20, Math.max(1 << 18, 2 * windowsize * (blksize + 4)))

/** The reply of a server to options. @category models @since 0.1.0 */
export interface Negotiated {
  readonly agreed: Agreed
  /** The options of the OACK; if empty, no OACK is sent. */
  readonly reply: ReadonlyArray<Option>
}

const minBlksizeBytes = 8

const maxValues = {
  blksize: 65_464,
  windowsize: 32_767,
  timeout: 255,
  utimeout: 255_000_000,
  tsize: Number.MAX_SAFE_INTEGER,
  rollover: 1
}

type Name = keyof typeof maxValues

const minValues: Readonly<Record<Name, number>> = {
  blksize: minBlksizeBytes,
  windowsize: 1,
  timeout: 1,
  utimeout: 10_000,
  tsize: 0,
  rollover: 0
}

/** The bytes of the IP, UDP and TFTP headers before a block. */
const headerBytes = { IPv4: 20 + 8 + 4, IPv6: 40 + 8 + 4 }

const isName = (name: string): name is Name => Object.hasOwn(maxValues, name)

const clamp = (name: Name, value: number): number => Math.min(Math.max(value, minValues[name]), maxValues[name])

/** Parses a value; undefined if it is invalid. A blksize or windowsize may be too large: the server reduces it. */
const parseValue = (name: Name, text: string): number | undefined => {
  if (!/^\d{1,20}$/.test(text)) return undefined
  const value = Number(text)
  if (value < minValues[name]) return undefined
  if (name === "blksize" || name === "windowsize") return value
  return value > maxValues[name] ? undefined : value
}

/** Tests if a server ignores an option, whatever the case of its name. @category guards @since 0.1.0 */
export const isRefused = ({ refuse = [] }: Pick<Policy, "refuse">, [name]: Option): boolean =>
  refuse.includes(name.toLowerCase())

/** Returns the known options that are not refused, by name; the first of each. */
const knownOptions = (options: ReadonlyArray<Option>, policy: Policy): ReadonlyMap<Name, Option> => {
  const found = new Map<Name, Option>()
  for (const option of options) {
    const name = option[0].toLowerCase()
    if (isName(name) && !found.has(name) && !isRefused(policy, option)) found.set(name, option)
  }
  return found
}

type Writable = { -readonly [K in keyof Agreed]: Agreed[K] }

const grantBlksize = (option: Option | undefined, policy: Policy): number => {
  const value = option && parseValue("blksize", option[1])
  const mtuLimit = policy.mtu === undefined ? maxValues.blksize : policy.mtu - headerBytes[policy.family]
  return value === undefined ? defaults.blksize : clamp("blksize", Math.min(value, policy.blksize, mtuLimit))
}

/** Grants an option: updates `agreed` and returns the value for the reply; undefined omits the option. */
const grant = (name: Name, value: number, policy: Policy, info: RequestInfo, agreed: Writable): number | undefined => {
  switch (name) {
    case "blksize":
      return agreed.blksize
    case "windowsize": {
      const { receiveBuffer } = policy
      const isLimited = info.kind === "WRQ" && receiveBuffer !== undefined
      const bufferLimit = isLimited ? maxBufferedBlocks(receiveBuffer, agreed.blksize) : maxValues.windowsize
      agreed.windowsize = clamp("windowsize", Math.min(value, policy.windowsize, bufferLimit))
      return agreed.windowsize
    }
    case "timeout":
    case "utimeout":
      // Both options set the same timeout: only the first is confirmed.
      if (agreed.timeoutMillis !== undefined) return undefined
      agreed.timeoutMillis = name === "timeout" ? value * 1_000 : value / 1_000
      return value
    case "rollover":
      agreed.rollover = value === 0 ? 0 : 1
      return value
    case "tsize": {
      const size = info.kind === "WRQ" ? value : info.size
      // A file in netascii has another size; a tsize of 0 makes curl fail.
      if (info.mode === "octet") agreed.tsize = size
      return info.kind === "RRQ" && (info.mode === "netascii" || size === 0) ? undefined : size
    }
  }
}

/**
 * Negotiates the options of a request. All known and valid options are granted, reduced to the limits of the policy, in
 * the order and spelling of the request. Others are ignored (RFC 2347). Never refuses.
 *
 * The tsize of an upload in netascii is confirmed, but is not part of the agreed parameters: it may be the size before
 * or after encoding.
 *
 * @category combinators
 * @since 0.1.0
 */
export const negotiate = (requested: ReadonlyArray<Option>, policy: Policy, info: RequestInfo): Negotiated => {
  const known = knownOptions(requested, policy)
  // The window depends on the block size, in whatever order they are requested.
  const agreed: Writable = { ...defaults, blksize: grantBlksize(known.get("blksize"), policy) }
  const reply: Array<Option> = []
  for (const [name, [spelling, text]] of known) {
    const value = parseValue(name, text)
    const granted = value === undefined ? undefined : grant(name, value, policy, info, agreed)
    if (granted !== undefined) reply.push([spelling, `${granted}`])
  }
  return { agreed, reply }
}

/** The options that a client requests; undefined ones are not requested. @category models @since 0.1.0 */
export interface Wanted {
  /** Bytes of a block: 8 to 65,464. */
  readonly blksize?: number | undefined
  /** Blocks per ACK: 1 to 32,767. */
  readonly windowsize?: number | undefined
  /** The retransmission timeout of the server, in milliseconds: 10 to 255,000. */
  readonly timeoutMillis?: number | undefined
  /** The size of an upload in bytes; 0 to request the size of a download. */
  readonly tsize?: number | undefined
  /** The block number that follows 65,535. */
  readonly rollover?: 0 | 1 | undefined
}

/**
 * Returns the options of a request, each clamped to its range. A timeout in whole seconds is requested as `timeout`,
 * any other as `utimeout`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const requestOptions = (wanted: Wanted): ReadonlyArray<Option> => {
  const micros =
    wanted.timeoutMillis === undefined ? undefined : clamp("utimeout", Math.round(wanted.timeoutMillis * 1_000))
  const isWhole = micros !== undefined && micros % 1_000_000 === 0
  const pairs: ReadonlyArray<readonly [Name, number | undefined]> = [
    ["tsize", wanted.tsize],
    ["blksize", wanted.blksize],
    isWhole ? ["timeout", micros / 1_000_000] : ["utimeout", micros],
    ["windowsize", wanted.windowsize],
    ["rollover", wanted.rollover]
  ]
  return pairs.flatMap(([name, value]) => (value === undefined ? [] : [[name, `${clamp(name, Math.trunc(value))}`]]))
}

const problems = {
  Unrequested: "was not requested",
  Invalid: "has an invalid value",
  TooLarge: "is larger than requested",
  Changed: "differs from the request"
}

/** An option in a server's OACK that cannot be accepted. @category errors @since 0.1.0 */
export class OptionsError extends Data.TaggedError("OptionsError")<{
  readonly reason: keyof typeof problems
  /** The option as in the OACK. */
  readonly option: Option
  /** The requested option, such as `blksize=1428`; undefined if it was not requested. */
  readonly requested: string | undefined
}> {
  /** The code of the ERROR to reply with. */
  get code(): number {
    return ErrorCode.BadOptions
  }
  /** A message that is safe to print, and to send to the server. */
  override get message(): string {
    const requested = this.requested === undefined ? "" : ` (requested ${this.requested})`
    return `invalid OACK: option ${TerminalText.escape(this.option.join("="))} ${problems[this.reason]}${requested}`
  }
}

/** Returns the problem of a confirmed value; undefined if it is acceptable. */
const problemOf = (name: Name, requested: number, text: string): OptionsError["reason"] | undefined => {
  const value = parseValue(name, text)
  if (value === undefined) return "Invalid"
  if (name === "blksize" || name === "windowsize") return value > requested ? "TooLarge" : undefined
  // Some servers count the bytes of an upload with too few bits; the client knows the size.
  return name === "tsize" || value === requested ? undefined : "Changed"
}

const agreedFrom = (confirmed: ReadonlyMap<Name, number>, { tsize: ours }: Wanted): Agreed => {
  const seconds = confirmed.get("timeout")
  const micros = confirmed.get("utimeout")
  // If the client requested the size, 0 is the echo of a server that does not know it.
  const tsize = confirmed.has("tsize") ? ours || confirmed.get("tsize") || undefined : undefined
  return {
    blksize: confirmed.get("blksize") ?? defaults.blksize,
    windowsize: confirmed.get("windowsize") ?? defaults.windowsize,
    rollover: confirmed.get("rollover") === 1 ? 1 : defaults.rollover,
    timeoutMillis: seconds !== undefined ? seconds * 1_000 : micros !== undefined ? micros / 1_000 : undefined,
    tsize
  }
}

/**
 * Validates a server's OACK. A missing option has its default. Fails for an option that was not requested, a larger
 * blksize or windowsize, another timeout or rollover, and invalid values (RFC 2347; RFC 2348; RFC 7440, section 3).
 *
 * @category combinators
 * @since 0.1.0
 */
export const accept = (wanted: Wanted, reply: ReadonlyArray<Option>): Result.Result<Agreed, OptionsError> => {
  const requested = new Map(requestOptions(wanted))
  const confirmed = new Map<Name, number>()
  for (const option of reply) {
    const name = option[0].toLowerCase()
    const requestedValue = requested.get(name)
    const reason =
      requestedValue === undefined || !isName(name) ? "Unrequested" : problemOf(name, Number(requestedValue), option[1])
    if (reason !== undefined) {
      return Result.fail(new OptionsError({ reason, option, requested: requestedValue && `${name}=${requestedValue}` }))
    }
    if (isName(name) && !confirmed.has(name)) confirmed.set(name, Number(option[1]))
  }
  return Result.succeed(agreedFrom(confirmed, wanted))
}
