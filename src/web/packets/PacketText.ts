/**
 * The meaning of the packets of a service, in one line each. Messages that span several pieces of a TCP stream are put
 * together; the memory is bounded.
 */
import { BoundedMap } from "../../capture/BoundedMap.ts"
import * as Payload from "../../capture/Payload.ts"
import type { FieldDissection, FieldDissector, MessageCollector } from "../../network/dissect/FieldDissector.ts"
import * as Endpoint from "../../network/Endpoint.ts"
import type * as Packet from "../../network/Packet.ts"
import * as TerminalText from "../../network/TerminalText.ts"
import * as ShownText from "../ShownText.ts"

/** The text of a packet. */
export interface PacketText {
  /** Short word, such as `DATA` or `syn`. */
  readonly kind: string
  /** One line, safe to show. */
  readonly label: string
  /** True for a request that the receiver answers from another port. */
  readonly expectsOtherPort: boolean
}

/** State of a TCP connection. */
interface Conversation {
  /** The end that has sent the SYN. */
  readonly client: Endpoint.Endpoint
  dissector: FieldDissector | undefined
  collector: MessageCollector | undefined
  /** The gaps of the service that each direction has taken into account; -1 if its start was not seen. */
  readonly gaps: { client: number; server: number }
}

/** State of the packets of a service. */
export interface State {
  /** Dissectors of the service's port, in the order in which they are tried. */
  readonly expected: ReadonlyArray<FieldDissector>
  /** Dissectors that recognize their packets on any port. */
  readonly byContent: ReadonlyArray<FieldDissector>
  readonly conversations: BoundedMap<string, Conversation>
  /** Number of times at which packets were skipped. */
  gaps: number
}

/** A packet with its sender. */
export interface SentPacket extends Packet.Packet {
  readonly fromClient: boolean
}

const maxConversations = 1_024

const maxLabelChars = 200

type Ports = FieldDissector["ports"]

const sharePort = (one: Ports, other: Ports) =>
  (["tcp", "udp"] as const).some((transport) => one[transport]?.some((port) => other[transport]?.includes(port)))

/** The address of a service, and the name of its dissector. */
export interface Service {
  readonly name: string
  readonly protocol: "tcp" | "udp"
  readonly port: number
}

/**
 * Returns the dissectors of a service: that of its name, and those that share a port with it. The prime server has two
 * protocols on one port. Without such a name they are those of the port.
 */
const expectedOf = (dissectors: ReadonlyArray<FieldDissector>, { name, port, protocol }: Service) => {
  const named = dissectors.find((one) => one.name === name)
  const ports = named?.ports ?? { [protocol]: [port] }
  return dissectors.filter((one) => one === named || sharePort(one.ports, ports))
}

/** Makes the state of a service. */
export const make = (dissectors: ReadonlyArray<FieldDissector>, service: Service): State => ({
  expected: expectedOf(dissectors, service),
  byContent: dissectors.filter(({ recognizes }) => recognizes !== undefined),
  conversations: new BoundedMap(maxConversations),
  gaps: 0
})

/** Notes that packets were skipped: the next bytes of each connection follow missing ones. */
export const skip = (state: State): void => {
  state.gaps++
}

const recognizedBy = (packet: Packet.Packet) => (one: FieldDissector) => one.recognizes?.(packet) === true

const dissectDatagram = ({ byContent, expected }: State, packet: SentPacket): ReadonlyArray<FieldDissection> => {
  for (const { decode } of expected) {
    const found = decode(packet, packet.fromClient)
    if (found !== undefined) return [found]
  }
  const found = byContent.find(recognizedBy(packet))?.decode(packet, packet.fromClient)
  return found === undefined ? [] : [found]
}

/**
 * Returns the dissector of a connection whose first bytes were not seen; undefined while its packets may be of several
 * protocols.
 */
const join = ({ byContent, expected }: State, packet: Packet.Packet, fromClient: boolean) =>
  expected.some(({ joins }) => joins !== undefined)
    ? expected.find(({ joins }) => joins?.(packet, fromClient) === true)
    : (byContent.find(recognizedBy(packet)) ?? expected[0])

/** Chooses the dissector of a connection by its first bytes. */
const choose = ({ byContent, expected }: State, packet: Packet.Packet): FieldDissector | undefined =>
  expected.find(({ recognizes }) => recognizes === undefined || recognizes(packet)) ??
  byContent.find(recognizedBy(packet)) ??
  expected[0]

/** Returns the state of the connection of a packet. Both ends may have the port of the service: the SYN decides. */
const conversationOf = (state: State, { from, fromClient, kind, to }: SentPacket): Conversation => {
  const [one, other] = [Endpoint.format(from), Endpoint.format(to)]
  const key = one < other ? `${one} ${other}` : `${other} ${one}`
  const known = kind === "syn" ? undefined : state.conversations.get(key)
  if (known !== undefined) return known
  const gap = kind === "syn" ? state.gaps : -1
  const client = kind === "syn" || fromClient ? from : to
  const begun: Conversation = { client, dissector: undefined, collector: undefined, gaps: { client: gap, server: gap } }
  state.conversations.set(key, begun)
  return begun
}

const dissectStream = (state: State, packet: SentPacket): ReadonlyArray<FieldDissection> => {
  const conversation = conversationOf(state, packet)
  const { bytes, from, kind, to } = packet
  const fromClient = Endpoint.equals(from, conversation.client)
  const ends = kind === "fin"
  if (bytes.length === 0 && !ends) return []
  if (conversation.dissector === undefined && bytes.length > 0) {
    const isBegun = conversation.gaps.client === state.gaps && conversation.gaps.server === state.gaps
    conversation.dissector = isBegun ? choose(state, packet) : join(state, packet, fromClient)
    conversation.collector = conversation.dissector?.collector
  }
  const { collector, dissector, gaps } = conversation
  if (collector === undefined) {
    const found = bytes.length === 0 ? undefined : dissector?.decode(packet, fromClient)
    return found === undefined ? [] : [found]
  }
  const direction = fromClient ? "client" : "server"
  const afterGap = gaps[direction] !== state.gaps
  gaps[direction] = state.gaps
  const [next, messages] = collector.next({ bytes, fromClient, ends, afterGap, from, to })
  conversation.collector = next
  return messages
}

/** Returns the text of a packet of the service. */
export const read = (state: State, packet: SentPacket): PacketText => {
  const messages = packet.transport === "tcp" ? dissectStream(state, packet) : dissectDatagram(state, packet)
  const [first] = messages
  const label =
    first === undefined ? Payload.summary(packet) : ShownText.line(messages.map(({ summary }) => summary).join("; "))
  return {
    kind: first === undefined ? packet.kind : ShownText.line(first.kind),
    label: TerminalText.truncate(label, maxLabelChars).toWellFormed(),
    expectsOtherPort: messages.some(({ expectsOtherPort }) => expectsOtherPort !== undefined)
  }
}
