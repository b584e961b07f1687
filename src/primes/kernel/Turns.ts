// Crossing off by whole turns of the wheel.
//
// A turn of the prime p = 30q + r is the eight multiples p * (30t + m), m = 1, 7 ... 29. They lie in the p bytes from
// byte p * t on, multiple m in byte q * m + r * m / 30 of those, in the bit of r * m mod 30: given r, all masks are
// constants, and all distances are q times a constant and a constant. So there is a loop for each of the 8 residues.
//
// Turns are never cut at the border of a window: what lies before it falls on scratch memory, what lies behind it is
// carried over. Thus all that is known of a prime is where its next turn begins: an entry is q, and that address.
//
// A span is where the entries of a residue class begin and end.
import { LIST } from "./Layout.ts"
import { bitOf, keep, without } from "./Wheel.ts"

/** Empties the eight lists that follow each other at an address. */
export function clearLists(spans: u32, lists: u32): void {
  for (let bit: u32 = 0; bit < 8; bit++) {
    store<u32>(spans + bit * 8, lists + bit * LIST)
    store<u32>(spans + bit * 8, lists + bit * LIST, 4)
  }
}

/** Appends the prime to the list of its residue class. */
export function append(spans: u32, prime: u32, turn: u32): void {
  const span = spans + bitOf(prime % 30) * 8
  const at = load<u32>(span, 4)
  store<u32>(at, prime / 30)
  store<u32>(at, turn, 4)
  store<u32>(span, at + 8, 4)
}

// @ts-ignore: decorator
@inline
function turn(spans: u32, r: u32, end: u32, back: u32): void {
  const span = spans + bitOf(r) * 8
  const past = load<u32>(span, 4)
  for (let at = load<u32>(span); at < past; at += 8) {
    const q = load<u32>(at)
    let x = load<u32>(at, 4)
    if (x < end) {
      const p = q * 30 + r
      const x7 = q * 7 + (r * 7) / 30
      const x11 = q * 11 + (r * 11) / 30
      const x13 = q * 13 + (r * 13) / 30
      const x17 = q * 17 + (r * 17) / 30
      const x19 = q * 19 + (r * 19) / 30
      const x23 = q * 23 + (r * 23) / 30
      const x29 = q * 29 + (r * 29) / 30
      do {
        keep(x + q, without(r, 1))
        keep(x + x7, without(r, 7))
        keep(x + x11, without(r, 11))
        keep(x + x13, without(r, 13))
        keep(x + x17, without(r, 17))
        keep(x + x19, without(r, 19))
        keep(x + x23, without(r, 23))
        keep(x + x29, without(r, 29))
        x += p
      } while (x < end)
    }
    store<u32>(at, x - back, 4)
  }
}

/** Takes all turns that begin before `end`, then moves the beginnings of the next turns back by so many bytes. */
export function turns(spans: u32, end: u32, back: u32): void {
  turn(spans, 1, end, back)
  turn(spans, 7, end, back)
  turn(spans, 11, end, back)
  turn(spans, 13, end, back)
  turn(spans, 17, end, back)
  turn(spans, 19, end, back)
  turn(spans, 23, end, back)
  turn(spans, 29, end, back)
}
