/**
 * Records a run of the laboratory: packets as arrows, and what the programs tell. The recorder stops at a limit of
 * packets, because a copied packet that is answered by copies would never end.
 */
import type * as Packet from "../../network/Packet.ts"
import type { Arrow } from "../Arrow.ts"
import type { Link } from "./Link.ts"
import * as TcpArrows from "./TcpArrows.ts"
import type { Remark, StateChange } from "./Trace.ts"

/** The message of a packet, as a diagram shows it. */
export interface Described<Message> {
  /** Short word, such as `DATA`. */
  readonly kind: string
  /** One line, such as `DATA block 3, 512 bytes`. */
  readonly label: string
  readonly message: Message
}

/** A packet that a program sends, or that arrives. It leaves the queue of its link at `arrow.sentMillis`. */
export interface WireEvent<Message> {
  readonly atMillis: number
  readonly _tag: "Sent" | "Arrived"
  readonly arrow: Arrow
  readonly message: Message
  /** Time until which the data wait for an earlier segment of their stream, once they have arrived. */
  readonly heldMillis?: number | undefined
  /** True for a segment that TCP sends again, without the program. */
  readonly isRepetition?: boolean | undefined
}

/** The packets of a run, and their events. */
export interface Recording<Message> {
  /** In the order of sending. */
  readonly arrows: ReadonlyArray<Arrow>
  /** In the order of time; of one instant, arrivals precede the packets sent in reply. */
  readonly wire: ReadonlyArray<WireEvent<Message>>
}

/** Options of a recorder. */
export interface Options<Message> {
  readonly link: Link
  /** Number of arrows after which `onLimit` is called, once, and nothing more is recorded. */
  readonly maxArrows: number
  /** Time after which packets are not recorded: a TCP that has lost nine copies sends the next one an hour later. */
  readonly limitMillis: number
  readonly onLimit: () => void
  readonly describe: (packet: Packet.Packet) => Described<Message>
}

/** A recorder of one run. Times of states and remarks are milliseconds since its start. */
export interface Recorder<Message> {
  readonly tap: Packet.Tap
  /** Sets the name of the host with an address. */
  readonly name: (address: string, host: string) => void
  readonly state: (change: StateChange) => void
  readonly remark: (remark: Remark) => void
  /** Ends the recording: packets that are sent from now on belong to the clean-up. */
  readonly stop: () => void
  readonly recording: () => Recording<Message>
  readonly states: () => ReadonlyArray<StateChange>
  readonly remarks: () => ReadonlyArray<Remark>
}

/** Returns a time in milliseconds with whole microseconds, as people can read it. */
export const millisOf = (nanos: number): number => Math.round(nanos / 1_000) / 1_000

/** Words for the faults of a plan, as the diagram names them. `delay` is how a packet is overtaken by others. */
const faultWords: Readonly<Record<string, string>> = {
  drop: "drop",
  lost: "drop",
  dup: "duplicate",
  delay: "reorder",
  reorder: "reorder",
  partition: "partition",
  stall: "drop"
}

/** Returns the faults of a note such as `dup=1 14ms, delay=3ms`; `duplicate` only for the copy itself. */
const faultOf = (note: string | undefined, isCopy: boolean): string | undefined => {
  const words = (note ?? "").split(", ").flatMap((fault) => {
    const word = faultWords[/^[a-z]+/.exec(fault)?.[0] ?? ""]
    return word === undefined || (word === "duplicate" && !isCopy) ? [] : [word]
  })
  return words.length === 0 ? undefined : [...new Set(words)].join(", ")
}

/** The time at which a packet leaves the queue of its link, by direction. */
const makeDepartures = ({ nanosPerByte }: Link) => {
  const busyUntil = new Map<string, number>()
  return (from: string, to: string, at: number, bytes: number) => {
    const key = `${from}>${to}`
    const start = Math.max(at, busyUntil.get(key) ?? 0)
    busyUntil.set(key, start + bytes * nanosPerByte)
    return start
  }
}

/** Bytes of the headers that the simulated network counts: IPv4 and UDP, or IPv4 and TCP. */
const headerBytes = { udp: 28, tcp: 40 }

/** Returns true for a packet that is a copy of the one before. */
const isCopyOf = (one: Packet.ObservedPacket, before: Packet.ObservedPacket | undefined) =>
  before !== undefined &&
  one.fault?.includes("dup=") === true &&
  one.fault === before.fault &&
  one.at === before.at &&
  one.from.port === before.from.port &&
  one.to.port === before.to.port &&
  one.to.address === before.to.address &&
  one.bytes === before.bytes

/** A packet as it is recorded, without its number. */
interface Recorded<Message> {
  /** Time at which the program sent it. */
  readonly atMillis: number
  readonly arrow: Omit<Arrow, "number">
  readonly message: Message
  readonly heldMillis?: number | undefined
  readonly isRepetition?: boolean | undefined
  /** True for a copy that the network makes: its program has sent one packet. */
  readonly isCopy?: boolean | undefined
}

const byTime = <Message>(one: WireEvent<Message>, other: WireEvent<Message>) =>
  one.atMillis - other.atMillis ||
  (one._tag === other._tag ? one.arrow.number - other.arrow.number : one._tag === "Arrived" ? -1 : 1)

/** Numbers the arrows in the order of sending, and lists their events in the order of time. */
const toRecording = <Message>(recorded: ReadonlyArray<Recorded<Message>>): Recording<Message> => {
  const numbered = recorded
    .toSorted((one, other) => one.arrow.sentMillis - other.arrow.sentMillis)
    .map(({ arrow, ...rest }, index) => ({ ...rest, arrow: { number: index + 1, ...arrow } }))
  const wire = numbered.flatMap(({ arrow, atMillis, heldMillis, isCopy, isRepetition, message }) => {
    const { arrivesMillis } = arrow
    const sent: WireEvent<Message> = { _tag: "Sent", atMillis, arrow, message, isRepetition }
    const arrived: WireEvent<Message> = { _tag: "Arrived", atMillis: arrivesMillis ?? 0, arrow, message, heldMillis }
    return [...(isCopy === true ? [] : [sent]), ...(arrivesMillis === undefined ? [] : [arrived])]
  })
  return { arrows: numbered.map(({ arrow }) => arrow), wire: wire.sort(byTime) }
}

/** Makes a recorder. */
export const make = <Message>({
  describe,
  limitMillis,
  link,
  maxArrows,
  onLimit
}: Options<Message>): Recorder<Message> => {
  const names = new Map<string, string>()
  const recorded: Array<Recorded<Message>> = []
  const states: Array<StateChange> = []
  const remarks: Array<Remark> = []
  const departure = makeDepartures(link)
  const tcp = TcpArrows.make(link)
  let previous: Packet.ObservedPacket | undefined
  let departedAt = 0
  let isStopped = false

  const add = (one: Recorded<Message>) => {
    if (isStopped || one.arrow.sentMillis > limitMillis) return
    recorded.push(one)
    if (recorded.length < maxArrows) return
    isStopped = true
    onLimit()
  }
  const tap: Packet.Tap = (packet) => {
    const { at, from, host, to, transport } = packet
    const receiver = names.get(to.address)
    if (isStopped || receiver === undefined || receiver === host) return
    const isCopy = isCopyOf(packet, previous)
    previous = packet
    const { kind, label, message } = describe(packet)
    const atNanos = Number(at)
    // The network sends the copies of a packet from the place of the first in the queue.
    if (!isCopy) departedAt = departure(host, receiver, atNanos, packet.bytes.length + headerBytes[transport])
    const atMillis = millisOf(atNanos)
    const base = { from: host, to: receiver, transport, kind, label, bytes: packet.bytes.length } as const
    if (transport === "tcp") {
      const copies = tcp({ packet, path: `${from.port}>${to.port}`, departedAt })
      for (const { heldMillis, isRepetition, ...copy } of copies) {
        const sentAtMillis = isRepetition ? copy.sentMillis : atMillis
        add({ atMillis: sentAtMillis, arrow: { ...base, ...copy }, message, heldMillis, isRepetition })
      }
      return
    }
    const { arrives, lost = false } = packet
    const fault = faultOf(packet.fault, isCopy)
    const arrow = {
      ...base,
      sentMillis: millisOf(departedAt),
      lost,
      ...(arrives !== undefined && { arrivesMillis: millisOf(Number(arrives)) }),
      ...(fault !== undefined && { fault })
    }
    add({ atMillis, arrow, message, isCopy })
  }
  return {
    tap,
    name: (address, host) => void names.set(address, host),
    state: (change) => void (isStopped || states.push(change)),
    remark: (remark) => void (isStopped || remarks.push(remark)),
    stop: () => {
      isStopped = true
    },
    recording: () => toRecording(recorded),
    states: () => states,
    remarks: () => remarks
  }
}
