/** The numbers of the pcapng format. */

/** Types of blocks. */
export const blockTypes = { section: 0x0a0d0d0a, interface: 1, names: 4, packet: 6 } as const

/** In a section header, tells in which order its bytes come. */
export const byteOrderMagic = 0x1a2b3c4d

/** Codes of options; which they are depends on the block, but none of these clash. */
export const optionCodes = { end: 0, comment: 1, interfaceName: 2, application: 4, timestampResolution: 9, timestampOffset: 14 } as const

/** Kinds of records in a name resolution block. */
export const nameRecordTypes = { end: 0, ipv4: 1, ipv6: 2 } as const

export const nanosPerSecond = 1_000_000_000n

/** Units of time in a second. */
export const ticksPerSecond = (resolution: number): bigint => {
  const exponent = BigInt(resolution & 0x7f)
  return resolution & 0x80 ? 2n ** exponent : 10n ** exponent
}
