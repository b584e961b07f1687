// Crossing off by whole turns of the wheel.
//
// A turn of the prime p = 30q + r is the eight multiples p * (30t + m), m = 1, 7 ... 29. They lie in the p bytes from
// byte p * t on, multiple m in byte q * m + r * m / 30 of those, in the bit of r * m mod 30: given r, all masks are
// constants, and all distances are q times a constant and a constant. So there is a loop for each of the 8 residues.
//
// Turns are not cut at the border of a window: the part before it writes to scratch memory, the part behind it is
// copied to the next window. So the state of a prime is the begin of its next turn: an entry is q, and that address.
//
// A span is the begin and the end of the entries of a residue class.
import { LIST_BYTES } from "./Layout.ts"
import { bitOf, maskByte, maskWithout } from "./Wheel.ts"

/** Empties the eight lists that follow each other at an address. */
export function clearLists(spans: u32, lists: u32): void {
  for (let bit: u32 = 0; bit < 8; bit++) {
    store<u32>(spans + bit * 8, lists + bit * LIST_BYTES)
    store<u32>(spans + bit * 8, lists + bit * LIST_BYTES, 4)
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
        maskByte(x + q, maskWithout(r, 1))
        maskByte(x + x7, maskWithout(r, 7))
        maskByte(x + x11, maskWithout(r, 11))
        maskByte(x + x13, maskWithout(r, 13))
        maskByte(x + x17, maskWithout(r, 17))
        maskByte(x + x19, maskWithout(r, 19))
        maskByte(x + x23, maskWithout(r, 23))
        maskByte(x + x29, maskWithout(r, 29))
        x += p
      } while (x < end)
    }
    store<u32>(at, x - back, 4)
  }
}

/** Takes all turns that begin before `end`, then moves the begins of the next turns back by `back` bytes. */
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
