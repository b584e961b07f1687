/** Queue of encoded blocks that wait to be written, with a limit: packets beyond it are dropped and counted. */

/** An encoded block of a capture file. */
export interface Block {
  /**
   * `section` begins a file, `header` belongs to the begin of each further file, such as an interface; `other` is
   * neither of them nor a packet.
   */
  readonly kind: "section" | "header" | "packet" | "other"
  readonly bytes: Uint8Array
  /** Time of a packet in nanoseconds; 0 for other blocks. */
  readonly at: bigint
}

/** Blocks that a writer takes, in order. */
export interface BlockSource {
  /** Returns the next blocks: at least one if there are any, and no more than `maxBytes` if it is not the only one. */
  readonly take: (maxBytes: number) => ReadonlyArray<Block>
  /** Returns the blocks at the end of each file, such as statistics. */
  readonly trailer: () => ReadonlyArray<Uint8Array>
  /** Returns their length. */
  readonly trailerBytes: () => number
  /** Returns the number of packets in the queue. */
  readonly pendingPackets: () => number
}

/** A queue of blocks. */
export interface BlockQueue extends Omit<BlockSource, "trailer" | "trailerBytes"> {
  /** Appends a block. A packet beyond the limit is dropped, and the result is false; other blocks are kept. */
  readonly offer: (block: Block) => boolean
  /** Returns true if the queue has space for a packet. */
  readonly hasSpace: () => boolean
  /** Returns the number of packets that were dropped. */
  readonly dropped: () => number
}

/** Number of taken blocks after which their places are freed. */
const maxTakenBlocks = 1_024

/** Creates an empty queue, which has space for a packet while it holds at most `maxPendingBytes`. */
export const make = (maxPendingBytes: number): BlockQueue => {
  let blocks: Array<Block> = []
  let first = 0
  let pendingBytes = 0
  let pendingPackets = 0
  let dropped = 0

  const removeTaken = () => {
    if (first === blocks.length) blocks = []
    else if (first > maxTakenBlocks) blocks = blocks.slice(first)
    else return
    first = 0
  }
  return {
    hasSpace: () => pendingBytes <= maxPendingBytes,
    offer: (block) => {
      const isPacket = block.kind === "packet"
      if (isPacket && pendingBytes > maxPendingBytes) {
        dropped++
        return false
      }
      blocks.push(block)
      pendingBytes += block.bytes.length
      if (isPacket) pendingPackets++
      return true
    },
    take: (maxBytes) => {
      const from = first
      let bytes = 0
      for (; first < blocks.length; first++) {
        const { bytes: block, kind } = blocks[first]!
        if (first > from && bytes + block.length > maxBytes) break
        bytes += block.length
        if (kind === "packet") pendingPackets--
      }
      const taken = blocks.slice(from, first)
      pendingBytes -= bytes
      removeTaken()
      return taken
    },
    pendingPackets: () => pendingPackets,
    dropped: () => dropped
  }
}
