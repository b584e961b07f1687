/**
 * PROXY protocol, versions 1 and 2: the header in which a proxy passes on the address of its client. Pure.
 *
 * The specification is that of HAProxy (`doc/proxy-protocol.txt`). A connection begins with the header; the bytes after
 * it are those of the client.
 *
 * **Example** (Parsing a header)
 *
 * ```ts
 * import * as NetAddress from "effect/net/NetAddress"
 * import { ProxyProtocol } from "effect-inet/network"
 *
 * const bytes = new TextEncoder().encode("PROXY TCP4 192.0.2.7 198.51.100.1 56324 1067\r\nHello")
 * const parsed = ProxyProtocol.parse(bytes)
 * if (parsed._tag !== "Header" || parsed.client === undefined) throw new Error(parsed._tag)
 * NetAddress.formatSocketAddress(parsed.client.source) // => "192.0.2.7:56324"
 * new TextDecoder().decode(bytes.subarray(parsed.length)) // => "Hello"
 * ```
 */
import * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { crc32c } from "./server/Crc32c.ts"

/** Addresses of a client's connection to the proxy. @category models @since 0.1.0 */
export interface ProxiedClient {
  readonly source: NetAddress.SocketAddress
  readonly destination: NetAddress.SocketAddress
}

/** Result of parsing the start of a stream. @category models @since 0.1.0 */
export type Parsed =
  /** The header continues after the given bytes. */
  | { readonly _tag: "Incomplete" }
  | { readonly _tag: "Invalid"; readonly message: string }
  /**
   * The header has `length` bytes. `client` is undefined if the proxy speaks for itself, as in a health check, or does
   * not know its client: the addresses are then those of the connection.
   */
  | { readonly _tag: "Header"; readonly length: number; readonly client: ProxiedClient | undefined }

/** Maximum length of a version 2 header. Without certificates among its fields it has less than 536 bytes. */
const maxHeaderBytes = 4_096

/** Maximum length of a version 1 line with its CRLF. */
const maxLineBytes = 107

const signature = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a)
const lineStart = Uint8Array.from("PROXY ", (letter) => letter.charCodeAt(0))

/** Bytes of version 2 before the addresses: the signature, the command, the family and the length. */
const fixedBytes = 16
const CR = 13
const LF = 10

const incomplete: Parsed = { _tag: "Incomplete" }
const invalid = (message: string): Parsed => ({ _tag: "Invalid", message: `invalid PROXY header: ${message}` })
const header = (length: number, client: ProxiedClient | undefined): Parsed => ({ _tag: "Header", length, client })

/** Compares the bytes with a beginning, of which they may be a part. */
const begins = (bytes: Uint8Array, beginning: Uint8Array) =>
  bytes.subarray(0, beginning.length).every((byte, at) => byte === beginning[at])

/** Parses a port of version 1: decimal, without leading zeros. */
const parsePort = (text: string) => {
  const port = /^(0|[1-9]\d{0,4})$/.test(text) ? Number(text) : Number.NaN
  return port <= 65_535 ? port : undefined
}

const parseIp = (family: "TCP4" | "TCP6", text: string): NetAddress.IpAddress | undefined => {
  const parsed: Result.Result<NetAddress.IpAddress, unknown> =
    family === "TCP4" ? NetAddress.ipv4FromString(text) : NetAddress.ipv6FromString(text)
  return Option.getOrUndefined(Result.getSuccess(parsed))
}

const parseFields = (text: string): ProxiedClient | undefined => {
  const [family = "", sourceIp = "", destinationIp = "", sourcePort = "", destinationPort = "", ...more] =
    text.split(" ")
  if ((family !== "TCP4" && family !== "TCP6") || more.length > 0) return undefined
  const parse = (ip: string, portText: string) => {
    const port = parsePort(portText)
    const address = parseIp(family, ip)
    return port === undefined || address === undefined ? undefined : NetAddress.inetAddressUnsafe(address, port)
  }
  const source = parse(sourceIp, sourcePort)
  const destination = parse(destinationIp, destinationPort)
  return source === undefined || destination === undefined ? undefined : { source, destination }
}

/** Parses version 1, one line of ASCII. */
const parseLine = (bytes: Uint8Array): Parsed => {
  const start = bytes.subarray(0, maxLineBytes)
  const cr = start.indexOf(CR)
  if (cr === -1 || cr + 1 === bytes.length) {
    return start.length < maxLineBytes ? incomplete : invalid(`no CRLF within ${maxLineBytes} bytes`)
  }
  if (start[cr + 1] !== LF) return invalid("a CR without LF")
  const text = String.fromCharCode(...start.subarray(lineStart.length, cr))
  if (text === "UNKNOWN" || text.startsWith("UNKNOWN ")) return header(cr + 2, undefined)
  const client = parseFields(text)
  return client === undefined ? invalid("expected TCP4 or TCP6, two addresses and two ports") : header(cr + 2, client)
}

/** Size of the two addresses and ports of a family. */
const addressBytes = { IPv4: 12, IPv6: 36, Unix: 216 } as const

/** Families of version 2 by their number, the upper half of the 14th byte. */
const families: Readonly<Record<number, keyof typeof addressBytes>> = { 1: "IPv4", 2: "IPv6", 3: "Unix" }

const decodePath = (bytes: Uint8Array) => {
  const end = bytes.indexOf(0)
  return NetAddress.unixPathAddress(new TextDecoder().decode(end === -1 ? bytes : bytes.subarray(0, end)))
}

const decodeClient = (family: keyof typeof addressBytes, bytes: Uint8Array): ProxiedClient => {
  if (family === "Unix") {
    const half = addressBytes.Unix / 2
    return { source: decodePath(bytes.subarray(0, half)), destination: decodePath(bytes.subarray(half, 2 * half)) }
  }
  const size = family === "IPv4" ? 4 : 16
  const ip = family === "IPv4" ? NetAddress.ipv4FromBytesUnsafe : NetAddress.ipv6FromBytesUnsafe
  const address = (at: number, portAt: number) =>
    NetAddress.inetAddressUnsafe(ip(bytes.slice(at, at + size)), (bytes[portAt]! << 8) | bytes[portAt + 1]!)
  return { source: address(0, 2 * size), destination: address(size, 2 * size + 2) }
}

/** An additional field of version 2 (TLV): its type, and the place of its value in the header. */
interface Field {
  readonly type: number
  readonly at: number
  readonly length: number
}

/** Bytes of a field before its value: the type and the length. */
const fieldHeadBytes = 3

/** Returns the fields from an offset to the end of the header; undefined if they do not end there. */
const fieldsOf = (header: Uint8Array, offset: number): ReadonlyArray<Field> | undefined => {
  const fields: Array<Field> = []
  let at = offset
  while (at < header.length) {
    if (at + fieldHeadBytes > header.length) return undefined
    const length = (header[at + 1]! << 8) | header[at + 2]!
    fields.push({ type: header[at]!, at: at + fieldHeadBytes, length })
    at += fieldHeadBytes + length
  }
  return at === header.length ? fields : undefined
}

/** Type of the field with the CRC32c of the header (PP2_TYPE_CRC32C). */
const checksumType = 0x03

const checksumBytes = 4

const hexadecimal = (number: number) => `0x${number.toString(16).padStart(8, "0")}`

/** Compares the checksum of the header, if it has one. Returns what is wrong. */
const checksumProblem = (header: Uint8Array, fields: ReadonlyArray<Field>): string | undefined => {
  const [field, second] = fields.filter(({ type }) => type === checksumType)
  if (field === undefined) return undefined
  if (second !== undefined) return "two checksums (expected at most one)"
  const { at, length } = field
  if (length !== checksumBytes) return `a checksum of ${length} bytes (expected ${checksumBytes})`
  const received = new DataView(header.buffer, header.byteOffset).getUint32(at)
  const computed = crc32c(Uint8Array.from(header).fill(0, at, at + checksumBytes))
  return computed === received
    ? undefined
    : `wrong checksum (${hexadecimal(received)}, expected ${hexadecimal(computed)})`
}

/**
 * Parses the addresses and the fields of version 2 on behalf of a client. Without a family the addresses have any
 * length, and so are ignored: bytes that are not fields then are addresses.
 */
const parseBlock = (bytes: Uint8Array, family: keyof typeof addressBytes | undefined): Parsed => {
  const addressesEnd = fixedBytes + (family === undefined ? 0 : addressBytes[family])
  if (family !== undefined && bytes.length < addressesEnd) {
    const size = `${bytes.length - fixedBytes} bytes, expected ${addressBytes[family]}`
    return invalid(`too short for ${family} addresses (${size})`)
  }
  const fields = fieldsOf(bytes, addressesEnd)
  if (fields === undefined && family !== undefined) return invalid("a field (TLV) does not end within the header")
  const problem = checksumProblem(bytes, fields ?? [])
  if (problem !== undefined) return invalid(problem)
  return header(bytes.length, family === undefined ? undefined : decodeClient(family, bytes.subarray(fixedBytes)))
}

/** Parses version 2, which is binary. Of the additional fields (TLV) only the checksum is read. */
const parseBinary = (bytes: Uint8Array): Parsed => {
  if (bytes.length < fixedBytes) return incomplete
  const [version, command] = [bytes[12]! >> 4, bytes[12]! & 15]
  if (version !== 2) return invalid(`version ${version} (expected 2)`)
  if (command > 1) return invalid(`unknown command ${command} (expected 0 or 1)`)
  const isLocal = command === 0
  const [family, protocol] = [bytes[13]! >> 4, bytes[13]! & 15]
  if (!isLocal && (family > 3 || protocol > 2)) return invalid(`unknown address family or protocol ${bytes[13]}`)
  const length = fixedBytes + ((bytes[14]! << 8) | bytes[15]!)
  if (length > maxHeaderBytes) return invalid(`too long (${length} bytes, limit ${maxHeaderBytes})`)
  if (bytes.length < length) return incomplete
  // LOCAL is accepted whatever follows it: the specification discards its family, its addresses and its fields.
  if (isLocal) return header(length, undefined)
  return parseBlock(bytes.subarray(0, length), protocol === 0 ? undefined : families[family])
}

/**
 * Parses the header at the start of a stream, from all bytes received so far. The result is the same for every longer
 * stream, except after `Incomplete`.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (bytes: Uint8Array): Parsed => {
  if (begins(bytes, signature)) return bytes.length < signature.length ? incomplete : parseBinary(bytes)
  if (begins(bytes, lineStart)) return bytes.length < lineStart.length ? incomplete : parseLine(bytes)
  return invalid("the stream begins with other bytes")
}
