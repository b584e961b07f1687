// Sieving primes that hit a window seldom. Each lies in the bucket of the window that it hits next, so that a window
// looks only at primes that hit it. A bucket is a chain of blocks of 8 KiB, filled one after the other.
//
// An entry is 8 bytes: from the lowest bit on, the byte of the window (WINDOW_BITS), the state (6 bits), q = p / 30.
// The state is the prime's residue class and the multiple's place in its turn: 8 times 8.
import { BLOCK, BLOCKS, HEADS, RING, ROOT, SIEVE, WHEEL, WINDOW, WINDOW_BITS } from "./Layout.ts"
import { keep, residue, without } from "./Wheel.ts"

// The longest step is 6 p bytes / 30, and may begin at the end of a window.
if (ROOT / 5 / WINDOW + 1 >= RING) ERROR("a step could go round the ring")

/** The first of the blocks without use, which are chained too, and the end of those ever used since `open`. */
let spare: u32 = 0
let top: u32 = 0

/** What happens in a state, a byte each from the lowest on: mask, distance in q, bytes on top of it, next state. */
export function makeSteps(): void {
  for (let state: u32 = 0; state < 64; state++) {
    const r = residue(state >> 3)
    const m = residue(state & 7)
    const next = (state + 1) & 7
    const further = residue(next) + (next == 0 ? 30 : 0)
    const bytes = (r * further) / 30 - (r * m) / 30
    const move = (further - m) | (bytes << 8) | (((state & 56) | next) << 16)
    store<u32>(WHEEL + state * 4, without(r, m) | (move << 8))
  }
}

/** A block begins with the address of the block filled before it, or 0. */
function takeBlock(previous: u32): u32 {
  let block = spare
  if (block == 0) {
    block = top
    top += BLOCK
    if (top > u32(memory.size()) << 16) memory.grow(16)
  } else spare = load<u32>(block)
  store<u32>(block, previous)
  return block + 8
}

/** Empties all buckets. */
export function clearBuckets(): void {
  spare = 0
  top = BLOCKS
  for (let bucket: u32 = 0; bucket < RING; bucket++) store<u32>(HEADS + bucket * 4, takeBlock(0))
}

/** Puts a prime into the bucket of a window; `byte` counts from the beginning of window number `window`. */
// @ts-ignore: decorator
@inline
export function put(window: u32, byte: u32, state: u32, q: u32): void {
  const head = HEADS + ((window + (byte >> WINDOW_BITS)) & (RING - 1)) * 4
  const at = load<u32>(head)
  store<u64>(at, u64(byte & (WINDOW - 1)) | (u64(state | (q << 6)) << WINDOW_BITS))
  store<u32>(head, ((at + 8) & (BLOCK - 1)) == 0 ? takeBlock(at & ~(BLOCK - 1)) : at + 8)
}

/** Crosses off in a window what its bucket holds; a prime is dropped if its next multiple lies at `rest` or later. */
export function emptyBucket(window: u32, rest: u64): void {
  const head = HEADS + (window & (RING - 1)) * 4
  let past = load<u32>(head)
  let block = past & ~(BLOCK - 1)
  store<u32>(head, takeBlock(0))
  while (true) {
    for (let at = block + 8; at < past; at += 8) {
      const entry = load<u64>(at)
      let byte = u32(entry) & (WINDOW - 1)
      const high = u32(entry >> WINDOW_BITS)
      const q = high >> 6
      let state = high & 63
      do {
        const step = load<u32>(WHEEL + state * 4)
        keep(byte + SIEVE, step)
        byte += q * ((step >> 8) & 0xff) + ((step >> 16) & 0xff)
        state = step >> 24
      } while (byte < WINDOW)
      if (u64(byte) < rest) put(window, byte, state, q)
    }
    const previous = load<u32>(block)
    store<u32>(block, spare)
    spare = block
    if (previous == 0) break
    block = previous
    past = block + BLOCK
  }
}
