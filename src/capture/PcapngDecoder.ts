/**
 * Incremental decoder of pcapng files, from chunks of any size. Memory is bounded by the longest block. `CaptureFile`
 * reads files of any format.
 */
import * as Result from "effect/Result"
import * as InputBuffer from "./format/InputBuffer.ts"
import * as PcapngBlocks from "./format/PcapngBlocks.ts"
import { blockTypes, byteOrderMagic } from "./format/PcapngFormat.ts"
import { byteCount } from "./Payload.ts"
import { type DecodedBlock, PcapngError } from "./Pcapng.ts"

/** Limits of a decoder. @category models @since 0.1.0 */
export interface Options {
  /** Maximum length of a block. Default 16 MiB. */
  readonly maxBlockBytes?: number | undefined
}

/** A decoder of one file. @category models @since 0.1.0 */
export interface Decoder {
  /**
   * Adds the next bytes, which the caller must not change later: packets refer to them. Call `take` until undefined
   * before the next call.
   */
  readonly feed: (bytes: Uint8Array) => void
  /** Returns the next complete block, or undefined if more bytes are needed; after an error always that error. */
  readonly take: () => DecodedBlock | PcapngError | undefined
  /** Returns undefined if the file may end here, otherwise the error. */
  readonly finish: () => PcapngError | undefined
}

/** Magic numbers of the classic pcap format: microseconds and nanoseconds, in both byte orders. */
const classicPcapMagics = new Set([0xa1b2c3d4, 0xd4c3b2a1, 0xa1b23c4d, 0x4d3cb2a1])

const hex = (value: number) => `0x${value.toString(16).padStart(8, "0")}`

/** The state of a decoder, which changes in place. */
interface State {
  readonly maxBlockBytes: number
  readonly input: InputBuffer.InputBuffer
  readonly section: PcapngBlocks.SectionState
  littleEndian: boolean | undefined
  failure: PcapngError | undefined
}

const fail = (self: State, reason: PcapngError["reason"], at: number, expected: string, found: string) =>
  failWith(self, new PcapngError({ reason, offset: at, expected, found }))

const failWith = (self: State, error: PcapngError) => {
  self.failure = error
  InputBuffer.clear(self.input)
  return error
}

/** Returns the byte order of the next block: a section declares its own. */
const byteOrder = (self: State, isSection: boolean): boolean | undefined | PcapngError => {
  const { offset, start, view } = self.input
  if (!isSection) return self.littleEndian
  const isLittleEndian = view.getUint32(start + 8, true) === byteOrderMagic
  const magic = view.getUint32(start + 8)
  return isLittleEndian || magic === byteOrderMagic
    ? isLittleEndian
    : PcapngBlocks.malformed(offset + 8, `the byte order magic ${hex(byteOrderMagic)}`, hex(magic))
}

const take = (self: State): DecodedBlock | PcapngError | undefined => {
  if (self.failure !== undefined) return self.failure
  const { input, maxBlockBytes } = self
  const { offset, start, view } = input
  const available = InputBuffer.available(input)
  if (available < 4) return undefined
  const magic = view.getUint32(start)
  const isSection = magic === blockTypes.section
  if (self.littleEndian === undefined && !isSection) {
    return classicPcapMagics.has(magic)
      ? fail(self, "ClassicPcap", offset, "pcapng", `classic pcap (${hex(magic)}); read it with CaptureFile`)
      : fail(self, "NotPcapng", offset, `a pcapng section header (${hex(blockTypes.section)})`, hex(magic))
  }
  if (available < 12) return undefined
  const littleEndian = byteOrder(self, isSection)
  if (littleEndian instanceof PcapngError) return failWith(self, littleEndian)
  const length = view.getUint32(start + 4, littleEndian)
  if (length < 12 || length > maxBlockBytes || length % 4 !== 0) {
    const expected = `a block of 12 to ${maxBlockBytes} bytes, a multiple of 4`
    return fail(self, "Malformed", offset + 4, expected, `a length of ${length}`)
  }
  if (available < length) return undefined
  const trailer = view.getUint32(start + length - 4, littleEndian)
  const expected = `the block length ${length} repeated at its end`
  if (trailer !== length) return fail(self, "Malformed", offset + length - 4, expected, `${trailer}`)
  const raw = { bytes: input.bytes, view, start, length, offset, littleEndian: littleEndian! }
  const block = PcapngBlocks.read(isSection ? magic : view.getUint32(start, littleEndian), raw, self.section)
  if (block instanceof PcapngError) return failWith(self, block)
  self.littleEndian = littleEndian
  InputBuffer.consume(input, length)
  return block
}

const finish = (self: State) => {
  const found = take(self)
  if (found instanceof PcapngError) return found
  const { input, littleEndian } = self
  const { offset, start, view } = input
  const available = InputBuffer.available(input)
  if (available === 0 && littleEndian !== undefined) return undefined
  if (offset + available === 0) return fail(self, "Truncated", 0, "a pcapng section header", "an empty file")
  const needed =
    available < 12
      ? undefined
      : view.getUint32(start + 4, littleEndian ?? view.getUint32(start + 8, true) === byteOrderMagic)
  const expected = needed === undefined ? "a whole block" : `a block of ${byteCount(needed)}`
  return fail(self, "Truncated", offset, expected, `the end of the file after ${available}`)
}

/** Creates a decoder of one file. @category decoding @since 0.1.0 */
export const make = ({ maxBlockBytes = 2 ** 24 }: Options = {}): Decoder => {
  const state: State = {
    maxBlockBytes,
    input: InputBuffer.make(),
    section: { interfaces: [], time: 0n },
    littleEndian: undefined,
    failure: undefined
  }
  return {
    feed: (bytes) => {
      if (state.failure === undefined) InputBuffer.append(state.input, bytes)
    },
    take: () => take(state),
    finish: () => finish(state)
  }
}

/**
 * Decodes all blocks of a complete file; fails with the first error. Never throws.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (
  bytes: Uint8Array,
  options?: Options
): Result.Result<ReadonlyArray<DecodedBlock>, PcapngError> => {
  const decoder = make(options)
  const blocks: Array<DecodedBlock> = []
  decoder.feed(bytes)
  for (let block = decoder.take(); block !== undefined; block = decoder.take()) {
    if (block instanceof PcapngError) return Result.fail(block)
    blocks.push(block)
  }
  const failure = decoder.finish()
  return failure === undefined ? Result.succeed(blocks) : Result.fail(failure)
}
