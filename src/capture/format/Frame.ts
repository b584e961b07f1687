/**
 * The state of the decoding of one frame, which the layers change in turn. A layer decodes its header, advances `at`
 * and returns the key of the next layer; `FrameDecoder` finds it in one table, so that layers do not import each other.
 */
import type { Endpoint } from "../../network/Endpoint.ts"
import type * as IpFragments from "../reassembly/IpFragments.ts"
import type { DecodedPacket, TcpHeader } from "./DecodedPacket.ts"

/**
 * A frame and what is decoded of it so far. A mutable record, because a file has millions of packets of several layers:
 * 300,000 packets, 200 MB, take 0.4 s to read (two cores of an AMD EPYC, Node 24).
 */
export interface Frame {
  bytes: Uint8Array
  /** Offset of the current layer. */
  at: number
  /** End of the current layer, without the padding of the layers around it. */
  end: number
  /** Number of bytes of the current layer that the capture does not hold; infinite if it is not known. */
  absent: number
  /** Number of bytes before `bytes`: the headers of the fragment that completed a datagram. */
  base: number
  /** Time of the packet in nanoseconds. */
  readonly time: bigint
  readonly fragments: IpFragments.IpFragments | undefined
  readonly layers: Array<string>
  problems: Array<string>
  notes: Array<string>
  protocol: string
  from: Endpoint | undefined
  to: Endpoint | undefined
  tcp: TcpHeader | undefined
  hardwareAddresses: Uint8Array | undefined
  vlanIds: Array<number> | undefined
  hopLimit: number | undefined
  headerLength: number | undefined
  /** Sum of the words of the IP addresses, for the checksums of the transport. */
  addressSum: number
  /** The part of `addressSum` that is the destination of IPv6, which a routing header replaces. */
  destinationSum: number
  isV4: boolean
  /** The layer is the start of a fragmented datagram, so that its length and its checksum mean nothing. */
  isFragment: boolean
  /** Number of bytes of padding after the header of an 802.11 frame. */
  wlanPadding: number
}

/** Decodes one layer and returns the key of the next one. */
export type Layer = (frame: Frame) => number

/** Layers by key. */
export type Layers = ReadonlyArray<readonly [key: number, layer: Layer]>

/** Names of protocols that are not decoded, by key. */
export type Names = ReadonlyArray<readonly [key: number, name: string]>

/** Key of the end: the rest of the frame is the payload. */
export const done: number = Number.NEGATIVE_INFINITY

/** Returns the key of an EtherType. */
export const etherType = (type: number): number => type

/** Returns the key of an IP protocol. */
export const ipProtocol = (protocol: number): number => 0x1_0000 + protocol

/** Returns the key of a protocol of PPP. */
export const pppProtocol = (protocol: number): number => 0x2_0000 + protocol

/** Returns the key of a link type (`LINKTYPE_*` of tcpdump). */
export const linkType = (type: number): number => 0x3_0000 + type

/** Returns the key of a tunnel in UDP. */
export const udpTunnel = (port: number): number => 0x5_0000 + port

/** Returns the key of a type of Cisco HDLC that is not an EtherType. */
export const hdlcProtocol = (type: number): number => 0x6_0000 + type

/** Key of the logical link control of IEEE 802.2. */
export const llc = 0x7_0000

/** Key of a frame of PPP, with or without address and control. */
export const pppFrame = 0x7_0001

const none: Array<string> = []

/** Creates the state for a frame of which `absent` more bytes were on the wire. */
export const make = (
  bytes: Uint8Array,
  absent: number,
  time: bigint = 0n,
  fragments?: IpFragments.IpFragments
): Frame => ({
  bytes,
  at: 0,
  end: bytes.length,
  absent,
  base: 0,
  time,
  fragments,
  layers: [],
  problems: none,
  notes: none,
  protocol: "unknown",
  from: undefined,
  to: undefined,
  tcp: undefined,
  hardwareAddresses: undefined,
  vlanIds: undefined,
  hopLimit: undefined,
  headerLength: undefined,
  addressSum: 0,
  destinationSum: 0,
  isV4: false,
  isFragment: false,
  wlanPadding: 0
})

export const u16 = (bytes: Uint8Array, at: number): number => (bytes[at]! << 8) | bytes[at + 1]!

export const u32 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0

/** Adds a defect of the packet. */
export const addProblem = (frame: Frame, problem: string): void => {
  if (frame.problems === none) frame.problems = [problem]
  else frame.problems.push(problem)
}

/** Adds a remark that is not a defect. */
export const addNote = (frame: Frame, note: string): void => {
  if (frame.notes === none) frame.notes = [note]
  else frame.notes.push(note)
}

/** Ends the decoding at a header that is too short or contradicts itself. */
export const malformed = (frame: Frame, name: string): number => {
  if (frame.absent > 0) addNote(frame, `${name} header truncated by the snap length`)
  else addProblem(frame, `malformed ${name} header`)
  return done
}

/** Restricts the current layer to `length` bytes from `at`; a longer one than the frame on the wire is a defect. */
export const limit = (frame: Frame, length: number): void => {
  const available = frame.end - frame.at
  const absent = Math.max(0, length - available)
  if (absent > frame.absent) addProblem(frame, `truncated: ${available} of ${length} bytes`)
  frame.absent = absent
  frame.end = Math.min(frame.end, frame.at + length)
}

/** Returns a layer that skips a header of fixed length. */
export const skip =
  (name: string, label: string, length: number, next: (bytes: Uint8Array, at: number) => number): Layer =>
  (frame) => {
    const { at, bytes, end } = frame
    if (end - at < length) return malformed(frame, label)
    frame.layers.push(name)
    frame.at = at + length
    return next(bytes, at)
  }

/** Returns the result of a decoded frame. */
export const toPacket = (frame: Frame): DecodedPacket => {
  const { absent, at, bytes, end, notes } = frame
  return {
    protocol: frame.protocol,
    from: frame.from,
    to: frame.to,
    tcp: frame.tcp,
    payload: bytes.subarray(at, Math.max(at, end)),
    missingBytes: absent > 0 && Number.isFinite(absent) ? absent : undefined,
    problems: frame.problems,
    notes: notes.length === 0 ? undefined : notes,
    layers: frame.layers,
    hardwareAddresses: frame.hardwareAddresses,
    vlanIds: frame.vlanIds,
    hopLimit: frame.hopLimit,
    headerLength: frame.headerLength
  }
}
