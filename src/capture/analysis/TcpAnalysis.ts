/**
 * Analysis of the TCP connections in a capture: retransmissions, reordering, losses, windows and round-trip times, by
 * the rules that Wireshark documents. Connections are numbered from 0, as `tcp.stream` of Wireshark, and UDP
 * conversations as `udp.stream`.
 *
 * Memory is limited: of the connections beyond `maxConnections`, the one that was used longest ago is forgotten; its
 * next packet begins another stream.
 *
 * **Example** (A segment that is sent twice)
 *
 * ```ts
 * import { TcpAnalysis, TcpNote } from "effect-inet/capture"
 *
 * const analysis = TcpAnalysis.make()
 * const packet = (number: number, at: bigint) => ({
 *   number, at, protocol: "TCP", payload: new Uint8Array(100), problems: [], originalLength: 140,
 *   from: { address: "10.0.0.1", port: 4000 }, to: { address: "10.0.0.2", port: 7 },
 *   tcp: { seq: 1000, ack: 1, flags: 0x18, window: 512, options: new Uint8Array(0) }
 * })
 * analysis.add(packet(1, 0n))?.notes // => []
 * analysis.add(packet(2, 200_000_000n))?.notes.map(TcpNote.format) // => ["retransmission"]
 * ```
 */
import type * as Endpoint from "../../network/Endpoint.ts"
import { BoundedMap } from "../BoundedMap.ts"
import type { DecodedPacket } from "../Ip.ts"
import * as Ip from "../Ip.ts"
import * as StreamKey from "./StreamKey.ts"
import * as TcpConnection from "./TcpConnection.ts"
import type { TcpNote } from "./TcpNote.ts"
import * as TcpOptions from "./TcpOptions.ts"

/** Fields of a captured packet that the analysis reads. @category models @since 0.1.0 */
export interface Packet extends Pick<DecodedPacket, "protocol" | "from" | "to" | "tcp" | "payload" | "missingBytes"> {
  /** Number of the packet in the capture, from 1. */
  readonly number: number
  /** Time in nanoseconds. */
  readonly at: bigint
  /** Length of the frame on the wire, in bytes. */
  readonly originalLength: number
  /** True if a tap has made the acknowledgements: they give no round-trip times. Default false. */
  readonly isFromTap?: boolean | undefined
}

/** Options of an analysis. @category models @since 0.1.0 */
export interface Options {
  /** Maximum number of connections, and of UDP conversations, that are known at a time. Default 50,000. */
  readonly maxConnections?: number | undefined
}

/** Result of the analysis of a packet of TCP or UDP. @category models @since 0.1.0 */
export interface Analysis {
  /** Number of the stream among those of its protocol, from 0. */
  readonly stream: number
  /** True if the packet is from the client: the sender of the first packet, or the receiver if that is a SYN-ACK. */
  readonly isFromFirst: boolean
  readonly notes: ReadonlyArray<TcpNote>
  /** Bytes of data on the wire; the capture may hold fewer. */
  readonly length: number
  /** Time from the segment that this packet acknowledges to this packet; undefined for the packets of a tap. */
  readonly rttNanos?: bigint | undefined
  /** Number of the packet that this one acknowledges. */
  readonly acknowledges?: number | undefined
  /** True if the acknowledged bytes were sent more than once, so that `rttNanos` may be wrong (Karn's algorithm). */
  readonly isRttAmbiguous: boolean
  /** Time from the SYN to this packet, if it completes the handshake; undefined for the packets of a tap. */
  readonly handshakeNanos?: bigint | undefined
}

/** An analysis in progress. @category models @since 0.1.0 */
export interface TcpAnalysis {
  /** Analyses the next packet; undefined for a packet that is neither TCP nor UDP, or whose ports are not known. */
  readonly add: (packet: Packet) => Analysis | undefined
  /** Returns the number of streams that were forgotten, because there were too many. */
  readonly forgotten: () => number
}

interface Stream<State> {
  readonly first: Endpoint.Endpoint
  readonly state: State
}

const isSame = (one: Endpoint.Endpoint, other: Endpoint.Endpoint) =>
  one.port === other.port && one.address === other.address

const nothing: ReadonlyArray<TcpNote> = []

/**
 * Returns the bytes of data of a packet on the wire: those that the capture holds, and those that it lacks.
 *
 * @category getters
 * @since 0.1.0
 */
export const wireLength = ({ missingBytes = 0, payload }: Pick<Packet, "missingBytes" | "payload">): number =>
  payload.length + missingBytes

const segmentOf = (packet: Packet, { ack, flags, options, seq, window }: Ip.TcpHeader): TcpConnection.Segment => {
  const syn = (flags & Ip.flag.syn) !== 0
  return {
    number: packet.number,
    at: packet.at,
    seq,
    ack,
    length: wireLength(packet),
    syn,
    ackFlag: (flags & Ip.flag.ack) !== 0,
    fin: (flags & Ip.flag.fin) !== 0,
    rst: (flags & Ip.flag.rst) !== 0,
    window,
    scale: syn ? TcpOptions.windowScale(options) : undefined
  }
}

/** Creates an analysis of one capture. @category constructors @since 0.1.0 */
export const make = ({ maxConnections = 50_000 }: Options = {}): TcpAnalysis => {
  const connections = new BoundedMap<string, Stream<TcpConnection.Connection>>(maxConnections)
  const conversations = new BoundedMap<string, Stream<number>>(maxConnections)
  let tcpStreams = 0
  let udpStreams = 0

  const addTcp = (packet: Packet, from: Endpoint.Endpoint, to: Endpoint.Endpoint, header: Ip.TcpHeader): Analysis => {
    const key = StreamKey.of(from, to)
    const segment = segmentOf(packet, header)
    const known = connections.get(key)
    const isFromKnown = known !== undefined && isSame(known.first, from)
    const isReuse = known !== undefined && TcpConnection.isReuse(known.state, isFromKnown ? 0 : 1, segment)
    const isNew = known === undefined || isReuse
    const first = isNew ? (segment.syn && segment.ackFlag ? to : from) : known.first
    const isFromFirst = isNew ? first === from : isFromKnown
    const [state, result] = TcpConnection.step(
      isNew ? TcpConnection.make(tcpStreams++) : known.state,
      isFromFirst ? 0 : 1,
      segment
    )
    connections.set(key, { first, state })
    const { acknowledges, handshakeNanos, isRttAmbiguous, notes, rttNanos } = result
    const times = packet.isFromTap === true ? undefined : { rttNanos, handshakeNanos }
    return {
      ...times,
      acknowledges,
      isRttAmbiguous,
      stream: state.stream,
      isFromFirst,
      notes: isReuse ? [{ kind: "reusedPorts" }, ...notes] : notes,
      length: segment.length
    }
  }

  const addUdp = (packet: Packet, from: Endpoint.Endpoint, to: Endpoint.Endpoint): Analysis => {
    const key = StreamKey.of(from, to)
    const known = conversations.get(key) ?? { first: from, state: udpStreams++ }
    conversations.set(key, known)
    return {
      stream: known.state,
      isFromFirst: isSame(known.first, from),
      notes: nothing,
      length: wireLength(packet),
      isRttAmbiguous: false
    }
  }

  return {
    add: (packet) => {
      const { from, protocol, tcp, to } = packet
      if (from === undefined || to === undefined) return undefined
      if (protocol === "TCP") return tcp === undefined ? undefined : addTcp(packet, from, to, tcp)
      return protocol === "UDP" && from.port + to.port > 0 ? addUdp(packet, from, to) : undefined
    },
    forgotten: () => connections.forgotten + conversations.forgotten
  }
}
