/**
 * Blocks of a file, read by positioned vectored reads (`preadv`) straight into the packets they are sent in. Each block
 * has free bytes for its header before it, so that large blocks are never copied.
 *
 * ```
 * group  [header][block 1][header][block 2]...   one read fills all blocks of a group
 * ```
 *
 * A group is filled again once all its blocks are acknowledged. The kernel may still queue a datagram of the old group
 * then: a second copy, with the old block number, which the receiver ignores.
 */
import * as Effect from "effect/Effect"
import * as Signal from "../../network/Signal.ts"
import type * as Store from "../store/Store.ts"
import { type BlockSource, headerBytes } from "./BlockSource.ts"

/** The file and the parameters of the transfer. */
export interface Options {
  readonly readVectoredAt: NonNullable<Extract<Store.Body, { readonly _tag: "Random" }>["readVectoredAt"]>
  /** Bytes of a block. */
  readonly blksize: number
  /** Blocks that may be sent ahead of their ACK. */
  readonly windowsize: number
  /** Bytes of the file; undefined if it is known only at the end. */
  readonly size: number | undefined
  /** Bytes of one read, rounded down to whole blocks. */
  readonly readBytes: number
}

const makeGroup = (blocks: number, blksize: number) => {
  const packetBytes = headerBytes + blksize
  const bytes = new Uint8Array(blocks * packetBytes)
  const packets = Array.from({ length: blocks }, (_, at) => bytes.subarray(at * packetBytes, (at + 1) * packetBytes))
  return { packets, payloads: packets.map((packet) => packet.subarray(headerBytes)), length: 0 }
}

/** Makes a source over a file; it reads ahead by one group beyond the window. */
export const make = ({
  blksize,
  readVectoredAt: readAll,
  readBytes,
  size = Number.POSITIVE_INFINITY,
  windowsize
}: Options): BlockSource => {
  const blocksPerGroup = Math.max(1, Math.floor(Math.min(readBytes, size + blksize) / blksize))
  const maxGroups = Math.ceil(windowsize / blocksPerGroup) + 2
  /** The buffers of the groups as a ring: group n, from 0, is one read of the file, at index n modulo `maxGroups`. */
  const groups: Array<ReturnType<typeof makeGroup>> = []
  const released = Signal.make()
  let groupsRead = 0
  let lastReleased = 0
  let last = Number.POSITIVE_INFINITY
  const hasFreeGroup = () => (groupsRead - maxGroups + 1) * blocksPerGroup <= lastReleased

  return {
    last: () => last,
    take: (block) => {
      const index = Math.floor((block - 1) / blocksPerGroup)
      if (index >= groupsRead) return undefined
      const group = groups[index % maxGroups]!
      const blockInGroup = block - 1 - index * blocksPerGroup
      const packet = group.packets[blockInGroup]!
      return block === last ? packet.subarray(0, headerBytes + group.length - blockInGroup * blksize) : packet
    },
    release: (upTo) => {
      lastReleased = upTo
      if (hasFreeGroup()) released.notify()
    },
    run: (onReady) =>
      Effect.gen(function* () {
        while (last === Number.POSITIVE_INFINITY) {
          while (!hasFreeGroup()) yield* released.wait
          groups[groupsRead % maxGroups] ??= makeGroup(blocksPerGroup, blksize)
          const group = groups[groupsRead % maxGroups]!
          group.length = yield* readAll(groupsRead * blocksPerGroup * blksize, group.payloads)
          if (group.length < blocksPerGroup * blksize) {
            last = groupsRead * blocksPerGroup + Math.floor(group.length / blksize) + 1
          }
          groupsRead++
          onReady()
        }
        return yield* Effect.never
      })
  }
}
