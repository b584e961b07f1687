/** Blocks of a running capture that wait to be written: those of another program, as it has written them. */
import * as CaptureFile from "../../../../capture/CaptureFile.ts"
import type { CapturedPacket } from "../../../../capture/CaptureReader.ts"
import * as BlockQueue from "../../../../capture/write/BlockQueue.ts"
import * as BlockSplitter from "../../../../capture/write/BlockSplitter.ts"
import * as InterfaceStatistics from "../../../../capture/write/InterfaceStatistics.ts"

/** Counts of a running capture. */
interface Counts {
  /** Packets that the filter has accepted. */
  readonly captured: number
  /** Packets that the program that captures has dropped; undefined if it does not say. */
  readonly dropped: number | undefined
}

/** A source of blocks. */
export interface LiveSource {
  /** Takes bytes of a pcapng file. Returns the reason if they are none. */
  readonly feed: (bytes: Uint8Array, at: bigint) => string | undefined
  readonly source: BlockQueue.BlockSource
  readonly counts: () => Counts
  /** Returns the number of packets that were dropped here, because they were not written in time. */
  readonly unwritten: () => number
}

/** Most bytes that wait. */
const maxPendingBytes = 2 ** 26

/** Creates a filter of blocks. Blocks without packets pass: they describe the packets. */
const blockFilter = (filter: ((packet: CapturedPacket) => boolean) | undefined) => {
  if (filter === undefined) return () => true
  const reader = CaptureFile.make()
  return (bytes: Uint8Array) => {
    reader.feed(bytes)
    const packet = reader.take()
    // What cannot be decoded is kept: the filter does not know it.
    return packet === undefined || packet instanceof CaptureFile.CaptureFileError || filter(packet)
  }
}

/** Creates a source, of the packets that a filter accepts. */
export const make = (filter?: (packet: CapturedPacket) => boolean): LiveSource => {
  const splitter = BlockSplitter.make()
  const queue = BlockQueue.make(maxPendingBytes)
  const accepts = blockFilter(filter)
  let captured = 0
  /** The last counts of each interface. */
  const droppedByInterface = new Map<number, bigint>()
  return {
    feed: (bytes, at) => {
      const blocks = splitter.feed(bytes)
      if (typeof blocks === "string") return blocks
      for (const { byteOrder, bytes, type } of blocks) {
        const kind = BlockSplitter.kindOf(type)
        if (type === InterfaceStatistics.blockType) {
          const statistics = InterfaceStatistics.decode(bytes, byteOrder)
          if (statistics !== undefined) droppedByInterface.set(statistics.interface, statistics.dropped)
        }
        if (!accepts(bytes)) continue
        if (kind === "packet") captured++
        queue.offer({ kind, bytes, at })
      }
      return undefined
    },
    source: { take: queue.take, pendingPackets: queue.pendingPackets, trailer: () => [], trailerBytes: () => 0 },
    counts: () => ({
      captured,
      dropped:
        droppedByInterface.size === 0
          ? undefined
          : Number(Array.from(droppedByInterface.values()).reduce((sum, count) => sum + count, 0n))
    }),
    unwritten: queue.dropped
  }
}
