// The multiples of the primes 7 to 163 as patterns. The pattern of a group of primes repeats after their product, in
// bytes. Instead of crossing off, 16 patterns are combined, 16 bytes in an instruction.
import { PHASES, PIECE_BYTES, TABLES } from "./Layout.ts"
import { maskByte, residue } from "./Wheel.ts"

/** The first prime that is not in the patterns. */
export const FIRST_UNPATTERNED: u32 = 167

const GROUP_COUNT: u32 = 16

/** The end of the stored patterns. Each is a piece longer than its period, so that a piece can start at any phase. */
let free: u32 = TABLES

function isPrime(n: u32): bool {
  for (let d: u32 = 2; d * d <= n; d++) if (n % d == 0) return false
  return true
}

function nextPrime(n: u32): u32 {
  do {
    n++
  } while (!isPrime(n))
  return n
}

function previousPrime(n: u32): u32 {
  do {
    n--
  } while (!isPrime(n))
  return n
}

/** Crosses off a prime's multiples in a pattern: its mask for each of p bytes, at every p-th byte. */
function addPrime(at: u32, end: u32, p: u32): void {
  for (let first: u32 = 0; first < p; first++) {
    let mask: u32 = 0
    for (let bit: u32 = 0; bit < 8; bit++) mask |= u32((first * 30 + residue(bit)) % p != 0) << bit
    if (mask != 0xff) for (let byte = at + first; byte < end; byte += p) maskByte(byte, mask)
  }
}

/** Makes the pattern of a group and its record of 16 bytes: phase, period, address. `c` is 1 in a group of two. */
function makePattern(group: u32, a: u32, b: u32, c: u32): void {
  const period = a * b * c
  const end = free + period + PIECE_BYTES
  store<u32>(PHASES + group * 16, period, 4)
  store<u32>(PHASES + group * 16, free, 8)
  memory.fill(free, 0xff, period + PIECE_BYTES)
  addPrime(free, end, a)
  addPrime(free, end, b)
  if (c > 1) addPrime(free, end, c)
  free = (end + 15) & ~15
}

/** Makes all patterns. Groups of three and pairs of a small with a large prime give short periods. */
export function makePatterns(): void {
  makePattern(0, 7, 23, 37)
  makePattern(1, 11, 19, 31)
  makePattern(2, 13, 17, 29)
  let low: u32 = 41
  let high: u32 = 163
  for (let group: u32 = 3; group < GROUP_COUNT; group++) {
    makePattern(group, low, high, 1)
    low = nextPrime(low)
    high = previousPrime(high)
  }
}

// @ts-ignore: decorator
@inline
function pattern(group: u32): u32 {
  return load<u32>(PHASES + group * 16) + load<u32>(PHASES + group * 16, 8)
}

// @ts-ignore: decorator
@inline
function layEight(group: u32, to: u32, first: bool): void {
  let a = pattern(group)
  let b = pattern(group + 1)
  let c = pattern(group + 2)
  let d = pattern(group + 3)
  let e = pattern(group + 4)
  let f = pattern(group + 5)
  let g = pattern(group + 6)
  let h = pattern(group + 7)
  const end = to + PIECE_BYTES
  for (; to < end; to += 32) {
    let x = v128.and(
      v128.and(v128.and(v128.load(a), v128.load(b)), v128.and(v128.load(c), v128.load(d))),
      v128.and(v128.and(v128.load(e), v128.load(f)), v128.and(v128.load(g), v128.load(h)))
    )
    let y = v128.and(
      v128.and(v128.and(v128.load(a, 16), v128.load(b, 16)), v128.and(v128.load(c, 16), v128.load(d, 16))),
      v128.and(v128.and(v128.load(e, 16), v128.load(f, 16)), v128.and(v128.load(g, 16), v128.load(h, 16)))
    )
    if (!first) {
      x = v128.and(x, v128.load(to))
      y = v128.and(y, v128.load(to, 16))
    }
    v128.store(to, x)
    v128.store(to, y, 16)
    a += 32
    b += 32
    c += 32
    d += 32
    e += 32
    f += 32
    g += 32
    h += 32
  }
}

/** Fills memory from `to` to `end`, or a piece further; `byte` is the byte of the number line stored at `to`. */
export function layPatterns(to: u32, end: u32, byte: u64): void {
  for (let record = PHASES; record < PHASES + 16 * GROUP_COUNT; record += 16) {
    store<u32>(record, u32(byte % load<u32>(record, 4)))
  }
  const from = to
  for (; to < end; to += PIECE_BYTES) {
    layEight(0, to, true)
    layEight(8, to, false)
    for (let record = PHASES; record < PHASES + 16 * GROUP_COUNT; record += 16) {
      const phase = load<u32>(record) + PIECE_BYTES
      const period = load<u32>(record, 4)
      store<u32>(record, phase < period ? phase : phase - period)
    }
  }
  if (byte < 6) restoreFirst(from, u32(byte))
}

/** Corrects the first six bytes: the patterns cross off their own primes, and leave 1. */
function restoreFirst(to: u32, first: u32): void {
  for (let byte = first; byte < 6; byte++) {
    let bits: u32 = 0
    for (let bit: u32 = 0; bit < 8; bit++) {
      const n = byte * 30 + residue(bit)
      bits |= u32(n > 1 && isPrime(n)) << bit
    }
    store<u8>(to + byte - first, bits)
  }
}
