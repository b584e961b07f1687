/** State of a TCP connection for dissectors, and a pure step: relative sequence numbers, and messages. */
import type { FieldDissection, FieldDissector, MessageCollector } from "../../network/dissect/FieldDissector.ts"
import type * as Packet from "../../network/Packet.ts"
import * as Ip from "../Ip.ts"
import type { Direction, StreamEvent } from "../reassembly/TcpStreams.ts"
import * as Dissectors from "./Dissectors.ts"

type Endpoint = Packet.Packet["from"]

/** State of a connection. */
export interface State {
  /** The endpoint that sent the first packet. */
  readonly first: Endpoint
  /** Sequence numbers from which those of the first endpoint and of the other one are counted. */
  readonly bases: readonly [first: number | undefined, other: number | undefined]
  readonly hasSyn: boolean
  /** The client is not who the reassembly takes for it: the capture has no SYN, and the ports say otherwise. */
  readonly isReversed: boolean
  /** Directions whose next bytes follow missing ones. */
  readonly gaps: Readonly<Record<Direction, boolean>>
  readonly dissector: FieldDissector | undefined
  readonly collector: MessageCollector | undefined
}

/** Returns the state of a connection before its first packet. */
export const initial = (first: Endpoint): State => ({
  first,
  bases: [undefined, undefined],
  hasSyn: false,
  isReversed: false,
  gaps: { client: false, server: false },
  dissector: undefined,
  collector: undefined
})

const isFirst = ({ first }: State, from: Endpoint) => first.port === from.port && first.address === from.address

const hasFlag = ({ flags }: Ip.TcpHeader, bit: number) => (flags & bit) !== 0

/** Learns the initial sequence numbers from a segment, as Wireshark does. */
export const learn = (state: State, from: Endpoint, tcp: Ip.TcpHeader): State => {
  const hasSyn = state.hasSyn || hasFlag(tcp, Ip.flag.syn)
  const isOwnFirst = isFirst(state, from)
  let [own, other] = isOwnFirst ? state.bases : [state.bases[1], state.bases[0]]
  if (hasSyn === state.hasSyn && own !== undefined && (other !== undefined || !hasFlag(tcp, Ip.flag.ack))) return state
  own ??= hasFlag(tcp, Ip.flag.syn) ? tcp.seq : (tcp.seq - 1) >>> 0
  if (hasFlag(tcp, Ip.flag.ack)) other ??= (tcp.ack - 1) >>> 0
  return { ...state, hasSyn, bases: isOwnFirst ? [own, other] : [other, own] }
}

/** Returns the sequence and acknowledgement numbers of a segment, relative to the first ones. */
export const relative = (state: State, from: Endpoint, tcp: Ip.TcpHeader): readonly [seq: number, ack: number] => {
  const [own = 0, other] = isFirst(state, from) ? state.bases : [state.bases[1], state.bases[0]]
  const ack = hasFlag(tcp, Ip.flag.ack) && other !== undefined ? (tcp.ack - other) >>> 0 : tcp.ack
  return [(tcp.seq - own) >>> 0, ack]
}

/** Chooses the dissector of a connection by a piece of data: by rule, by port if the data fits, or by content. */
const choose = (
  table: Dissectors.Table,
  packet: Packet.Packet
): readonly [dissector: FieldDissector, port: number | undefined] | undefined => {
  const ruled = Dissectors.atPorts(table.byRule.tcp, packet)
  if (ruled !== undefined) return [ruled[0][0]!, ruled[1]]
  const [expected = [], port] = Dissectors.atPorts(table.byPort.tcp, packet) ?? []
  const fitting = expected.find(({ recognizes }) => recognizes === undefined || recognizes(packet))
  if (fitting !== undefined) return [fitting, port]
  const found = Dissectors.byContent(table, packet)
  if (found !== undefined) return [found, undefined]
  return expected[0] === undefined ? undefined : [expected[0], port]
}

const withDissector = (state: State, table: Dissectors.Table, packet: Packet.Packet, direction: Direction): State => {
  const chosen = state.dissector === undefined ? choose(table, packet) : undefined
  if (chosen === undefined) return state
  const [dissector, port] = chosen
  const isToServer = port === undefined || packet.to.port === port
  const isReversed = !state.hasSyn && isToServer !== (direction === "client")
  return { ...state, isReversed, dissector, collector: dissector.collector }
}

type Step = readonly [State, ReadonlyArray<FieldDissection>]

const none: ReadonlyArray<FieldDissection> = []

const takeData = (state: State, packet: Packet.Packet, direction: Direction, ends: boolean): Step => {
  const { collector, dissector, gaps, isReversed } = state
  const fromClient = (direction === "client") !== isReversed
  const { bytes, from, to } = packet
  if (collector !== undefined) {
    const [next, found] = collector.next({ bytes, fromClient, ends, afterGap: gaps[direction], from, to })
    return [{ ...state, collector: next, gaps: { ...gaps, [direction]: false } }, found]
  }
  const found = bytes.length === 0 ? undefined : dissector?.decode(packet, fromClient)
  return [state, found === undefined ? none : [found]]
}

/**
 * Takes an event of the reassembly, and returns the messages that it completes. `caused` is the packet that has caused
 * it, and `sent` the direction in which that packet was sent: an acknowledgement may complete the other one.
 */
export const step = (
  state: State,
  table: Dissectors.Table,
  caused: Packet.Packet,
  sent: Direction,
  { bytes, direction, kind }: StreamEvent
): Step => {
  if (kind === "gap") return [{ ...state, gaps: { ...state.gaps, [direction]: true } }, none]
  if (kind === "open" || kind === "reset") return [state, none]
  const isOwn = direction === sent
  const { from, to } = caused
  const packet: Packet.Packet = { ...caused, kind: "data", from: isOwn ? from : to, to: isOwn ? to : from, bytes }
  return kind === "close"
    ? takeData(state, packet, direction, true)
    : takeData(withDissector(state, table, packet, direction), packet, direction, false)
}
