/**
 * The packets for one browser since its last batch: the first ones as arrows, the others as a number. Mutable: a packet
 * that is only counted takes a few nanoseconds.
 */
import type { Arrow } from "../Arrow.ts"
import type { Packets } from "../PageRpc.ts"

/** Most arrows in a batch: more than a reader follows in a quarter of a second. */
const maxArrows = 200

/** The packets for a browser. */
export interface PacketBatch {
  arrows: Array<Arrow>
  /** Packets between the last batch and `arrows`, and those after `arrows`. */
  omittedBefore: number
  omittedAfter: number
  /** Number of the last packet, with those that are omitted. */
  lastNumber: number
}

/** Makes a batch without packets. */
export const make = (): PacketBatch => ({ arrows: [], omittedBefore: 0, omittedAfter: 0, lastNumber: 0 })

/** Returns true if the next packet is only counted. */
export const isFull = ({ arrows }: PacketBatch): boolean => arrows.length >= maxArrows

/** Returns true if there is nothing to send. */
export const isEmpty = ({ arrows, omittedAfter, omittedBefore }: PacketBatch): boolean =>
  arrows.length + omittedAfter + omittedBefore === 0

/** Adds a packet, with its number in this batch's browser. */
export const add = (batch: PacketBatch, arrow: Omit<Arrow, "number">): void => {
  if (isFull(batch)) skip(batch)
  else batch.arrows.push({ number: ++batch.lastNumber, ...arrow })
}

/** Counts a packet. */
export const skip = (batch: PacketBatch): void => {
  batch.lastNumber++
  batch.omittedAfter++
}

/** Takes the packets. `omitted` are those before the arrows; those after them are part of the next batch. */
export const take = (batch: PacketBatch): Packets => {
  const { arrows, omittedAfter, omittedBefore } = batch
  const hasArrows = arrows.length > 0
  batch.arrows = []
  batch.omittedBefore = hasArrows ? omittedAfter : 0
  batch.omittedAfter = 0
  return { arrows, omitted: hasArrows ? omittedBefore : omittedBefore + omittedAfter }
}
