// The wheel of 30: a byte holds the 8 numbers of 30 that 2, 3 and 5 do not divide.
//
//   bit       0   1   2   3   4   5   6   7
//   residue   1   7  11  13  17  19  23  29

/** Returns the residue of a bit. */
export function residue(bit: u32): u32 {
  return u32((0x1d17_1311_0d0b_0701 >> (bit * 8)) & 0xff)
}

/** Returns the bit of a residue; for another number, that of the residue before it, or 0. */
// @ts-ignore: decorator
@inline
export function bitOf(residue: u32): u32 {
  return (residue * 4) / 15
}

/** Returns the mask without the bit of the product of two residues. */
// @ts-ignore: decorator
@inline
export function maskWithout(r: u32, m: u32): u32 {
  return ~(1 << bitOf((r * m) % 30)) & 0xff
}

/** Clears the bits of a byte that are not in the mask. */
// @ts-ignore: decorator
@inline
export function maskByte(at: u32, mask: u32): void {
  store<u8>(at, load<u8>(at) & mask)
}
