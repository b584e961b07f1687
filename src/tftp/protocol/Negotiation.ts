/**
 * What the two ends agree on: blksize (RFC 2348), timeout and tsize (RFC 2349), windowsize (RFC 7440), and tftp-hpa's
 * own utimeout and rollover. Pure.
 *
 * Names are compared without regard to case. A value is plain decimal digits, at most 20 of them. Of an option that is
 * named twice the first counts.
 */
import * as Data from "effect/Data"
import * as Result from "effect/Result"
import { printable } from "../../network/TerminalText.ts"
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
  readonly interval: number | undefined
  /** Bytes that will travel, if the sender said so. */
  readonly tsize: number | undefined
}

/** What holds where no option was agreed (RFC 1350). @category constants @since 0.1.0 */
export const defaults: Agreed = { blksize: 512, windowsize: 1, rollover: 0, interval: undefined, tsize: undefined }

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
export interface About {
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
export const windowWithin = (buffer: number, blksize: number): number =>
  Math.max(1, Math.floor(buffer / (256 + 2 ** Math.ceil(Math.log2(blksize + 400)))))

/**
 * The socket buffer to ask for, in bytes: two windows come at once, 256 KiB to 4 MiB. The kernel may grant less.
 *
 * @category combinators
 * @since 0.1.0
 */
export const bufferFor = ({ blksize, windowsize }: Pick<Agreed, "blksize" | "windowsize">): number =>
  Math.min(4 << 20, Math.max(1 << 18, 2 * windowsize * (blksize + 4)))

/** What a server makes of options. @category models @since 0.1.0 */
export interface Negotiated {
  readonly agreed: Agreed
  /** The options of the OACK; none: no OACK. */
  readonly reply: ReadonlyArray<Option>
}

const smallest = 8

const largest = {
  blksize: 65_464,
  windowsize: 32_767,
  timeout: 255,
  utimeout: 255_000_000,
  tsize: Number.MAX_SAFE_INTEGER,
  rollover: 1
}

type Name = keyof typeof largest

const least: Readonly<Record<Name, number>> = {
  blksize: smallest,
  windowsize: 1,
  timeout: 1,
  utimeout: 10_000,
  tsize: 0,
  rollover: 0
}

/** The bytes of IP, UDP and TFTP headers around a block. */
const headers = { IPv4: 20 + 8 + 4, IPv6: 40 + 8 + 4 }

const isName = (name: string): name is Name => Object.hasOwn(largest, name)

const within = (name: Name, value: number): number => Math.min(Math.max(value, least[name]), largest[name])

/** Undefined for what is no number, or one that makes no sense. Of a size too large the server lowers. */
const read = (name: Name, text: string): number | undefined => {
  if (!/^\d{1,20}$/.test(text)) return undefined
  const value = Number(text)
  if (value < least[name]) return undefined
  if (name === "blksize" || name === "windowsize") return value
  return value > largest[name] ? undefined : value
}

/** The first of each option that is known here. */
const known = (options: ReadonlyArray<Option>): ReadonlyMap<Name, Option> => {
  const found = new Map<Name, Option>()
  for (const option of options) {
    const name = option[0].toLowerCase()
    if (isName(name) && !found.has(name)) found.set(name, option)
  }
  return found
}

type Writable = { -readonly [K in keyof Agreed]: Agreed[K] }

/** What is written into the reply, and what it changes; undefined leaves the option out. */
const grant = (name: Name, value: number, policy: Policy, about: About, agreed: Writable): number | undefined => {
  switch (name) {
    case "blksize": {
      const fitting = policy.mtu === undefined ? largest.blksize : policy.mtu - headers[policy.family]
      agreed.blksize = within("blksize", Math.min(value, policy.blksize, fitting))
      return agreed.blksize
    }
    case "windowsize":
      agreed.windowsize = within("windowsize", Math.min(value, policy.windowsize))
      return agreed.windowsize
    case "timeout":
    case "utimeout":
      // One interval: of the two ways to name it the first is confirmed.
      if (agreed.interval !== undefined) return undefined
      agreed.interval = name === "timeout" ? value * 1_000 : value / 1_000
      return value
    case "rollover":
      agreed.rollover = value === 0 ? 0 : 1
      return value
    case "tsize": {
      const size = about.kind === "WRQ" ? value : about.size
      // What netascii makes of a file has another size; a size of nothing makes curl fail.
      if (about.mode === "octet") agreed.tsize = size
      return about.kind === "RRQ" && (about.mode === "netascii" || size === 0) ? undefined : size
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
export const negotiate = (asked: ReadonlyArray<Option>, policy: Policy, about: About): Negotiated => {
  const agreed: Writable = { ...defaults }
  const reply: Array<Option> = []
  for (const [name, [spelled, text]] of known(asked)) {
    const value = read(name, text)
    const granted = value === undefined ? undefined : grant(name, value, policy, about, agreed)
    if (granted !== undefined) reply.push([spelled, `${granted}`])
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
  readonly interval?: number | undefined
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
export const ask = (wanted: Wanted): ReadonlyArray<Option> => {
  const micros = wanted.interval === undefined ? undefined : within("utimeout", Math.round(wanted.interval * 1_000))
  const isWhole = micros !== undefined && micros % 1_000_000 === 0
  const pairs: ReadonlyArray<readonly [Name, number | undefined]> = [
    ["tsize", wanted.tsize],
    ["blksize", wanted.blksize],
    isWhole ? ["timeout", micros / 1_000_000] : ["utimeout", micros],
    ["windowsize", wanted.windowsize],
    ["rollover", wanted.rollover]
  ]
  return pairs.flatMap(([name, value]) => (value === undefined ? [] : [[name, `${within(name, Math.trunc(value))}`]]))
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
    return `option ${printable(this.option.join("="))} ${problems[this.reason]}${asked}`
  }
}

/** Undefined if the answer is acceptable. */
const problemOf = (name: Name, asked: number, text: string): OptionsError["reason"] | undefined => {
  const value = read(name, text)
  if (value === undefined) return "Invalid"
  if (name === "blksize" || name === "windowsize") return value > asked ? "TooLarge" : undefined
  // Some servers count an upload's bytes with too few bits: its size is ours to know.
  return name === "tsize" || value === asked ? undefined : "Changed"
}

const agreedBy = (answers: ReadonlyMap<Name, number>, { tsize: ours }: Wanted): Agreed => {
  const seconds = answers.get("timeout")
  const micros = answers.get("utimeout")
  // To a question after the size, 0 is the echo of a server that does not know.
  const tsize = answers.has("tsize") ? ours || answers.get("tsize") || undefined : undefined
  return {
    blksize: answers.get("blksize") ?? defaults.blksize,
    windowsize: answers.get("windowsize") ?? defaults.windowsize,
    rollover: answers.get("rollover") === 1 ? 1 : defaults.rollover,
    interval: seconds !== undefined ? seconds * 1_000 : micros !== undefined ? micros / 1_000 : undefined,
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
  const asked = new Map(ask(wanted))
  const answers = new Map<Name, number>()
  for (const option of reply) {
    const name = option[0].toLowerCase()
    const mine = asked.get(name)
    const reason = mine === undefined || !isName(name) ? "Unrequested" : problemOf(name, Number(mine), option[1])
    if (reason !== undefined) {
      return Result.fail(new OptionsError({ reason, option, asked: mine && `${name}=${mine}` }))
    }
    if (isName(name) && !answers.has(name)) answers.set(name, Number(option[1]))
  }
  return Result.succeed(agreedBy(answers, wanted))
}
