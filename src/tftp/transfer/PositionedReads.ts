/**
 * The blocks of a file read to where they are sent from: each with room for its header before it, so that large blocks
 * are not copied on the way.
 *
 * ```
 * slot   [header][block 1][header][block 2]...   one read fills the blocks of a slot
 * ```
 *
 * A slot is filled anew when its blocks are acknowledged. A datagram that the kernel still holds back then, a second
 * copy, keeps its old number and is ignored.
 */
import * as Effect from "effect/Effect"
import * as Signal from "../../network/Signal.ts"
import type * as FileStore from "../store/FileStore.ts"
import type { Source } from "./BlockSource.ts"

/** What is read, and how. */
export interface Options {
  readonly readAll: NonNullable<Extract<FileStore.Body, { readonly _tag: "Random" }>["readAll"]>
  readonly blksize: number
  readonly windowsize: number
  /** Of the file, in bytes; undefined where only reading to the end tells. */
  readonly size: number | undefined
  /** Bytes to read at a time, about. */
  readonly piece: number
}

const header = 4

const makeSlot = (blocks: number, blksize: number) => {
  const stride = header + blksize
  const bytes = new Uint8Array(blocks * stride)
  const packets = Array.from({ length: blocks }, (_, at) => bytes.subarray(at * stride, (at + 1) * stride))
  return { packets, rooms: packets.map((packet) => packet.subarray(header)), length: 0 }
}

/** Reads ahead by one slot of what the window needs. */
export const make = ({ blksize, piece, readAll, size = Number.POSITIVE_INFINITY, windowsize }: Options): Source => {
  const blocks = Math.max(1, Math.floor(Math.min(piece, size + blksize) / blksize))
  const most = Math.ceil(windowsize / blocks) + 2
  /** Slot n of the file is in place n modulo their number. */
  const slots: Array<ReturnType<typeof makeSlot>> = []
  const bell = Signal.make()
  let filled = 0
  let released = 0
  let last = Number.POSITIVE_INFINITY
  const hasRoom = () => (filled - most + 1) * blocks <= released

  return {
    last: () => last,
    take: (block) => {
      const index = Math.floor((block - 1) / blocks)
      if (index >= filled) return undefined
      const slot = slots[index % most]!
      const nth = block - 1 - index * blocks
      const packet = slot.packets[nth]!
      return block === last ? packet.subarray(0, header + slot.length - nth * blksize) : packet
    },
    release: (upTo) => {
      released = upTo
      if (hasRoom()) bell.ring()
    },
    run: (ready) =>
      Effect.gen(function* () {
        while (last === Number.POSITIVE_INFINITY) {
          while (!hasRoom()) yield* bell.wait
          slots[filled % most] ??= makeSlot(blocks, blksize)
          const slot = slots[filled % most]!
          slot.length = yield* readAll(filled * blocks * blksize, slot.rooms)
          if (slot.length < blocks * blksize) last = filled * blocks + Math.floor(slot.length / blksize) + 1
          filled++
          ready()
        }
        return yield* Effect.never
      })
  }
}
