// The sieving primes in order, from 167 on: found in a small sieve of their own, a piece of the number line at a time,
// as far as they are needed. They are kept as the halves of the gaps between them, a byte each: the widest gap below
// ROOT is 220.
import { BASE, BASE_REACH, BASE_SPANS, BASE_WINDOW, GAPS, LISTS } from "./Layout.ts"
import { layPatterns, PATTERNED } from "./Patterns.ts"
import { append, clearLists, turns } from "./Turns.ts"
import { residue } from "./Wheel.ts"

/** The byte of the number line where the next piece begins, the last prime found, and the end of the gaps. */
let sieved: u32 = 0
let last: u32 = PATTERNED
let end: u32 = GAPS

/** Where the gap behind the prime lies. */
let at: u32 = GAPS

/** The sieving prime whose turn it is. */
export let prime: u32 = PATTERNED

/** Finds the first of them, those that find the others. */
export function makeBase(): void {
  clearLists(BASE_SPANS, LISTS)
  for (let p = PATTERNED; p < BASE_REACH; p += 2) {
    let isPrime = p % 3 != 0
    for (let d: u32 = 5; isPrime && d * d <= p; d += 2) isPrime = p % d != 0
    if (isPrime) append(BASE_SPANS, p, BASE + p * (p / 30))
  }
}

function sieveBase(): void {
  const carried: u32 = sieved == 0 ? 0 : BASE_REACH
  if (carried) memory.copy(BASE, BASE + BASE_WINDOW, BASE_REACH)
  layPatterns(BASE + carried, BASE + BASE_WINDOW + BASE_REACH, sieved + carried)
  turns(BASE_SPANS, BASE + BASE_WINDOW, BASE_WINDOW)
  for (let word: u32 = 0; word < BASE_WINDOW; word += 8) {
    for (let bits = load<u64>(BASE + word); bits != 0; bits &= bits - 1) {
      const bit = u32(ctz(bits))
      const found = (sieved + word + (bit >> 3)) * 30 + residue(bit & 7)
      if (found > last) {
        store<u8>(end++, (found - last) >> 1)
        last = found
      }
    }
  }
  sieved += BASE_WINDOW
}

/** Begins again at 167. */
export function rewindPrimes(): void {
  at = GAPS
  prime = PATTERNED
}

/** Goes on to the next sieving prime. */
// @ts-ignore: decorator
@inline
export function nextPrime(): void {
  if (at == end) sieveBase()
  prime += u32(load<u8>(at++)) << 1
}
