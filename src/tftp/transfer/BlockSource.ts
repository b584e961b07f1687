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

/** The parameters of the transfer that a source depends on. */
export interface Options {
  /** Bytes of a block. */
  readonly blksize: number
  /** Blocks that may be sent ahead of their ACK. */
  readonly windowsize: number
  readonly mode: Packet.Mode
  /** The name for error messages. */
  readonly filename: string
  /** True while few transfers run in this process: each may then use more memory. */
  readonly mayUseLargeBuffers: boolean
}

/** Bytes of the header of a DATA packet, before the block. */
export const headerBytes = 4

/** Bytes of one read: a larger buffer costs memory and saves CPU time. */
export const readBytes = { large: 1_024 * 1_024, small: 128 * 1_024 }

/** Copies a block behind the header of a packet; returns the part of the packet that is used. */
export const fill = (packet: Uint8Array, block: Uint8Array): Uint8Array => {
  packet.set(block, headerBytes)
  const length = headerBytes + block.length
  return length === packet.length ? packet : packet.subarray(0, length)
}
