// The multiples of the primes 7 to 163 repeat: the pattern of a group of such primes has the period of their product,
// in bytes. So they are not crossed off: 16 patterns are laid over each other, 16 bytes in an instruction.
import { PHASES, PIECE, TABLES } from "./Layout.ts"
import { keep, residue } from "./Wheel.ts"

/** The primes below this are in the patterns. */
export const PATTERNED: u32 = 167

const GROUPS: u32 = 16

/** A pattern is kept a piece longer than its period, so that a piece can be taken from any phase. */
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

/** Lays a prime's multiples over the pattern: its mask for each of p bytes, at every p-th byte. */
function addPrime(at: u32, end: u32, p: u32): void {
  for (let first: u32 = 0; first < p; first++) {
    let mask: u32 = 0
    for (let bit: u32 = 0; bit < 8; bit++) mask |= u32((first * 30 + residue(bit)) % p != 0) << bit
    if (mask != 0xff) for (let byte = at + first; byte < end; byte += p) keep(byte, mask)
  }
}

/** A record is 16 bytes: phase, period, address. The third prime is 1 where a group has two. */
function makePattern(group: u32, a: u32, b: u32, c: u32): void {
  const period = a * b * c
  const end = free + period + PIECE
  store<u32>(PHASES + group * 16, period, 4)
  store<u32>(PHASES + group * 16, free, 8)
  memory.fill(free, 0xff, period + PIECE)
  addPrime(free, end, a)
  addPrime(free, end, b)
  if (c > 1) addPrime(free, end, c)
  free = (end + 15) & ~15
}

/** 7, 11 and 13 go with two middling primes, each other prime with one from the far end: short periods for all. */
export function makePatterns(): void {
  makePattern(0, 7, 23, 37)
  makePattern(1, 11, 19, 31)
  makePattern(2, 13, 17, 29)
  let low: u32 = 41
  let high: u32 = 163
  for (let group: u32 = 3; group < GROUPS; group++) {
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
  const end = to + PIECE
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

/** Fills memory from `to` up to `end` or a piece further; `byte` is the byte of the number line that lies at `to`. */
export function layPatterns(to: u32, end: u32, byte: u64): void {
  for (let record = PHASES; record < PHASES + 16 * GROUPS; record += 16) {
    store<u32>(record, u32(byte % load<u32>(record, 4)))
  }
  const from = to
  for (; to < end; to += PIECE) {
    layEight(0, to, true)
    layEight(8, to, false)
    for (let record = PHASES; record < PHASES + 16 * GROUPS; record += 16) {
      const phase = load<u32>(record) + PIECE
      const period = load<u32>(record, 4)
      store<u32>(record, phase < period ? phase : phase - period)
    }
  }
  if (byte < 6) restoreFirst(from, u32(byte))
}

/** The patterns cross off their own primes, and leave 1: the first six bytes are set right. */
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
