/**
 * The source of the DATA blocks that a transfer sends. Blocks are in memory only while they are needed. `FileSource`
 * and `VectoredFileSource` read a file ahead, and again for blocks to resend; `StreamSource` keeps each block of a
 * stream until it is acknowledged.
 */
import type * as Effect from "effect/Effect"
import type * as Packet from "../protocol/Packet.ts"
import type { FileStoreError } from "../store/FileStoreError.ts"

/** A source of blocks, counted from 1 without rollover. */
export interface BlockSource {
  /** Returns the number of the last block; Infinity while it is unknown. */
  readonly last: () => number
  /**
   * Returns a packet with the block behind `headerBytes` free bytes: in `into`, or in memory of the source. Undefined
   * while the block has not been read.
   */
  readonly take: (block: number, into: Uint8Array) => Uint8Array | undefined
  /** Drops the blocks up to this one: they will not be taken again. */
  readonly release: (upTo: number) => void
  /** Reads until it is interrupted or fails; calls `onReady` when more blocks can be taken. */
  readonly run: (onReady: () => void) => Effect.Effect<never, FileStoreError>
}

/** The memory that a transfer may use: much while few transfers run in the process, and little while many do. */
export type Memory = "large" | "small" | "least"

/** The parameters of the transfer that a source depends on. */
export interface Options {
  /** Bytes of a block. */
  readonly blksize: number
  /** Blocks that may be sent ahead of their ACK. */
  readonly windowsize: number
  readonly mode: Packet.Mode
  /** The name for error messages. */
  readonly filename: string
  readonly memory: Memory
}

/** Bytes of the header of a DATA packet, before the block. */
export const headerBytes = 4

/** Bytes of one read by the memory: a larger buffer saves CPU time. */
export const readBytes: Readonly<Record<Memory, number>> = {
  large: 1_024 * 1_024,
  small: 128 * 1_024,
  least: 8 * 1_024
}

/** Returns the bytes of one read: with the least memory a window, within limits. */
export const readBytesOf = ({ blksize, memory, windowsize }: Pick<Options, "blksize" | "memory" | "windowsize">) =>
  memory === "least" ? Math.min(readBytes.small, Math.max(readBytes.least, windowsize * blksize)) : readBytes[memory]

/** The most concurrent transfers at which each may use small buffers: 8 MiB in all. */
const maxSmallBufferTransfers = 64

/** Returns the memory of one more transfer. `maxLarge` is the number of transfers at which each may use much. */
export const memoryOf = (activeTransfers: number, maxLarge: number): Memory =>
  activeTransfers <= maxLarge ? "large" : activeTransfers <= maxSmallBufferTransfers ? "small" : "least"

/** Copies a block behind the header of a packet; returns the part of the packet that is used. */
export const fill = (packet: Uint8Array, block: Uint8Array): Uint8Array => {
  packet.set(block, headerBytes)
  const length = headerBytes + block.length
  return length === packet.length ? packet : packet.subarray(0, length)
}
