/**
 * Dissector of ICMP (RFC 792) and ICMPv6 (RFC 4443, RFC 4861). An error message holds the start of the packet that
 * caused it: its addresses and ports are fields, too, as in Wireshark. Pure.
 */
import type { Field, FieldDissection, FieldTable } from "../../network/dissect/FieldDissector.ts"
import type * as Packet from "../../network/Packet.ts"
import * as ByteReader from "./ByteReader.ts"

const { u16 } = ByteReader

/** A message of a protocol that has no ports. */
export interface LayerDissection extends FieldDissection {
  /** Protocols of the packet inside of an error message. */
  readonly innerProtocols: ReadonlyArray<string>
  /** Ends of the UDP packet inside of an error message. */
  readonly innerUdp?: Pick<Packet.Packet, "from" | "to"> | undefined
}

/** Fields of ICMP and ICMPv6. */
export const fields: FieldTable = {
  "icmp.type": ["number", "Type: echo reply 0, unreachable 3, echo request 8, time exceeded 11"],
  "icmp.code": ["number", "Code of the type"],
  "icmp.ident": ["number", "Identifier of an echo"],
  "icmp.seq": ["number", "Sequence number of an echo"],
  "icmpv6.type": ["number", "Type: unreachable 1, echo request 128, neighbour solicitation 135"],
  "icmpv6.code": ["number", "Code of the type"],
  "icmpv6.echo.identifier": ["number", "Identifier of an echo"],
  "icmpv6.echo.sequence_number": ["number", "Sequence number of an echo"]
}

/** Names of the types of ICMP, and of their codes from 0. */
const names: Readonly<Record<number, readonly [kind: string, ...codes: ReadonlyArray<string>]>> = {
  0: ["echo reply"],
  3: ["unreachable", "network", "host", "protocol", "port", "fragmentation needed", "source route"],
  4: ["source quench"],
  5: ["redirect"],
  8: ["echo request"],
  9: ["router advertisement"],
  10: ["router solicitation"],
  11: ["time exceeded", "in transit", "reassembly"],
  12: ["parameter problem"],
  13: ["timestamp request"],
  14: ["timestamp reply"]
}

const namesV6: typeof names = {
  1: ["unreachable", "no route", "prohibited", "scope", "address", "port"],
  2: ["packet too big"],
  3: ["time exceeded", "in transit", "reassembly"],
  4: ["parameter problem"],
  128: ["echo request"],
  129: ["echo reply"],
  130: ["multicast listener query"],
  131: ["multicast listener report"],
  132: ["multicast listener done"],
  133: ["router solicitation"],
  134: ["router advertisement"],
  135: ["neighbour solicitation"],
  136: ["neighbour advertisement"],
  143: ["multicast listener report"]
}

const errorTypes = new Set([3, 4, 5, 11, 12])
const errorTypesV6 = new Set([1, 2, 3, 4])

/** Start of the packet inside of an error message. */
interface InnerPacket {
  readonly text: string
  readonly fields: ReadonlyArray<Field>
  readonly protocols: ReadonlyArray<string>
  readonly udp?: Pick<Packet.Packet, "from" | "to"> | undefined
}

const transports: Readonly<Record<number, "tcp" | "udp">> = { 6: "tcp", 17: "udp" }

const portFields = (name: "tcp" | "udp", from: number, to: number): ReadonlyArray<Field> => [
  [`${name}.port`, from],
  [`${name}.port`, to],
  [`${name}.srcport`, from],
  [`${name}.dstport`, to]
]

/** Decodes the start of an IP packet, of which 8 bytes after the header are guaranteed. */
const innerPacket = (bytes: Uint8Array): InnerPacket | undefined => {
  const version = (bytes[0] ?? 0) >> 4
  const isV4 = version === 4
  const headerLength = isV4 ? (bytes[0]! & 15) * 4 : 40
  if ((!isV4 && version !== 6) || headerLength < 20 || bytes.length < headerLength) return undefined
  const from = bytes.subarray(isV4 ? 12 : 8, isV4 ? 16 : 24)
  const to = bytes.subarray(isV4 ? 16 : 24, isV4 ? 20 : 40)
  const protocol = bytes[isV4 ? 9 : 6]!
  const name = isV4 ? "ip" : "ipv6"
  const isLaterFragment = isV4 && (u16(bytes, 6) & 0x1fff) !== 0
  const transport = bytes.length >= headerLength + 4 && !isLaterFragment ? transports[protocol] : undefined
  const ports = [u16(bytes, headerLength), u16(bytes, headerLength + 2)] as const
  const port = (at: 0 | 1) => (transport === undefined ? "" : ` port ${ports[at]}`)
  const endpoint = (address: Uint8Array, at: 0 | 1) => ({ address: ByteReader.formatIp(address)!, port: ports[at] })
  return {
    text: `${ByteReader.formatIp(from)}${port(0)} > ${ByteReader.formatIp(to)}${port(1)}`,
    protocols: transport === undefined ? [name] : [name, transport],
    udp: transport === "udp" ? { from: endpoint(from, 0), to: endpoint(to, 1) } : undefined,
    fields: [
      [`${name}.src`, from],
      [`${name}.dst`, to],
      [`${name}.addr`, from],
      [`${name}.addr`, to],
      ...(isV4
        ? ([
            ["ip.ttl", bytes[8]!],
            ["ip.proto", protocol]
          ] as const)
        : ([["ipv6.hlim", bytes[7]!]] as const)),
      ...(transport === undefined ? [] : portFields(transport, ports[0], ports[1])),
      ...(transport === "udp" && bytes.length >= headerLength + 6
        ? ([["udp.length", u16(bytes, headerLength + 4)]] as const)
        : []),
      // Wireshark does not know the connection here, so that its number is not relative.
      ...(transport === "tcp" && bytes.length >= headerLength + 8
        ? ([["tcp.seq", ByteReader.u32(bytes, headerLength + 4)]] as const)
        : [])
    ]
  }
}

const echoText = (bytes: Uint8Array) =>
  bytes.length < 8 ? "" : `, id ${u16(bytes, 4)}, number ${u16(bytes, 6)}, ${bytes.length - 8} bytes`

const neighbourText = (bytes: Uint8Array) => (bytes.length < 24 ? "" : ` ${ByteReader.formatIp(bytes.subarray(8, 24))}`)

/** Dissects a message of ICMP, or of ICMPv6, from its header on. Never throws. */
export const decode = (bytes: Uint8Array, isV6: boolean): LayerDissection | undefined => {
  const [type, code] = bytes
  if (type === undefined || code === undefined) return undefined
  const protocol = isV6 ? "icmpv6" : "icmp"
  const [kind = `type ${type}`, ...codes] = (isV6 ? namesV6 : names)[type] ?? []
  const isEcho = isV6 ? type === 128 || type === 129 : type === 0 || type === 8
  const isError = (isV6 ? errorTypesV6 : errorTypes).has(type)
  const inner = isError ? innerPacket(bytes.subarray(8)) : undefined
  const isNeighbour = isV6 && (type === 135 || type === 136)
  const reason = codes[code] ?? (code === 0 ? "" : `code ${code}`)
  const about = isEcho
    ? echoText(bytes)
    : isNeighbour
      ? neighbourText(bytes)
      : inner === undefined
        ? ""
        : `: ${inner.text}`
  const echoNames = isV6 ? ["icmpv6.echo.identifier", "icmpv6.echo.sequence_number"] : ["icmp.ident", "icmp.seq"]
  return {
    protocol,
    kind: kind.toUpperCase().replaceAll(" ", "_"),
    summary: `${kind}${reason === "" ? "" : ` (${reason})`}${about}`,
    fields: [
      [`${protocol}.type`, type],
      [`${protocol}.code`, code],
      ...(isEcho && bytes.length >= 8
        ? ([
            [echoNames[0]!, u16(bytes, 4)],
            [echoNames[1]!, u16(bytes, 6)]
          ] as const)
        : []),
      ...(inner?.fields ?? [])
    ],
    innerProtocols: inner?.protocols ?? [],
    innerUdp: inner?.udp
  }
}
