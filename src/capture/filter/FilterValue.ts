/** Values in display filters: how each type of field reads, formats and compares them. Pure. */
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import type { FieldType, FieldValue } from "../../network/dissect/FieldDissector.ts"
import * as IpOctets from "../IpOctets.ts"

/** An address and the number of leading bits that are compared. @category models @since 0.1.0 */
interface Network {
  readonly address: Uint8Array
  readonly prefixLength: number
}

/** A time span, in nanoseconds. @category models @since 0.1.0 */
interface Seconds {
  readonly nanos: bigint
}

/**
 * A value as a filter holds it: a number, a text, bytes, a network, or a time span. True and false are 1 and 0, and the
 * prefix of an address is its whole length.
 *
 * @category models
 * @since 0.1.0
 */
export type Value = number | string | Uint8Array | Network | Seconds

/** Form in which values are compared; undefined if a packet has a value of another type than its field. */
export type Comparable = number | string | bigint | Uint8Array | undefined

const hex2 = (byte: number) => byte.toString(16).padStart(2, "0")

const formatBytes = (bytes: Uint8Array) =>
  bytes.length === 1 ? `0x${hex2(bytes[0]!)}` : Array.from(bytes, hex2).join(":")

const formatAddress = (bytes: Uint8Array) =>
  NetAddress.formatIp(
    bytes.length === 4 ? NetAddress.ipv4FromBytesUnsafe(bytes) : NetAddress.ipv6FromBytesUnsafe(bytes)
  )

const namedEscapes: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  '"': '\\"',
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t"
}

const quote = (text: string) =>
  `"${text.replace(/[\\"\p{Cc}]/gu, (each) => namedEscapes[each] ?? `\\x${hex2(each.charCodeAt(0))}`)}"`

const nanosPerSecond = 1_000_000_000n

const formatSeconds = (nanos: bigint) => {
  const magnitude = nanos < 0n ? -nanos : nanos
  const fraction = `${magnitude % nanosPerSecond}`.padStart(9, "0").replace(/0+$/, "")
  return `${nanos < 0n ? "-" : ""}${magnitude / nanosPerSecond}${fraction === "" ? "" : `.${fraction}`}`
}

/** Formats a value as text that parses to it. */
export const format = (value: Value): string => {
  if (typeof value === "number") return `${value}`
  if (typeof value === "string") return quote(value)
  if (value instanceof Uint8Array) return formatBytes(value)
  if ("nanos" in value) return formatSeconds(value.nanos)
  const isWhole = value.prefixLength === 8 * value.address.length
  return `${formatAddress(value.address)}${isWhole ? "" : `/${value.prefixLength}`}`
}

/** Reads a whole number: decimal, hexadecimal after `0x`, binary after `0b`, octal after `0`. */
export const parseNumber = (text: string): number | undefined => {
  const value = /^0[0-7]+$/.test(text)
    ? Number.parseInt(text, 8)
    : /^(0x[0-9a-f]+|0b[01]+|[1-9][0-9]*|0)$/i.test(text)
      ? Number(text)
      : undefined
  return value === undefined || value > Number.MAX_SAFE_INTEGER ? undefined : value
}

const parseBoolean = (text: string): number | undefined =>
  /^(1|true)$/i.test(text) ? 1 : /^(0|false)$/i.test(text) ? 0 : undefined

const parseSeconds = (text: string): Seconds | undefined => {
  const parts = /^(-?)([0-9]{1,12})(?:\.([0-9]{1,9}))?$/.exec(text)
  if (parts === null) return undefined
  const [, sign, whole, fraction = ""] = parts
  const nanos = BigInt(whole!) * nanosPerSecond + BigInt(fraction.padEnd(9, "0"))
  return { nanos: sign === "-" ? -nanos : nanos }
}

const parseBytes = (text: string): Uint8Array | undefined => {
  if (/^0x[0-9a-f]{2}$/i.test(text)) return Uint8Array.of(Number.parseInt(text, 16))
  if (!/^[0-9a-f]{2}([:-][0-9a-f]{2})*$/i.test(text)) return undefined
  return Uint8Array.from(text.split(/[:-]/), (byte) => Number.parseInt(byte, 16))
}

const maskTo = (address: Uint8Array, prefixLength: number) =>
  address.map((byte, at) => {
    const bits = Math.min(8, Math.max(0, prefixLength - 8 * at))
    return byte & (0xff << (8 - bits))
  })

const parseNetwork =
  (length: 4 | 16) =>
  (text: string): Network | undefined => {
    const [literal, prefix, ...more] = text.split("/")
    if (more.length > 0 || (length === 16) !== literal!.includes(":")) return undefined
    const ip = NetAddress.ipFromString(literal!)
    if (Result.isFailure(ip) || literal!.includes("%")) return undefined
    const { success } = ip
    const address = Uint8Array.from(
      NetAddress.isIpv4Address(success) ? NetAddress.ipv4ToOctets(success) : NetAddress.ipv6ToOctets(success)
    )
    if (address.length !== length) return undefined
    if (prefix === undefined) return { address, prefixLength: 8 * length }
    const prefixLength = /^(0|[1-9][0-9]{0,2})$/.test(prefix) ? Number(prefix) : Number.NaN
    return prefixLength <= 8 * length ? { address: maskTo(address, prefixLength), prefixLength } : undefined
  }

/** Syntax of the values of a type: `parse` reads a word, `expected` names what it accepts. */
export interface TypeSyntax {
  readonly expected: string
  readonly parse: (word: string) => Value | undefined
  /** A quoted text is a value of this type, too. */
  readonly takesText: boolean
}

const encoder = new TextEncoder()

/** The syntax of each type. */
export const syntax: Readonly<Record<FieldType, TypeSyntax>> = {
  number: { expected: "a number, such as 80 or 0x50", parse: parseNumber, takesText: false },
  boolean: { expected: "1, 0, true or false", parse: parseBoolean, takesText: false },
  IPv4: { expected: "an IPv4 address or network, such as 10.0.0.0/8", parse: parseNetwork(4), takesText: false },
  IPv6: { expected: "an IPv6 address or network, such as 2001:db8::/32", parse: parseNetwork(16), takesText: false },
  ethernet: {
    expected: "a hardware address, such as 02:00:00:00:00:01",
    parse: (text) => {
      const bytes = parseBytes(text)
      return bytes?.length === 6 ? bytes : undefined
    },
    takesText: false
  },
  text: { expected: 'a text, such as "example"', parse: (text) => text, takesText: true },
  bytes: { expected: 'bytes, such as 47:45:54 or "GET"', parse: parseBytes, takesText: true },
  seconds: { expected: "seconds, such as 1.5", parse: parseSeconds, takesText: false },
  protocol: { expected: "no value: a protocol only exists", parse: () => undefined, takesText: false }
}

/** Converts a quoted text to a value of a type; undefined if it is none. */
export const fromText = (type: FieldType, text: string): Value | undefined =>
  type === "bytes" ? encoder.encode(text) : syntax[type].takesText ? text : undefined

/** Conversion of the addresses of packets, with a cache. */
const octetsOf = IpOctets.cachedLookup()

const parseEthernet = (text: string) => parseBytes(text)

/** Converts a value of a packet to the form in which values of its field are compared. */
export const toComparable = (type: FieldType, value: FieldValue): Comparable => {
  switch (type) {
    case "number":
    case "boolean":
      return typeof value === "number" ? value : typeof value === "boolean" ? (value ? 1 : 0) : undefined
    case "IPv4":
    case "IPv6": {
      const octets = typeof value === "string" ? octetsOf(value) : value instanceof Uint8Array ? value : undefined
      return type === "IPv6" && octets?.length === 4 ? IpOctets.toIpv4Mapped(octets) : octets
    }
    case "ethernet":
      return typeof value === "string" ? parseEthernet(value) : value instanceof Uint8Array ? value : undefined
    case "bytes":
      return value instanceof Uint8Array ? value : undefined
    case "text":
      return typeof value === "string" ? value : undefined
    case "seconds":
      return typeof value === "bigint" ? value : undefined
    default:
      return undefined
  }
}

const compareBytes = (one: Uint8Array, other: Uint8Array): number => {
  const length = Math.min(one.length, other.length)
  for (let i = 0; i < length; i++) if (one[i] !== other[i]) return one[i]! - other[i]!
  return one.length - other.length
}

/** Compares two values of one type: negative, 0 or positive; NaN if their types differ. */
export const compare = (one: Comparable, other: Comparable): number => {
  if (one instanceof Uint8Array) return other instanceof Uint8Array ? compareBytes(one, other) : Number.NaN
  if (typeof one !== typeof other || one === undefined || other === undefined) return Number.NaN
  return one < other ? -1 : one > other ? 1 : 0
}

const isInNetwork = (address: Uint8Array, { address: network, prefixLength }: Network) => {
  if (address.length !== network.length) return false
  const whole = prefixLength >> 3
  for (let i = 0; i < whole; i++) if (address[i] !== network[i]) return false
  const rest = prefixLength & 7
  return rest === 0 || ((address[whole]! ^ network[whole]!) & (0xff << (8 - rest))) === 0
}

/** Returns the comparison of packet values with a value of a filter; 0 for an address within a network. */
export const comparison = (value: Value): ((found: Comparable) => number) => {
  if (typeof value === "number") return (found) => (typeof found === "number" ? found - value : Number.NaN)
  if (typeof value === "string" || value instanceof Uint8Array) return (found) => compare(found, value)
  if ("nanos" in value) return (found) => compare(found, value.nanos)
  return (found) =>
    !(found instanceof Uint8Array) ? Number.NaN : isInNetwork(found, value) ? 0 : compareBytes(found, value.address)
}
