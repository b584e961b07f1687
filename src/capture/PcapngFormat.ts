/** Constants of the pcapng format. */

/** Block types. */
export const blockTypes = { section: 0x0a0d0d0a, interface: 1, names: 4, packet: 6 } as const

/** Value in a section header from which a decoder detects the byte order. */
export const byteOrderMagic = 0x1a2b3c4d

/** Option codes. Their meaning depends on the block, but the ones used here do not collide. */
export const optionCodes = {
  end: 0,
  comment: 1,
  interfaceName: 2,
  application: 4,
  timestampResolution: 9,
  timestampOffset: 14
} as const

/** Record types of a name resolution block. */
export const nameRecordTypes = { end: 0, ipv4: 1, ipv6: 2 } as const

export const nanosPerSecond = 1_000_000_000n

/** Returns the number of time units in a second, for an `if_tsresol` value. */
export const ticksPerSecond = (resolution: number): bigint => {
  const exponent = BigInt(resolution & 0x7f)
  return resolution & 0x80 ? 2n ** exponent : 10n ** exponent
}
