/**
 * Statistics of a capture in limited memory: its conversations, its protocols, and what did not fit.
 *
 * A conversation is a TCP connection, a UDP conversation between two ports, or the packets of another protocol between
 * two hosts. Bytes are those of whole frames on the wire, as in Wireshark.
 *
 * **Example** (A request and its reply)
 *
 * ```ts
 * import { Conversations, TcpAnalysis } from "effect-inet/capture"
 *
 * const analysis = TcpAnalysis.make()
 * const conversations = Conversations.make()
 * const [client, server] = [{ address: "10.0.0.1", port: 4000 }, { address: "10.0.0.2", port: 53 }]
 * const packet = { protocol: "UDP", payload: new Uint8Array(30), problems: [], originalLength: 72 }
 * for (const one of [
 *   { ...packet, number: 1, at: 0n, from: client, to: server },
 *   { ...packet, number: 2, at: 20_000_000n, from: server, to: client }
 * ])
 *   conversations.add(one, analysis.add(one))
 *
 * const { list, totals } = conversations.report()
 * list[0]?.sent // => { packets: 1, bytes: 72 }
 * list[0]?.received // => { packets: 1, bytes: 72 }
 * totals.map(({ packets, protocol }) => [protocol, packets]) // => [["UDP", 2]]
 * ```
 */
import type * as Endpoint from "../../network/Endpoint.ts"
import * as Samples from "./Samples.ts"
import * as StreamKey from "./StreamKey.ts"
import type { Analysis, Packet } from "./TcpAnalysis.ts"
import { isRetransmission, type Kind } from "./TcpNote.ts"

/** A number of packets and of bytes. @category models @since 0.1.0 */
export interface Amount {
  readonly packets: number
  readonly bytes: number
}

/** Round-trip times in nanoseconds. @category models @since 0.1.0 */
export interface RoundTrips {
  readonly count: number
  readonly min: number
  /** Median of all, or of evenly spaced samples where there are more than 128. */
  readonly median: number
  readonly max: number
}

/** Statistics of a conversation. @category models @since 0.1.0 */
export interface Conversation {
  readonly protocol: string
  /** Number of the stream of TCP or UDP. */
  readonly stream: number | undefined
  /** Protocol of the first message that is known; undefined without any. */
  readonly application: string | undefined
  /** Client: source of the first packet, or its destination if that is a SYN-ACK. */
  readonly from: Endpoint.Endpoint
  readonly to: Endpoint.Endpoint
  /** Packets from `from` to `to`. */
  readonly sent: Amount
  readonly received: Amount
  readonly startNanos: bigint
  readonly endNanos: bigint
  /** Number of segments with bytes that were sent before. */
  readonly retransmissions: number
  /** Number of notes of each kind. */
  readonly notes: Readonly<Partial<Record<Kind, number>>>
  /** Times from a segment to its ACK, without those of repeated segments. */
  readonly roundTrips: RoundTrips | undefined
  readonly handshakeNanos: bigint | undefined
}

/** Packets of a protocol. @category models @since 0.1.0 */
export interface Total extends Amount {
  readonly protocol: string
  /**
   * Packets with a message of a protocol above it, those with the most bytes first. The bytes of a message that spans
   * several segments are those of the packet that completes it, as in Wireshark.
   */
  readonly applications: ReadonlyArray<Amount & { readonly protocol: string }>
}

/** Statistics of all packets so far. @category models @since 0.1.0 */
export interface Report extends Amount {
  /** Conversations in the order of their first packets. */
  readonly list: ReadonlyArray<Conversation>
  /** Packets of conversations that began when the list was full. */
  readonly rest: Amount
  /** Packets without addresses, which belong to no conversation. */
  readonly withoutAddresses: Amount
  /** Totals by protocol, those with the most bytes first. */
  readonly totals: ReadonlyArray<Total>
  readonly notes: Readonly<Partial<Record<Kind, number>>>
  readonly startNanos: bigint
  readonly endNanos: bigint
}

/** Options. @category models @since 0.1.0 */
export interface Options {
  /** Maximum number of conversations in the list; the packets of more are counted together. Default 10,000. */
  readonly maxConversations?: number | undefined
}

/** Statistics of a capture that is being read. @category models @since 0.1.0 */
export interface Conversations {
  /** Adds a packet with its analysis, and the protocol of its message if that is known. */
  readonly add: (packet: Packet, analysis: Analysis | undefined, application?: string) => void
  readonly report: () => Report
}

interface Count {
  packets: number
  bytes: number
}

/** A conversation that is being counted: mutable, since each packet changes several fields of it. */
interface Entry {
  readonly protocol: string
  readonly stream: number | undefined
  readonly from: Endpoint.Endpoint
  readonly to: Endpoint.Endpoint
  readonly sent: Count
  readonly received: Count
  startNanos: bigint
  endNanos: bigint
  retransmissions: number
  readonly notes: Partial<Record<Kind, number>>
  application: string | undefined
  samples: Samples.Samples
  handshakeNanos: bigint | undefined
}

/** Counts of a protocol, and of the protocols above it. */
interface ProtocolCount extends Count {
  readonly applications: Map<string, Count>
}

const noCount = (): Count => ({ packets: 0, bytes: 0 })

const noProtocolCount = (): ProtocolCount => ({ ...noCount(), applications: new Map() })

const count = (to: Count, bytes: number) => {
  to.packets++
  to.bytes += bytes
}

const keyOf = (protocol: string, stream: number | undefined, from: Endpoint.Endpoint, to: Endpoint.Endpoint) =>
  stream === undefined ? `${protocol} ${StreamKey.of(from, to)}` : `${protocol} ${stream}`

const roundTripsOf = (samples: Samples.Samples): RoundTrips | undefined => {
  const median = Samples.median(samples)
  const { count, max, min } = samples
  return median === undefined ? undefined : { count, min, median, max }
}

const toConversation = ({ samples, ...entry }: Entry): Conversation => ({
  ...entry,
  sent: { ...entry.sent },
  received: { ...entry.received },
  notes: { ...entry.notes },
  roundTrips: roundTripsOf(samples)
})

/** Maximum number of protocols that are counted by name, and of those above each. */
const maxProtocols = 300

/** Adds to the count of a name; those beyond the limit are counted together. */
const countByName = <C extends Count>(counts: Map<string, C>, wanted: string, bytes: number, make: () => C): C => {
  const name = counts.has(wanted) || counts.size < maxProtocols ? wanted : "others"
  const total = counts.get(name) ?? make()
  counts.set(name, total)
  count(total, bytes)
  return total
}

const sorted = <A extends Amount>(amounts: ReadonlyArray<A>) =>
  amounts.toSorted((one, other) => other.bytes - one.bytes)

const toTotal = ([protocol, { applications, bytes, packets }]: readonly [string, ProtocolCount]): Total => ({
  protocol,
  packets,
  bytes,
  applications: sorted([...applications].map(([name, amount]) => ({ protocol: name, ...amount })))
})

/** Creates the statistics of one capture. @category constructors @since 0.1.0 */
export const make = ({ maxConversations = 10_000 }: Options = {}): Conversations => {
  const entries = new Map<string, Entry>()
  const totals = new Map<string, ProtocolCount>()
  const [all, rest, withoutAddresses] = [noCount(), noCount(), noCount()]
  const notes: Partial<Record<Kind, number>> = {}
  let startNanos: bigint | undefined
  let endNanos = 0n

  const entryOf = (packet: Packet, analysis: Analysis | undefined): Entry | undefined => {
    const { at, from, protocol, to } = packet
    if (from === undefined || to === undefined) return undefined
    const key = keyOf(protocol, analysis?.stream, from, to)
    const known = entries.get(key)
    if (known !== undefined || entries.size >= maxConversations) return known
    const isFromClient = analysis?.isFromFirst !== false
    const entry: Entry = {
      protocol,
      stream: analysis?.stream,
      from: isFromClient ? from : to,
      to: isFromClient ? to : from,
      sent: noCount(),
      received: noCount(),
      startNanos: at,
      endNanos: at,
      retransmissions: 0,
      notes: {},
      application: undefined,
      samples: Samples.empty,
      handshakeNanos: undefined
    }
    entries.set(key, entry)
    return entry
  }

  const addTo = (entry: Entry, packet: Packet, analysis: Analysis | undefined) => {
    const { at, from, originalLength } = packet
    const isSent = analysis?.isFromFirst ?? (from?.address === entry.from.address && from.port === entry.from.port)
    count(isSent ? entry.sent : entry.received, originalLength)
    if (at < entry.startNanos) entry.startNanos = at
    if (at > entry.endNanos) entry.endNanos = at
    if (analysis === undefined) return
    for (const { kind } of analysis.notes) entry.notes[kind] = (entry.notes[kind] ?? 0) + 1
    if (analysis.notes.some(isRetransmission)) entry.retransmissions++
    entry.handshakeNanos ??= analysis.handshakeNanos
    if (analysis.rttNanos !== undefined && !analysis.isRttAmbiguous)
      entry.samples = Samples.add(entry.samples, Number(analysis.rttNanos))
  }

  return {
    add: (packet, analysis, application) => {
      const { at, from, originalLength, protocol, to } = packet
      count(all, originalLength)
      const total = countByName(totals, protocol, originalLength, noProtocolCount)
      if (application !== undefined) countByName(total.applications, application, originalLength, noCount)
      if (startNanos === undefined || at < startNanos) startNanos = at
      if (at > endNanos) endNanos = at
      for (const { kind } of analysis?.notes ?? []) notes[kind] = (notes[kind] ?? 0) + 1
      const entry = entryOf(packet, analysis)
      if (entry !== undefined) {
        entry.application ??= application
        addTo(entry, packet, analysis)
      } else count(from === undefined || to === undefined ? withoutAddresses : rest, originalLength)
    },
    report: () => ({
      ...all,
      list: [...entries.values()].map(toConversation),
      rest: { ...rest },
      withoutAddresses: { ...withoutAddresses },
      totals: sorted([...totals].map(toTotal)),
      notes: { ...notes },
      startNanos: startNanos ?? 0n,
      endNanos: startNanos === undefined ? 0n : endNanos
    })
  }
}
