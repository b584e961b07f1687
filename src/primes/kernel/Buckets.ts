// The sieving primes that do not hit every window. Each is in the bucket of the window that it hits next, so that
// a window processes only primes that hit it. A bucket is a chain of blocks of 8 KiB.
//
// An entry is 8 bytes: from the lowest bit on, the byte in the window (WINDOW_BITS), the state (6 bits), q = p / 30.
// The state combines the prime's residue class (8) with the multiple's index in its turn (8).
import {
  BLOCK_BYTES, BLOCKS, BUCKET_ENDS, MAX_ROOT, RING_SIZE, SIEVE, WHEEL, WINDOW_BITS, WINDOW_BYTES
} from "./Layout.ts"
import { maskByte, residue, maskWithout } from "./Wheel.ts"

// The longest step is 6 p bytes / 30, and may begin at the end of a window.
if (MAX_ROOT / 5 / WINDOW_BYTES + 1 >= RING_SIZE) ERROR("a step could go round the ring")

/** The first of the free blocks, which are chained too, and the end of the blocks used since `open`. */
let spare: u32 = 0
let top: u32 = 0

/** Fills the table of states, a byte each from the lowest on: mask, distance in q, additional bytes, next state. */
export function makeSteps(): void {
  for (let state: u32 = 0; state < 64; state++) {
    const r = residue(state >> 3)
    const m = residue(state & 7)
    const next = (state + 1) & 7
    const further = residue(next) + (next == 0 ? 30 : 0)
    const bytes = (r * further) / 30 - (r * m) / 30
    const move = (further - m) | (bytes << 8) | (((state & 56) | next) << 16)
    store<u32>(WHEEL + state * 4, maskWithout(r, m) | (move << 8))
  }
}

/** Takes a free block. It begins with the address of the previous block of its chain, or 0. */
function takeBlock(previous: u32): u32 {
  let block = spare
  if (block == 0) {
    block = top
    top += BLOCK_BYTES
    if (top > u32(memory.size()) << 16) memory.grow(16)
  } else spare = load<u32>(block)
  store<u32>(block, previous)
  return block + 8
}

/** Empties all buckets. */
export function clearBuckets(): void {
  spare = 0
  top = BLOCKS
  for (let bucket: u32 = 0; bucket < RING_SIZE; bucket++) store<u32>(BUCKET_ENDS + bucket * 4, takeBlock(0))
}

/** Puts a prime into the bucket of a window; `byte` counts from the beginning of window number `window`. */
// @ts-ignore: decorator
@inline
export function put(window: u32, byte: u32, state: u32, q: u32): void {
  const head = BUCKET_ENDS + ((window + (byte >> WINDOW_BITS)) & (RING_SIZE - 1)) * 4
  const at = load<u32>(head)
  store<u64>(at, u64(byte & (WINDOW_BYTES - 1)) | (u64(state | (q << 6)) << WINDOW_BITS))
  store<u32>(head, ((at + 8) & (BLOCK_BYTES - 1)) == 0 ? takeBlock(at & ~(BLOCK_BYTES - 1)) : at + 8)
}

/**
 * Crosses off the multiples of the primes in the bucket of `window`, and moves each prime to the bucket of its next
 * multiple. A prime whose next multiple is `rest` bytes or more from the start of the window is dropped.
 */
export function emptyBucket(window: u32, rest: u64): void {
  const head = BUCKET_ENDS + (window & (RING_SIZE - 1)) * 4
  let past = load<u32>(head)
  let block = past & ~(BLOCK_BYTES - 1)
  store<u32>(head, takeBlock(0))
  while (true) {
    for (let at = block + 8; at < past; at += 8) {
      const entry = load<u64>(at)
      let byte = u32(entry) & (WINDOW_BYTES - 1)
      const high = u32(entry >> WINDOW_BITS)
      const q = high >> 6
      let state = high & 63
      do {
        const step = load<u32>(WHEEL + state * 4)
        maskByte(byte + SIEVE, step)
        byte += q * ((step >> 8) & 0xff) + ((step >> 16) & 0xff)
        state = step >> 24
      } while (byte < WINDOW_BYTES)
      if (u64(byte) < rest) put(window, byte, state, q)
    }
    const previous = load<u32>(block)
    store<u32>(block, spare)
    spare = block
    if (previous == 0) break
    block = previous
    past = block + BLOCK_BYTES
  }
}
