/** Packets and notes that a diagram or a page shows: the first and the last packets, and the first notes. */
import * as TcpNote from "../../../../capture/analysis/TcpNote.ts"
import * as CaptureReader from "../../../../capture/CaptureReader.ts"
import type * as HtmlPage from "../../../../capture/view/HtmlPage.ts"
import type * as Packet from "../../../../network/Packet.ts"
import { type Analysed, shortSummaryOf } from "./packetText.ts"

/** Number of packets that are shown of the start of a capture, and again of its end. */
const edgePackets = 50

/** Maximum number of notes that are shown. */
const maxNotes = 1_000

/** Notes that say nothing new beside the others of a diagram. */
const silent: ReadonlySet<TcpNote.Kind> = new Set(["windowUpdate", "reset"])

/** Packets and notes that were collected. */
export interface Collected {
  /** The summaries of the packets. */
  readonly dissectors: ReadonlyArray<Packet.Dissector>
  readonly packets: ReadonlyArray<Packet.ObservedPacket>
  /** Number of packets in the middle that `packets` does not have. */
  readonly omittedPackets: number
  readonly notes: ReadonlyArray<HtmlPage.ListedNote>
  readonly omittedNotes: number
}

const noBytes: Uint8Array = new Uint8Array(0)

/** Returns the packet for a diagram, without its bytes: its notes are remarks as those of faults. */
const toObserved = ({ analysis, packet }: Analysed): Packet.ObservedPacket | undefined => {
  const observed = CaptureReader.toObservedPacket(packet)
  if (observed === undefined) return undefined
  const notes = (analysis?.notes ?? [])
    .filter(({ kind }) => !silent.has(kind))
    .map(({ kind }) => TcpNote.kinds[kind].text)
  const remarks = [...(observed.fault === undefined ? [] : [observed.fault]), ...notes]
  return { ...observed, bytes: noBytes, fault: remarks.length === 0 ? undefined : remarks.join(", ") }
}

/** Creates a collector. Acknowledgements of data are left out, but for those with notes. */
export const make = () => {
  const head: Array<Packet.ObservedPacket> = []
  let tail: Array<Packet.ObservedPacket> = []
  const notes: Array<HtmlPage.ListedNote> = []
  const summaries = new WeakMap<object, string>()
  let [dropped, omittedNotes] = [0, 0]
  let synackSeen = false

  const addNotes = ({ analysis, packet }: Analysed, startNanos: bigint) => {
    for (const note of analysis?.notes ?? []) {
      const { from, number, to } = packet
      if (from === undefined || to === undefined) continue
      if (notes.length >= maxNotes) omittedNotes++
      else notes.push({ number, sinceStartNanos: packet.at - startNanos, stream: analysis!.stream, from, to, note })
    }
  }

  return {
    add: (analysed: Analysed, startNanos: bigint): void => {
      addNotes(analysed, startNanos)
      const packet = toObserved(analysed)
      if (packet === undefined) return
      summaries.set(packet, shortSummaryOf(analysed))
      const completesHandshake = synackSeen
      synackSeen = packet.kind === "synack"
      // A segment whose data the capture lacks looks like an acknowledgement.
      const isEmpty = packet.kind === "ack" && (analysed.packet.missingBytes ?? 0) === 0
      if (isEmpty && !completesHandshake && packet.fault === undefined) return
      if (head.length < edgePackets) head.push(packet)
      else tail.push(packet)
      if (tail.length < 2 * edgePackets) return
      dropped += edgePackets
      tail = tail.slice(edgePackets)
    },
    take: (): Collected => {
      const excess = Math.max(0, tail.length - edgePackets)
      const dissect = (packet: Packet.Packet) => {
        const summary = summaries.get(packet)
        return summary === undefined ? undefined : { kind: "", summary }
      }
      const dissectors = [{ name: "capture", dissect }]
      return {
        dissectors,
        packets: [...head, ...tail.slice(excess)],
        omittedPackets: dropped + excess,
        notes,
        omittedNotes
      }
    }
  }
}
