// The sieving primes in order, from 167 on. A small sieve of their own finds them on demand, a piece of the number line
// at a time. They are stored as half the gap to the next one, a byte each: the widest gap below MAX_ROOT is 220.
import { BASE, BASE_LIMIT, BASE_SPANS, BASE_BYTES, GAPS, LISTS } from "./Layout.ts"
import { layPatterns, FIRST_UNPATTERNED } from "./Patterns.ts"
import { append, clearLists, turns } from "./Turns.ts"
import { residue } from "./Wheel.ts"

/** The byte of the number line at which the next piece begins, the last prime found, and the end of the gaps. */
let sieved: u32 = 0
let last: u32 = FIRST_UNPATTERNED
let end: u32 = GAPS

/** The address of the gap behind `prime`. */
let at: u32 = GAPS

/** The current sieving prime. */
export let prime: u32 = FIRST_UNPATTERNED

/** Finds the first sieving primes, by which the small sieve finds the others. */
export function makeBase(): void {
  clearLists(BASE_SPANS, LISTS)
  for (let p = FIRST_UNPATTERNED; p < BASE_LIMIT; p += 2) {
    let isPrime = p % 3 != 0
    for (let d: u32 = 5; isPrime && d * d <= p; d += 2) isPrime = p % d != 0
    if (isPrime) append(BASE_SPANS, p, BASE + p * (p / 30))
  }
}

function sieveBase(): void {
  const carried: u32 = sieved == 0 ? 0 : BASE_LIMIT
  if (carried) memory.copy(BASE, BASE + BASE_BYTES, BASE_LIMIT)
  layPatterns(BASE + carried, BASE + BASE_BYTES + BASE_LIMIT, sieved + carried)
  turns(BASE_SPANS, BASE + BASE_BYTES, BASE_BYTES)
  for (let word: u32 = 0; word < BASE_BYTES; word += 8) {
    for (let bits = load<u64>(BASE + word); bits != 0; bits &= bits - 1) {
      const bit = u32(ctz(bits))
      const found = (sieved + word + (bit >> 3)) * 30 + residue(bit & 7)
      if (found > last) {
        store<u8>(end++, (found - last) >> 1)
        last = found
      }
    }
  }
  sieved += BASE_BYTES
}

/** Restarts at 167. */
export function rewindPrimes(): void {
  at = GAPS
  prime = FIRST_UNPATTERNED
}

/** Advances to the next sieving prime. */
// @ts-ignore: decorator
@inline
export function nextPrime(): void {
  if (at == end) sieveBase()
  prime += u32(load<u8>(at++)) << 1
}
