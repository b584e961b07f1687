/** Table of dissectors: by port, by the rules of the user, and by content. Pure. */
import type { FieldDissector } from "../../network/dissect/FieldDissector.ts"
import type * as Packet from "../../network/Packet.ts"
import type * as DecodeAs from "./DecodeAs.ts"
import * as Dhcp from "./Dhcp.ts"
import * as Dns from "./Dns.ts"
import * as Http from "./Http.ts"
import * as Ntp from "./Ntp.ts"
import * as Tls from "./Tls.ts"

/** Dissectors of protocols that are not of this package: DNS, DHCP, HTTP/1, TLS and NTP. */
export const standard: ReadonlyArray<FieldDissector> = [
  Dns.dissector,
  Dhcp.dissector,
  Http.dissector,
  Tls.dissector,
  Ntp.dissector
]

type Transport = Packet.Packet["transport"]

/** Dissectors by port. */
type ByPort = ReadonlyMap<number, ReadonlyArray<FieldDissector>>

/** Dissectors by the ways in which they are found. */
export interface Table {
  readonly byName: ReadonlyMap<string, FieldDissector>
  /** Dissectors that the user has chosen for a port. */
  readonly byRule: Readonly<Record<Transport, ByPort>>
  readonly byPort: Readonly<Record<Transport, ByPort>>
  readonly byContent: ReadonlyArray<FieldDissector>
}

type Entry = readonly [port: number, dissector: FieldDissector]

const grouped = (entries: ReadonlyArray<Entry>): ByPort => {
  const map = new Map<number, ReadonlyArray<FieldDissector>>()
  for (const [port, dissector] of entries) map.set(port, [...(map.get(port) ?? []), dissector])
  return map
}

const byTransport = (entries: (transport: Transport) => ReadonlyArray<Entry>): Table["byPort"] => ({
  udp: grouped(entries("udp")),
  tcp: grouped(entries("tcp"))
})

/** Builds the table. Of the rules for a port the last one holds. */
export const make = (dissectors: ReadonlyArray<FieldDissector>, rules: ReadonlyArray<DecodeAs.Rule>): Table => {
  const byName = new Map(dissectors.map((dissector) => [dissector.name, dissector]))
  return {
    byName,
    byRule: byTransport((transport) =>
      rules.toReversed().flatMap(({ port, protocol, ...rule }) => {
        const dissector = byName.get(protocol)
        const holds = rule.transport === undefined || rule.transport === transport
        return dissector !== undefined && holds ? [[port, dissector] as const] : []
      })
    ),
    byPort: byTransport((transport) =>
      dissectors.flatMap((dissector) => (dissector.ports[transport] ?? []).map((port) => [port, dissector] as const))
    ),
    byContent: dissectors.filter(({ recognizes }) => recognizes !== undefined)
  }
}

/** Returns the dissectors for one of the ports of a packet, the lower one first as in Wireshark, and the port. */
export const atPorts = (
  map: ByPort,
  { from, to }: Pick<Packet.Packet, "from" | "to">
): readonly [dissectors: ReadonlyArray<FieldDissector>, port: number] | undefined => {
  if (map.size === 0) return undefined
  const low = Math.min(from.port, to.port)
  const lowest = map.get(low)
  if (lowest !== undefined) return [lowest, low]
  const high = Math.max(from.port, to.port)
  const highest = map.get(high)
  return highest === undefined ? undefined : [highest, high]
}

/** Returns the dissector that recognizes the payload of a packet. */
export const byContent = ({ byContent }: Table, packet: Packet.Packet): FieldDissector | undefined =>
  byContent.find(({ recognizes }) => recognizes!(packet))
