/**
 * The packets of TFTP (RFC 1350; with options, RFC 2347) as bytes and as values. Pure. Numbers are big-endian; texts
 * are UTF-8, of which the protocol's ASCII is a part, and end with a NUL.
 */
import * as EffectData from "effect/Data"
import * as Result from "effect/Result"
import * as TerminalText from "../../network/TerminalText.ts"

/** How a file travels: as it is, or as text with CR LF ends of line (RFC 1350, 1). @category models @since 0.1.0 */
export type Mode = "octet" | "netascii"

/** An option as it is written, such as `["blksize", "1428"]` (RFC 2347). @category models @since 0.1.0 */
export type Option = readonly [name: string, value: string]

/**
 * A request to read or to write a file, of at most 512 bytes (RFC 1350, 5; RFC 2347):
 *
 * ```
 *  2 bytes     string    1   string  1   string   1   string   1
 * +--------+-----------+---+--------+---+---------+---+---------+---+
 * | 1 or 2 | file name | 0 |  mode  | 0 | option  | 0 |  value  | 0 |  ... more options
 * +--------+-----------+---+--------+---+---------+---+---------+---+
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export interface Request {
  readonly _tag: "RRQ" | "WRQ"
  readonly filename: string
  readonly mode: Mode
  readonly options: ReadonlyArray<Option>
}

/**
 * A block of the file; one shorter than the block size is the last (RFC 1350, 5):
 *
 * ```
 *  2 bytes  2 bytes   0 to blksize bytes
 * +--------+---------+--------------------+
 * |   3    | block # |        data        |
 * +--------+---------+--------------------+
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export interface Data {
  readonly _tag: "DATA"
  /** 0 to 65,535, as on the wire. */
  readonly block: number
  /** A view of the datagram when decoded, not a copy. */
  readonly bytes: Uint8Array
}

/**
 * Says that every block up to this one has come (RFC 1350, 5; RFC 7440, 4):
 *
 * ```
 *  2 bytes  2 bytes
 * +--------+---------+
 * |   4    | block # |
 * +--------+---------+
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export interface Ack {
  readonly _tag: "ACK"
  /** 0 to 65,535, as on the wire. */
  readonly block: number
}

/**
 * Ends the transfer; it is not acknowledged (RFC 1350, 5):
 *
 * ```
 *  2 bytes   2 bytes     string    1
 * +--------+------------+---------+---+
 * |   5    | error code | message | 0 |
 * +--------+------------+---------+---+
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export interface ErrorPacket {
  readonly _tag: "ERROR"
  /** 0 to 65,535; those with a meaning are in `ErrorCode`. */
  readonly code: number
  /** Whatever the peer wrote: print it with `TerminalText.escape`. */
  readonly message: string
}

/**
 * Confirms options of the request (RFC 2347):
 *
 * ```
 *  2 bytes   string   1    string   1
 * +--------+---------+---+---------+---+
 * |   6    | option  | 0 |  value  | 0 |  ... more options
 * +--------+---------+---+---------+---+
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export interface OptionAck {
  readonly _tag: "OACK"
  readonly options: ReadonlyArray<Option>
}

/** @category models @since 0.1.0 */
export type Packet = Request | Data | Ack | ErrorPacket | OptionAck

/** The first two bytes of each packet. @category constants @since 0.1.0 */
export const Opcode = { RRQ: 1, WRQ: 2, DATA: 3, ACK: 4, ERROR: 5, OACK: 6 } as const

/** The codes of ERROR packets (RFC 1350, appendix; RFC 2347). @category constants @since 0.1.0 */
export const ErrorCode = {
  NotDefined: 0,
  FileNotFound: 1,
  AccessViolation: 2,
  DiskFull: 3,
  IllegalOperation: 4,
  UnknownTransferId: 5,
  FileExists: 6,
  NoSuchUser: 7,
  BadOptions: 8
} as const

/** The most bytes of a request (RFC 2347). @category constants @since 0.1.0 */
export const maxRequestBytes = 512

const problems = {
  BadLength: "the length must fit the packet",
  UnknownOpcode: "the opcode must be 1 to 6",
  UnknownMode: "the mode must be octet or netascii",
  Unterminated: "a request ends with a NUL",
  NotText: "texts are UTF-8 without control characters",
  NoFilename: "a request names a file",
  OddOption: "an option has a name and a value"
}

/** What is wrong with bytes that are no packet. @category errors @since 0.1.0 */
export type Reason = keyof typeof problems

/** What came is no packet of TFTP. @category errors @since 0.1.0 */
export class PacketError extends EffectData.TaggedError("PacketError")<{
  readonly reason: Reason
  /** What came instead; may be a peer's own words. */
  readonly found: string
}> {
  /** The code of the ERROR to answer with, if this is answered at all. */
  get code(): number {
    return ErrorCode.IllegalOperation
  }
  /** Safe to print, and to send back. */
  override get message(): string {
    return `${problems[this.reason]}, not ${TerminalText.escape(this.found)}`
  }
}

/** The opcode, or 0, which is none, where there are less than two bytes. @category getters @since 0.1.0 */
export const opcode = (bytes: Uint8Array): number => (bytes.length < 2 ? 0 : (bytes[0]! << 8) | bytes[1]!)

/** The block number of a DATA or ACK of at least four bytes. @category getters @since 0.1.0 */
export const wireBlock = (bytes: Uint8Array): number => (bytes[2]! << 8) | bytes[3]!

const packetWithNumber = (code: number, number: number, length = 0): Uint8Array => {
  const bytes = new Uint8Array(4 + length)
  bytes[1] = code
  bytes[2] = number >> 8
  bytes[3] = number
  return bytes
}

/** A fresh ACK of a block number as on the wire, 0 to 65,535. @category encoding @since 0.1.0 */
export const ack = (wire: number): Uint8Array => packetWithNumber(Opcode.ACK, wire)

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
const lenient = new TextDecoder("utf-8", { ignoreBOM: true })
const utf8 = new TextEncoder()

/** The texts between the NULs; undefined if that is no text. */
const stringsOf = (bytes: Uint8Array): ReadonlyArray<string> | undefined => {
  const text = Result.getOrUndefined(Result.try(() => strict.decode(bytes)))
  return text === undefined || /[^\P{Cc}\0]/u.test(text) ? undefined : text.split("\0")
}

const fail = (reason: Reason, found: string) => Result.fail(new PacketError({ reason, found }))

const badLength = (bytes: Uint8Array, right: string) => fail("BadLength", `${bytes.length} bytes: ${right}`)

const decodeRequest = (_tag: Request["_tag"], bytes: Uint8Array): Result.Result<Request, PacketError> => {
  if (bytes.length > maxRequestBytes) return badLength(bytes, `a request has at most ${maxRequestBytes}`)
  if (bytes.length === 2 || bytes.at(-1) !== 0) return fail("Unterminated", "with anything else")
  const strings = stringsOf(bytes.subarray(2, -1))
  if (strings === undefined) return fail("NotText", "other bytes")
  const [filename = "", modeText = "", ...rest] = strings
  if (filename === "") return fail("NoFilename", "none")
  const mode = modeText.toLowerCase()
  if (mode !== "octet" && mode !== "netascii") return fail("UnknownMode", JSON.stringify(modeText))
  const options: Array<Option> = []
  for (let i = 0; i < rest.length; i += 2) {
    const name = rest[i]!
    const value = rest[i + 1]
    if (name === "" || value === undefined) return fail("OddOption", `only ${JSON.stringify(value ?? name)}`)
    options.push([name, value])
  }
  return Result.succeed({ _tag, filename, mode, options })
}

/** Stops at the first bytes that are no option: some servers send garbage after the last one. */
const decodeOptionAck = (bytes: Uint8Array): Result.Result<OptionAck, PacketError> => {
  const options: Array<Option> = []
  for (let at = 2; at < bytes.length; ) {
    const middle = bytes.indexOf(0, at)
    const end = middle <= at ? -1 : bytes.indexOf(0, middle + 1)
    const strings = end === -1 ? undefined : stringsOf(bytes.subarray(at, end))
    if (strings === undefined) break
    options.push([strings[0]!, strings[1]!])
    at = end + 1
  }
  if (options.length === 0 && bytes.length > 2) return fail("OddOption", "anything else")
  return Result.succeed({ _tag: "OACK", options })
}

const decodeError = (bytes: Uint8Array): Result.Result<ErrorPacket, PacketError> => {
  if (bytes.length < 4) return badLength(bytes, "an ERROR has at least 4")
  const end = bytes.indexOf(0, 4)
  const message = lenient.decode(bytes.subarray(4, end === -1 ? bytes.length : end))
  return Result.succeed({ _tag: "ERROR", code: wireBlock(bytes), message })
}

/** By opcode. */
const decoders: ReadonlyArray<((bytes: Uint8Array) => Result.Result<Packet, PacketError>) | undefined> = [
  undefined,
  (bytes) => decodeRequest("RRQ", bytes),
  (bytes) => decodeRequest("WRQ", bytes),
  (bytes) =>
    bytes.length < 4
      ? badLength(bytes, "a DATA has at least 4")
      : Result.succeed({ _tag: "DATA", block: wireBlock(bytes), bytes: bytes.subarray(4) }),
  (bytes) =>
    bytes.length === 4 ? Result.succeed({ _tag: "ACK", block: wireBlock(bytes) }) : badLength(bytes, "an ACK has 4"),
  decodeError,
  decodeOptionAck
]

/**
 * Reads a datagram; never throws, whatever the bytes. A request must be exact; an OACK may have garbage after its
 * options, an ERROR may lack its message or the final NUL.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (bytes: Uint8Array): Result.Result<Packet, PacketError> => {
  if (bytes.length < 2) return badLength(bytes, "a packet has at least 2")
  const decoder = decoders[opcode(bytes)]
  return decoder === undefined ? fail("UnknownOpcode", `${opcode(bytes)}`) : decoder(bytes)
}

/** A NUL would end the text too early, and start another. */
const packetWithStrings = (head: Uint8Array, parts: ReadonlyArray<string>): Uint8Array =>
  Uint8Array.from([...head, ...utf8.encode(parts.map((text) => `${text.replaceAll("\0", "\ufffd")}\0`).join(""))])

/**
 * Writes a packet into fresh bytes. Numbers are cut to 16 bits; a NUL within a text becomes U+FFFD. That a request has
 * at most 512 bytes is the caller's to check.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (packet: Packet): Uint8Array => {
  switch (packet._tag) {
    case "DATA": {
      const bytes = packetWithNumber(Opcode.DATA, packet.block, packet.bytes.length)
      bytes.set(packet.bytes, 4)
      return bytes
    }
    case "ACK":
      return ack(packet.block)
    case "ERROR":
      return packetWithStrings(packetWithNumber(Opcode.ERROR, packet.code), [packet.message])
    case "OACK":
      return packetWithStrings(Uint8Array.of(0, Opcode.OACK), packet.options.flat())
    default:
      return packetWithStrings(Uint8Array.of(0, Opcode[packet._tag]), [
        packet.filename,
        packet.mode,
        ...packet.options.flat()
      ])
  }
}
