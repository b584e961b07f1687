/**
 * Dissection of the packets of a capture in their order: messages, also those that span TCP segments, and fields.
 * Some fields follow from the packets before, such as `tcp.stream`. Its result is what `DisplayFilter.matches` tests
 * besides the headers. Memory is bounded: connections used longest ago are forgotten.
 *
 * **Example** (A query for a name)
 *
 * ```ts
 * import { CaptureReader, CaptureWriter, DisplayFilter, PacketDissector, PcapngDecoder } from "effect-inet/capture"
 * import * as Result from "effect/Result"
 *
 * const query = "\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\x01\x00\x01"
 * const writer = CaptureWriter.make()
 * const [from, to] = [{ address: "10.0.0.1", port: 4000 }, { address: "10.0.0.2", port: 53 }]
 * const bytes = new TextEncoder().encode(query)
 * writer.tap({ transport: "udp", kind: "datagram", from, to, bytes, at: 0n, host: "client" })
 * const blocks = Result.getOrThrow(PcapngDecoder.decode(Buffer.concat(writer.finish())))
 * const packet = blocks.map(CaptureReader.make()).find((found) => found !== undefined)!
 *
 * const details = PacketDissector.make()(packet)
 * details.messages[0]?.summary // => "query A example.com"
 * const filter = Result.getOrThrow(DisplayFilter.parse('dns.qry.name contains "example"'))
 * DisplayFilter.matches(filter, packet, details) // => true
 * ```
 */
import type * as Result from "effect/Result"
import type { Field, FieldDissection, FieldDissector, FieldValue } from "../../network/dissect/FieldDissector.ts"
import type * as Packet from "../../network/Packet.ts"
import { BoundedMap } from "../BoundedMap.ts"
import * as CaptureReader from "../CaptureReader.ts"
import type { PacketDetails as FilterDetails } from "../filter/FilterCompiler.ts"
import type * as Ip from "../Ip.ts"
import * as TcpStreams from "../reassembly/TcpStreams.ts"
import * as DecodeAs from "./DecodeAs.ts"
import * as Dissectors from "./Dissectors.ts"
import * as ExpectedFlows from "./ExpectedFlows.ts"
import * as Layer from "./Layer.ts"
import * as TcpStream from "./TcpStream.ts"

/** A message that a packet completes. @category models @since 0.1.0 */
export interface Message extends Packet.Dissection {
  readonly protocol: string
}

/** Messages and fields of a packet besides its headers. @category models @since 0.1.0 */
export interface PacketDetails extends FilterDetails {
  readonly messages: ReadonlyArray<Message>
}

/** Options of a dissector. @category models @since 0.1.0 */
export interface Options {
  /** Dissectors; of two with one port the first has it. Default: those of DNS, DHCP, HTTP/1, TLS and NTP. */
  readonly dissectors?: ReadonlyArray<FieldDissector> | undefined
  /** Ports whose packets are of a given protocol. Default none. */
  readonly decodeAs?: ReadonlyArray<DecodeAs.Rule> | undefined
  /** Maximum number of TCP connections that are followed at a time. Default 16,384. */
  readonly maxConnections?: number | undefined
}

/** Maximum number of UDP conversations that are numbered. */
const maxConversations = 100_000

/** A connection, and the client as the reassembly sees it. */
interface TcpEntry {
  readonly client: Packet.Packet["from"]
  readonly state: TcpStream.State
}

/** State of a dissector. Mutable: a copy of the maps for each packet would take longer than the dissection. */
interface State {
  readonly table: Dissectors.Table
  readonly streams: TcpStreams.TcpStreams
  /** Connections by the number of their stream. */
  readonly tcp: BoundedMap<number, TcpEntry>
  readonly conversations: BoundedMap<string, number>
  conversationCount: number
  flows: ExpectedFlows.State
  firstAt: bigint | undefined
  lastAt: bigint
}

const keyOf = (one: Packet.Packet["from"], other: Packet.Packet["from"]) =>
  one.address < other.address || (one.address === other.address && one.port <= other.port)
    ? `${one.address} ${one.port} ${other.address} ${other.port}`
    : `${other.address} ${other.port} ${one.address} ${one.port}`

/** Details of one packet while they are collected. */
interface Collected {
  readonly protocols: Array<string>
  readonly fields: Map<string, Array<FieldValue>>
  readonly messages: Array<Message>
}

const addField = ({ fields }: Collected, [name, value]: Field) => {
  const values = fields.get(name)
  if (values === undefined) fields.set(name, [value])
  else values.push(value)
}

const addDissection = (collected: Collected, name: string, dissection: FieldDissection) => {
  const { fields, kind, summary } = dissection
  const protocol = dissection.protocol ?? name
  if (!collected.protocols.includes(protocol)) collected.protocols.push(protocol)
  collected.messages.push({ protocol, kind, summary })
  for (const field of fields) addField(collected, field)
}

/** Candidates for a datagram, the likeliest first. */
function* candidates(
  table: Dissectors.Table,
  packet: Packet.Packet,
  flow: ExpectedFlows.Flow | undefined
): Generator<FieldDissector, void> {
  const ruled = Dissectors.atPorts(table.byRule.udp, packet)
  if (ruled !== undefined) return yield ruled[0][0]!
  const expected = flow === undefined ? undefined : table.byName.get(flow.protocol)
  if (expected !== undefined) yield expected
  const byPort = Dissectors.atPorts(table.byPort.udp, packet)
  if (byPort !== undefined) yield* byPort[0]
  const byContent = Dissectors.byContent(table, packet)
  if (byContent !== undefined) yield byContent
}

/** Numbers a UDP conversation. */
const addUdpStream = (self: State, { from, to }: Pick<Packet.Packet, "from" | "to">, collected: Collected) => {
  const key = keyOf(from, to)
  const stream = self.conversations.get(key) ?? self.conversationCount++
  self.conversations.set(key, stream)
  addField(collected, ["udp.stream", stream])
}

const dissectUdp = (self: State, packet: Packet.Packet, collected: Collected) => {
  addUdpStream(self, packet, collected)
  if (packet.bytes.length === 0) return
  const flow = ExpectedFlows.flowOf(self.flows, packet)
  for (const dissector of candidates(self.table, packet, flow)) {
    const found = dissector.decode(packet)
    if (found === undefined) continue
    addDissection(collected, dissector.name, found)
    if (found.expectsOtherPort !== undefined) {
      const { fields } = found.expectsOtherPort
      self.flows = ExpectedFlows.expect(self.flows, packet, { protocol: dissector.name, fields })
    } else if (flow?.protocol === dissector.name) {
      for (const field of flow.fields) addField(collected, field)
    }
    return
  }
}

type TcpPacket = CaptureReader.CapturedPacket & { readonly tcp: Ip.TcpHeader }

/** Returns who sent a packet, as its reassembly says: the first packet of a stream is of the client, or a SYN-ACK. */
const directionOf = ({ client }: TcpEntry, { address, port }: Packet.Packet["from"]) =>
  client.address === address && client.port === port ? "client" : "server"

const dissectTcp = (self: State, captured: TcpPacket, packet: Packet.Packet, collected: Collected) => {
  const { from, to } = packet
  const events = self.streams.add(captured)
  const stream = self.streams.streamOf(captured) ?? 0
  let { client, state } = self.tcp.get(stream) ?? {
    client: packet.kind === "synack" ? to : from,
    state: TcpStream.initial(from)
  }
  state = TcpStream.learn(state, from, captured.tcp)
  const [seq, ack] = TcpStream.relative(state, from, captured.tcp)
  for (const field of [
    ["tcp.stream", stream],
    ["tcp.seq", seq],
    ["tcp.ack", ack]
  ] as const)
    addField(collected, field)
  const sent = directionOf({ client, state }, from)
  for (const event of events) {
    const [next, found] = TcpStream.step(state, self.table, packet, sent, event)
    state = next
    for (const dissection of found) addDissection(collected, state.dissector!.name, dissection)
  }
  self.tcp.set(stream, { client, state })
}

const dissectLayer = (self: State, captured: CaptureReader.CapturedPacket, collected: Collected) => {
  const found = Layer.decode(captured)
  if (found === undefined) return
  addDissection(collected, captured.protocol.toLowerCase(), found)
  collected.protocols.push(...found.innerProtocols)
  if (found.innerUdp !== undefined) addUdpStream(self, found.innerUdp, collected)
}

const isTcp = (captured: CaptureReader.CapturedPacket): captured is TcpPacket => captured.tcp !== undefined

const dissect = (self: State, captured: CaptureReader.CapturedPacket): PacketDetails => {
  const collected: Collected = { protocols: [], fields: new Map(), messages: [] }
  self.firstAt ??= captured.at
  addField(collected, ["frame.time_relative", captured.at - self.firstAt])
  addField(collected, ["frame.time_delta", captured.number === 1 ? 0n : captured.at - self.lastAt])
  self.lastAt = captured.at
  const packet = CaptureReader.toObservedPacket(captured)
  if (packet === undefined || !captured.layers.includes(packet.transport)) dissectLayer(self, captured, collected)
  else if (isTcp(captured)) dissectTcp(self, captured, packet, collected)
  else dissectUdp(self, packet, collected)
  return collected
}

/**
 * Creates a dissector of one capture: call it with each packet in order.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = ({
  decodeAs = [],
  dissectors = Dissectors.standard,
  maxConnections = 16_384
}: Options = {}): ((packet: CaptureReader.CapturedPacket) => PacketDetails) => {
  const state: State = {
    table: Dissectors.make(dissectors, decodeAs),
    streams: TcpStreams.make({ maxConnections }),
    tcp: new BoundedMap(maxConnections),
    conversations: new BoundedMap(maxConversations),
    conversationCount: 0,
    flows: ExpectedFlows.initial,
    firstAt: undefined,
    lastAt: 0n
  }
  return (packet) => dissect(state, packet)
}

/** Dissectors of DNS, DHCP, HTTP/1, TLS and NTP. @category constants @since 0.1.0 */
export const standard: ReadonlyArray<FieldDissector> = Dissectors.standard

/** Rule that packets from or to a port are of a protocol. @category models @since 0.1.0 */
export type Rule = DecodeAs.Rule

/**
 * Parses a rule `PORT=PROTOCOL`, or `tcp/PORT=PROTOCOL`, for protocols of the given names. A failure is the reason, as
 * one line.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parseRule: (text: string, protocols: ReadonlyArray<string>) => Result.Result<Rule, string> = DecodeAs.parse

/** Formats a rule as text that parses to it. @category formatting @since 0.1.0 */
export const formatRule: (rule: Rule) => string = DecodeAs.format
