// A segmented sieve of Eratosthenes on the wheel of 30, for numbers up to 2^53.
//
// `open` sets the range, each `next` sieves one window and returns its count of primes, and `list` writes these block
// by block, ascending. The primes 2, 3 and 5 are not on the wheel: the caller adds them.
import { clearBuckets, emptyBucket, makeSteps, put } from "./Buckets.ts"
import {
  BLOCKS, LIST_BYTES, LISTED_BYTES, LISTS, OUT, SIEVE, SMALL_LIMIT, SMALL_SPANS, STRIPE_BYTES, TURNING_LIMIT,
  TURNING_SPANS, WINDOW_BYTES
} from "./Layout.ts"
import { layPatterns, makePatterns } from "./Patterns.ts"
import { makeBase, nextPrime, prime, rewindPrimes } from "./SievingPrimes.ts"
import { append, clearLists, turns } from "./Turns.ts"
import { bitOf, maskByte, residue } from "./Wheel.ts"

/** The range: from <= n < to. */
let from: u64 = 0
let to: u64 = 0

/** The bytes of the number line: the first of this window, and the end of the range. */
let low: u64 = 0
let high: u64 = 0

/** The number of this window, its bytes, and the bytes that are listed. */
let window: u32 = 0
let size: u32 = 0
let listed: u32 = 0

let isReady = false

/** Sets the range from `start` up to, not including, `end`; both whole, 0 to 2^53. */
export function open(start: f64, end: f64): void {
  if (!isReady) {
    const pages = (BLOCKS >> 16) + 16
    if (u32(memory.size()) < pages) memory.grow(pages - memory.size())
    makePatterns()
    makeSteps()
    makeBase()
    isReady = true
  }
  from = u64(start)
  to = u64(end)
  low = from / 30
  high = from < to ? (to - 1) / 30 + 1 : low
  window = size = listed = 0
  clearLists(SMALL_SPANS, LISTS + 8 * LIST_BYTES)
  clearLists(TURNING_SPANS, LISTS + 16 * LIST_BYTES)
  clearBuckets()
  rewindPrimes()
}

/**
 * Adds a prime to the bucket of its first multiple that is at least its square and lies in this window or later. All
 * but one division are of 32 bits: the bytes since the turn began, times 30, are less than 30 * MAX_ROOT.
 */
function addToBucket(p: u32): void {
  const q = p / 30
  const r = p % 30
  let turn: u64 = q
  let k = bitOf(r)
  if (u64(p) * p < low * 30) {
    turn = low / p
    const m = (u32(low - turn * p) * 30 + p - 1) / p
    k = bitOf(m)
    if (m > 29) {
      turn++
      k = 0
    } else if (residue(k) < m) k++
  }
  const byte = turn * p + q * residue(k) + (r * residue(k)) / 30 - low
  if (byte < high - low) put(window, u32(byte), (bitOf(r) << 3) | k, q)
}

function addSievingPrimes(): void {
  const end = min((low + size) * 30, to)
  for (; u64(prime) * prime < end; nextPrime()) {
    if (prime < TURNING_LIMIT) {
      const turn = max<u64>(prime / 30, low / prime)
      append(prime < SMALL_LIMIT ? SMALL_SPANS : TURNING_SPANS, prime, u32(SIEVE + (turn * prime - low)))
    } else addToBucket(prime)
  }
}

/** Crosses off the numbers outside the range, and the rest of the last word. */
function trim(): void {
  if (low * 30 < from) {
    for (let bit: u32 = 0; bit < 8; bit++) {
      if (low * 30 + residue(bit) < from) maskByte(SIEVE, ~(1 << bit))
    }
  }
  const last = SIEVE + size - 1
  for (let bit: u32 = 0; bit < 8; bit++) {
    if ((low + size - 1) * 30 + residue(bit) >= to) maskByte(last, ~(1 << bit))
  }
  if (size < WINDOW_BYTES) store<u64>(last, 0, 1)
}

function count(): i32 {
  let sum: i64 = 0
  for (let at = SIEVE; at < SIEVE + size; at += 8) sum += popcnt(load<u64>(at))
  return i32(sum)
}

/** Sieves the next window and returns its count of primes, or -1 after the last one. */
export function next(): i32 {
  const isFirst = size == 0
  low += size
  if (low >= high) return -1
  if (!isFirst) {
    // Turns have crossed off numbers behind the last window.
    memory.copy(SIEVE, SIEVE + WINDOW_BYTES, TURNING_LIMIT)
    window++
  }
  size = u32(min<u64>(WINDOW_BYTES, high - low))
  listed = 0
  const carried: u32 = isFirst ? 0 : TURNING_LIMIT
  const filled = high - low > WINDOW_BYTES ? WINDOW_BYTES + TURNING_LIMIT : size
  if (filled > carried) layPatterns(SIEVE + carried, SIEVE + filled, low + carried)
  addSievingPrimes()
  const end = SIEVE + size
  for (let stripe = SIEVE + STRIPE_BYTES; stripe < end; stripe += STRIPE_BYTES) turns(SMALL_SPANS, stripe, 0)
  turns(SMALL_SPANS, end, WINDOW_BYTES)
  turns(TURNING_SPANS, end, WINDOW_BYTES)
  emptyBucket(window, high - low)
  trim()
  return count()
}

/**
 * Writes the primes in the next `LISTED_BYTES` bytes of the window to the address `listAt()`, each as an f64. Returns
 * their count, or -1 after the last block.
 */
export function list(): i32 {
  if (listed >= size) return -1
  let out: u32 = OUT
  const end = min(listed + LISTED_BYTES, size)
  for (; listed < end; listed += 8) {
    const number = f64((low + listed) * 30)
    for (let bits = load<u64>(SIEVE + listed); bits != 0; bits &= bits - 1) {
      const bit = u32(ctz(bits))
      store<f64>(out, number + f64((bit >> 3) * 30 + residue(bit & 7)))
      out += 8
    }
  }
  return i32((out - OUT) >> 3)
}

/** Returns the address at which `list` writes. */
export function listAt(): u32 {
  return OUT
}
