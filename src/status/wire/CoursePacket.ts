/**
 * The course's packet: 72 bytes, with a NUL-terminated name in 64 bytes and two little-endian 32-bit integers. Bytes
 * after the NUL are ignored. Pure.
 *
 * ```
 *  0                        64  68  72
 * +------+---+-------------+---+---+
 * | name | 0 | ... garbage | x | y |
 * +------+---+-------------+---+---+
 * ```
 */
import * as Data from "effect/Data"
import * as Result from "effect/Result"
import * as TerminalText from "../../network/TerminalText.ts"

/** Size of the packet. @category constants @since 0.1.0 */
export const sizeBytes = 72

const nameFieldBytes = 64

/** A name and a position on the screen. @category models @since 0.1.0 */
export interface CoursePacket {
  /**
   * Name, 1 to 63 bytes of UTF-8 without NUL when sent. A received name is untrusted input: print it with
   * `TerminalText.escape`.
   */
  readonly name: string
  /** Signed 32-bit integers; columns 0 to 79 and rows 0 to 23 are on the course's screen. */
  readonly x: number
  readonly y: number
}

const problems = {
  Name: "a name must be 1 to 63 bytes of UTF-8 without a NUL",
  Number: "x and y must be integers of 32 bits, -2147483648 to 2147483647"
}

/** A value that does not fit into the course's packet. @category errors @since 0.1.0 */
export class CoursePacketError extends Data.TaggedError("CoursePacketError")<{
  readonly reason: keyof typeof problems
  /** The rejected value. */
  readonly found: string
}> {
  override get message(): string {
    return `${problems[this.reason]}: ${TerminalText.escape(this.found)}`
  }
}

/** Length of the rejected value in a message. */
const maxQuotedChars = 80

const fail = (reason: CoursePacketError["reason"], found: string) =>
  Result.fail(new CoursePacketError({ reason, found: found.slice(0, maxQuotedChars).toWellFormed() }))

const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { ignoreBOM: true })

const isInt32 = (value: number) => (value | 0) === value

/**
 * Encodes a packet as 72 bytes, padded with NULs after the name. Fails if the name is empty, contains a NUL or is
 * longer than 63 bytes, and if a number does not fit into 32 bits.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = ({ name, x, y }: CoursePacket): Result.Result<Uint8Array<ArrayBuffer>, CoursePacketError> => {
  const bytes = new Uint8Array(sizeBytes)
  const text = encoder.encode(name)
  if (text.length === 0 || text.length >= nameFieldBytes || text.includes(0)) {
    return fail("Name", name)
  }
  if (!isInt32(x) || !isInt32(y)) return fail("Number", `${x} ${y}`)
  bytes.set(text)
  const view = new DataView(bytes.buffer)
  view.setInt32(nameFieldBytes, x, true)
  view.setInt32(nameFieldBytes + 4, y, true)
  return Result.succeed(bytes)
}

/**
 * Decodes a datagram of 72 bytes; undefined for another length, and for an empty name. A name without NUL takes all 64
 * bytes. Invalid UTF-8 is replaced by U+FFFD.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (bytes: Uint8Array): CoursePacket | undefined => {
  if (bytes.length !== sizeBytes || bytes[0] === 0) return undefined
  const end = bytes.indexOf(0)
  const view = new DataView(bytes.buffer, bytes.byteOffset, sizeBytes)
  return {
    name: decoder.decode(bytes.subarray(0, end === -1 || end > nameFieldBytes ? nameFieldBytes : end)),
    x: view.getInt32(nameFieldBytes, true),
    y: view.getInt32(nameFieldBytes + 4, true)
  }
}
