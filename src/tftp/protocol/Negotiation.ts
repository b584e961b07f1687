/**
 * What the two ends agree on: blksize (RFC 2348), timeout and tsize (RFC 2349), windowsize (RFC 7440), and tftp-hpa's
 * own utimeout and rollover. Pure.
 *
 * Names are compared without regard to case. A value is plain decimal digits, at most 20 of them. Of an option that is
 * named twice the first counts.
 */
import * as Data from "effect/Data"
import * as Result from "effect/Result"
import * as TerminalText from "../../network/TerminalText.ts"
import type { Mode, Option } from "./Packet.ts"
import { ErrorCode } from "./Packet.ts"

/** What a transfer goes by. @category models @since 0.1.0 */
export interface Agreed {
  /** Bytes of a block: 8 to 65,464. */
  readonly blksize: number
  /** Blocks to an ACK: 1 to 32,767, so that old and new block numbers can be told apart. */
  readonly windowsize: number
  /** The block number that comes after 65,535. */
  readonly rollover: 0 | 1
  /** Milliseconds until something is sent again, if that was agreed. */
  readonly timeoutMillis: number | undefined
  /** Bytes that will travel, if the sender said so. */
  readonly tsize: number | undefined
}

/** What holds where no option was agreed (RFC 1350). @category constants @since 0.1.0 */
export const defaults: Agreed = { blksize: 512, windowsize: 1, rollover: 0, timeoutMillis: undefined, tsize: undefined }

/** What a server grants. @category models @since 0.1.0 */
export interface Policy {
  /** The largest block granted, in bytes: 8 to 65,464. */
  readonly blksize: number
  /** The largest window granted, in blocks: from 1; more than 32,767 counts as that. */
  readonly windowsize: number
  /** Keeps each block within one packet of a link of so many bytes, headers included. */
  readonly mtu: number | undefined
  /** How the client is reached: IPv6 takes 20 bytes more of each packet. */
  readonly family: "IPv4" | "IPv6"
}

/** What an answer to options depends on besides them. @category models @since 0.1.0 */
export interface RequestInfo {
  readonly kind: "RRQ" | "WRQ"
  readonly mode: Mode
  /** Bytes of the file that is read, if known. */
  readonly size: number | undefined
}

/**
 * The blocks that a socket buffer of so many bytes holds, at least 1. A larger window loses its end whenever the
 * receiver is busy. Linux counts the memory of a datagram: a power of two that holds it and some 400 bytes more, and
 * 256 bytes of bookkeeping.
 *
 * @category combinators
 * @since 0.1.0
 */
export const maxBufferedBlocks = (buffer: number, blksize: number): number =>
  Math.max(1, Math.floor(buffer / (256 + 2 ** Math.ceil(Math.log2(blksize + 400)))))

/**
 * The socket buffer to ask for, in bytes: two windows come at once, 256 KiB to 4 MiB. The kernel may grant less.
 *
 * @category combinators
 * @since 0.1.0
 */
export const receiveBufferBytes = ({ blksize, windowsize }: Pick<Agreed, "blksize" | "windowsize">): number =>
  Math.min(4 << 20, Math.max(1 << 18, 2 * windowsize * (blksize + 4)))

/** What a server makes of options. @category models @since 0.1.0 */
export interface Negotiated {
  readonly agreed: Agreed
  /** The options of the OACK; none: no OACK. */
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

/** The bytes of IP, UDP and TFTP headers around a block. */
const headerBytes = { IPv4: 20 + 8 + 4, IPv6: 40 + 8 + 4 }

const isName = (name: string): name is Name => Object.hasOwn(maxValues, name)

const clamp = (name: Name, value: number): number => Math.min(Math.max(value, minValues[name]), maxValues[name])

/** Undefined for what is no number, or one that makes no sense. Of a size too large the server lowers. */
const parseValue = (name: Name, text: string): number | undefined => {
  if (!/^\d{1,20}$/.test(text)) return undefined
  const value = Number(text)
  if (value < minValues[name]) return undefined
  if (name === "blksize" || name === "windowsize") return value
  return value > maxValues[name] ? undefined : value
}

/** The first of each option that is known here. */
const knownOptions = (options: ReadonlyArray<Option>): ReadonlyMap<Name, Option> => {
  const found = new Map<Name, Option>()
  for (const option of options) {
    const name = option[0].toLowerCase()
    if (isName(name) && !found.has(name)) found.set(name, option)
  }
  return found
}

type Writable = { -readonly [K in keyof Agreed]: Agreed[K] }

/** What is written into the reply, and what it changes; undefined leaves the option out. */
const grant = (name: Name, value: number, policy: Policy, info: RequestInfo, agreed: Writable): number | undefined => {
  switch (name) {
    case "blksize": {
      const mtuLimit = policy.mtu === undefined ? maxValues.blksize : policy.mtu - headerBytes[policy.family]
      agreed.blksize = clamp("blksize", Math.min(value, policy.blksize, mtuLimit))
      return agreed.blksize
    }
    case "windowsize":
      agreed.windowsize = clamp("windowsize", Math.min(value, policy.windowsize))
      return agreed.windowsize
    case "timeout":
    case "utimeout":
      // One interval: of the two ways to name it the first is confirmed.
      if (agreed.timeoutMillis !== undefined) return undefined
      agreed.timeoutMillis = name === "timeout" ? value * 1_000 : value / 1_000
      return value
    case "rollover":
      agreed.rollover = value === 0 ? 0 : 1
      return value
    case "tsize": {
      const size = info.kind === "WRQ" ? value : info.size
      // What netascii makes of a file has another size; a size of nothing makes curl fail.
      if (info.mode === "octet") agreed.tsize = size
      return info.kind === "RRQ" && (info.mode === "netascii" || size === 0) ? undefined : size
    }
  }
}

/**
 * Answers the options of a request: what is known and valid is granted, lowered where the policy says so, in the order
 * and spelling of the request; everything else is as if it had not been asked. Never refuses.
 *
 * The size of an upload in netascii is confirmed, but not part of what was agreed: the bytes that count may be those of
 * either form.
 *
 * @category combinators
 * @since 0.1.0
 */
export const negotiate = (asked: ReadonlyArray<Option>, policy: Policy, info: RequestInfo): Negotiated => {
  const agreed: Writable = { ...defaults }
  const reply: Array<Option> = []
  for (const [name, [spelling, text]] of knownOptions(asked)) {
    const value = parseValue(name, text)
    const granted = value === undefined ? undefined : grant(name, value, policy, info, agreed)
    if (granted !== undefined) reply.push([spelling, `${granted}`])
  }
  return { agreed, reply }
}

/** What a client would like; what is left out is not asked for. @category models @since 0.1.0 */
export interface Wanted {
  /** Bytes of a block: 8 to 65,464. */
  readonly blksize?: number | undefined
  /** Blocks to an ACK: 1 to 32,767. */
  readonly windowsize?: number | undefined
  /** Milliseconds until the server sends again: 10 to 255,000. */
  readonly timeoutMillis?: number | undefined
  /** Bytes to be sent; 0 to be told how many will come. */
  readonly tsize?: number | undefined
  readonly rollover?: 0 | 1 | undefined
}

/**
 * The options for a request, each within its bounds. Whole seconds are asked for as `timeout`, else as `utimeout`.
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
  Unrequested: "was not asked for",
  Invalid: "makes no sense",
  TooLarge: "is more than was asked for",
  Changed: "is not what was asked for"
}

/** The server confirmed what cannot be accepted. @category errors @since 0.1.0 */
export class OptionsError extends Data.TaggedError("OptionsError")<{
  readonly reason: keyof typeof problems
  /** As the server wrote it. */
  readonly option: Option
  /** What would have been right, in the words of the request. */
  readonly asked: string | undefined
}> {
  /** The code of the ERROR to answer with. */
  get code(): number {
    return ErrorCode.BadOptions
  }
  /** Safe to print, and to send back. */
  override get message(): string {
    const asked = this.asked === undefined ? "" : `: asked for ${this.asked}`
    return `option ${TerminalText.escape(this.option.join("="))} ${problems[this.reason]}${asked}`
  }
}

/** Undefined if the answer is acceptable. */
const problemOf = (name: Name, asked: number, text: string): OptionsError["reason"] | undefined => {
  const value = parseValue(name, text)
  if (value === undefined) return "Invalid"
  if (name === "blksize" || name === "windowsize") return value > asked ? "TooLarge" : undefined
  // Some servers count an upload's bytes with too few bits: its size is ours to know.
  return name === "tsize" || value === asked ? undefined : "Changed"
}

const agreedFrom = (confirmed: ReadonlyMap<Name, number>, { tsize: ours }: Wanted): Agreed => {
  const seconds = confirmed.get("timeout")
  const micros = confirmed.get("utimeout")
  // To a question after the size, 0 is the echo of a server that does not know.
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
 * Judges a server's OACK. What it leaves out has its default; an option that was not asked for, a larger blksize or
 * windowsize, another interval or rollover, and nonsense fail (RFC 2347; RFC 2348; RFC 7440, 3).
 *
 * @category combinators
 * @since 0.1.0
 */
export const accept = (wanted: Wanted, reply: ReadonlyArray<Option>): Result.Result<Agreed, OptionsError> => {
  const asked = new Map(requestOptions(wanted))
  const confirmed = new Map<Name, number>()
  for (const option of reply) {
    const name = option[0].toLowerCase()
    const requestedValue = asked.get(name)
    const reason =
      requestedValue === undefined || !isName(name) ? "Unrequested" : problemOf(name, Number(requestedValue), option[1])
    if (reason !== undefined) {
      return Result.fail(new OptionsError({ reason, option, asked: requestedValue && `${name}=${requestedValue}` }))
    }
    if (isName(name) && !confirmed.has(name)) confirmed.set(name, Number(option[1]))
  }
  return Result.succeed(agreedFrom(confirmed, wanted))
}
