/** The numbers of the pcapng format. */

/** Types of blocks. */
export const blocks = { section: 0x0a0d0d0a, interface: 1, names: 4, packet: 6 } as const

/** In a section header, tells in which order its bytes come. */
export const orderMagic = 0x1a2b3c4d

/** Codes of options; which they are depends on the block, but none of these clash. */
export const options = { end: 0, comment: 1, interfaceName: 2, application: 4, resolution: 9, offset: 14 } as const

/** Kinds of records in a name resolution block. */
export const records = { end: 0, ipv4: 1, ipv6: 2 } as const

export const nano = 1_000_000_000n

/** Units of time in a second. */
export const unitsOf = (resolution: number): bigint => {
  const exponent = BigInt(resolution & 0x7f)
  return resolution & 0x80 ? 2n ** exponent : 10n ** exponent
}
