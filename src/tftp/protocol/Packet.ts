/**
 * The codec of TFTP packets (RFC 1350; with options, RFC 2347). Pure. Numbers are big-endian; strings end with NUL, and
 * are otherwise any bytes, converted to text by `NameText`: UTF-8 extends the ASCII of the protocol.
 */
import * as Bytes from "effect/Bytes"
import * as EffectData from "effect/Data"
import * as Result from "effect/Result"
import * as Quantity from "../../network/Quantity.ts"
import * as NameText from "./NameText.ts"

/**
 * The transfer mode: unchanged bytes, or text with CR LF line ends (RFC 1350, section 1).
 *
 * @category models
 * @since 0.1.0
 */
export type Mode = "octet" | "netascii"

/** An option as on the wire, such as `["blksize", "1428"]` (RFC 2347). @category models @since 0.1.0 */
export type Option = readonly [name: string, value: string]

/**
 * A request to read or to write a file, of at most 512 bytes (RFC 1350, section 5; RFC 2347):
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
  /** The bytes of the name, as text of `NameText`; print it with `NameText.escape`. */
  readonly filename: string
  readonly mode: Mode
  readonly options: ReadonlyArray<Option>
}

/**
 * A block of the file; one shorter than the block size is the last (RFC 1350, section 5):
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
  /** The block number as on the wire, 0 to 65,535. */
  readonly block: number
  /** A view of the datagram when decoded, not a copy. */
  readonly bytes: Uint8Array
}

/**
 * Acknowledges every block up to this one (RFC 1350, section 5; RFC 7440, section 4):
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
  /** The block number as on the wire, 0 to 65,535. */
  readonly block: number
}

/**
 * Ends the transfer; it is not acknowledged (RFC 1350, section 5):
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
  /** The error code, 0 to 65,535; `ErrorCode` has those with a meaning. */
  readonly code: number
  /** The message of the peer, unescaped: print it with `TerminalText.escape`. U+FFFD replaces what is not UTF-8. */
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

/** A packet of TFTP. @category models @since 0.1.0 */
export type Packet = Request | Data | Ack | ErrorPacket | OptionAck

/** The opcodes: the first two bytes of a packet. @category constants @since 0.1.0 */
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

/** The largest request, in bytes (RFC 2347). @category constants @since 0.1.0 */
export const maxRequestBytes = 512

const problems = {
  BadLength: "wrong length",
  UnknownOpcode: "the opcode must be 1 to 6",
  UnknownMode: "the mode must be octet or netascii",
  Unterminated: "a request must end with NUL",
  NoFilename: "a request must name a file",
  OddOption: "an option must have a name and a value"
}

/** The reason why bytes are not a packet. @category errors @since 0.1.0 */
export type Reason = keyof typeof problems

/** Bytes that are not a packet of TFTP. @category errors @since 0.1.0 */
export class PacketError extends EffectData.TaggedError("PacketError")<{
  readonly reason: Reason
  /** The offending value; may be text of a peer, unescaped. */
  readonly found: string
}> {
  /** The code of the ERROR to reply with, if there is a reply. */
  get code(): number {
    return ErrorCode.IllegalOperation
  }
  /** A message that is safe to print, and to send to the peer. */
  override get message(): string {
    return `malformed packet: ${problems[this.reason]} (${NameText.escape(this.found)})`
  }
}

/** Returns the opcode; 0, which is not an opcode, for less than two bytes. @category getters @since 0.1.0 */
export const opcode = (bytes: Uint8Array): number => (bytes.length < 2 ? 0 : (bytes[0]! << 8) | bytes[1]!)

/** Returns the block number of a DATA or ACK of at least four bytes. @category getters @since 0.1.0 */
export const wireBlock = (bytes: Uint8Array): number => (bytes[2]! << 8) | bytes[3]!

const packetWithNumber = (code: number, number: number, length = 0): Uint8Array => {
  const bytes = new Uint8Array(4 + length)
  bytes[1] = code
  bytes[2] = number >> 8
  bytes[3] = number
  return bytes
}

/** Encodes an ACK of a block number as on the wire, 0 to 65,535. @category encoding @since 0.1.0 */
export const ack = (wire: number): Uint8Array => packetWithNumber(Opcode.ACK, wire)

const lenient = new TextDecoder("utf-8", { ignoreBOM: true })

/** Returns the strings between the NULs. */
const stringsOf = (bytes: Uint8Array): ReadonlyArray<string> => NameText.fromBytes(bytes).split("\0")

const isText = (text: string) => NameText.isUtf8(text) && !/\p{Cc}/u.test(text)

const fail = (reason: Reason, found: string) => Result.fail(new PacketError({ reason, found }))

const badLength = (bytes: Uint8Array, expected: string) =>
  fail("BadLength", `${Quantity.format(bytes.length, "byte")}; ${expected}`)

const decodeRequest = (_tag: Request["_tag"], bytes: Uint8Array): Result.Result<Request, PacketError> => {
  if (bytes.length > maxRequestBytes) return badLength(bytes, `a request has at most ${maxRequestBytes}`)
  if (bytes.length === 2 || bytes.at(-1) !== 0) return fail("Unterminated", "the last byte is not 0")
  const [filename = "", modeText = "", ...rest] = stringsOf(bytes.subarray(2, -1))
  if (filename === "") return fail("NoFilename", "the name is empty")
  const mode = modeText.toLowerCase()
  if (mode !== "octet" && mode !== "netascii") return fail("UnknownMode", `found ${NameText.quote(modeText)}`)
  const options: Array<Option> = []
  for (let i = 0; i < rest.length; i += 2) {
    const name = rest[i]!
    const value = rest[i + 1]
    if (name === "" || value === undefined) return fail("OddOption", `found only ${NameText.quote(value ?? name)}`)
    options.push([name, value])
  }
  return Result.succeed({ _tag, filename, mode, options })
}

/** Decodes options up to the first bytes that are not text: some servers send garbage after the last option. */
const decodeOptionAck = (bytes: Uint8Array): Result.Result<OptionAck, PacketError> => {
  const options: Array<Option> = []
  for (let at = 2; at < bytes.length; ) {
    const middle = bytes.indexOf(0, at)
    const end = middle <= at ? -1 : bytes.indexOf(0, middle + 1)
    const [name = "", value = ""] = end === -1 ? [] : stringsOf(bytes.subarray(at, end))
    if (name === "" || !isText(name) || !isText(value)) break
    options.push([name, value])
    at = end + 1
  }
  if (options.length === 0 && bytes.length > 2) return fail("OddOption", "found none")
  return Result.succeed({ _tag: "OACK", options })
}

const decodeError = (bytes: Uint8Array): Result.Result<ErrorPacket, PacketError> => {
  if (bytes.length < 4) return badLength(bytes, "an ERROR has at least 4")
  const end = bytes.indexOf(0, 4)
  const message = lenient.decode(bytes.subarray(4, end === -1 ? bytes.length : end))
  return Result.succeed({ _tag: "ERROR", code: wireBlock(bytes), message })
}

/** The decoders, indexed by opcode. */
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
 * Decodes a datagram; never throws. A request must be exact; an OACK may have garbage after its options, and an ERROR
 * may lack its message or the final NUL.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (bytes: Uint8Array): Result.Result<Packet, PacketError> => {
  if (bytes.length < 2) return badLength(bytes, "a packet has at least 2")
  const decoder = decoders[opcode(bytes)]
  return decoder === undefined ? fail("UnknownOpcode", `found ${opcode(bytes)}`) : decoder(bytes)
}

/** Appends strings, each with its NUL. A NUL inside a string would end it, so it is replaced. */
const packetWithStrings = (head: Uint8Array, parts: ReadonlyArray<string>): Uint8Array =>
  Bytes.concat([head, NameText.toBytes(parts.map((text) => `${text.replaceAll("\0", "\ufffd")}\0`).join(""))])

/**
 * Encodes a packet into fresh bytes. Numbers are truncated to 16 bits; a NUL within a string is replaced by U+FFFD. The
 * caller checks that a request has at most 512 bytes.
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
