/** Constants of the pcapng format. */

/** Block types. */
export const blockTypes = {
  section: 0x0a0d0d0a,
  interface: 1,
  obsoletePacket: 2,
  simplePacket: 3,
  names: 4,
  statistics: 5,
  packet: 6
} as const

/** Names of the types of blocks that are not decoded. */
const skippedBlockNames: Readonly<Record<number, string>> = {
  7: "IRIG Timestamp",
  8: "ARINC 429",
  9: "systemd Journal Export",
  10: "Decryption Secrets",
  257: "Hone Project Machine Info",
  258: "Hone Project Connection Event",
  513: "Sysdig Machine Info",
  516: "Sysdig Event",
  517: "Sysdig Interface List",
  518: "Sysdig User List",
  520: "Sysdig Event with flags",
  534: "Sysdig Event",
  535: "Sysdig Event with flags",
  2989: "Custom",
  1073744813: "Custom (not to be copied)"
}

/** Returns the name of a type of block that is not decoded. */
export const skippedBlockName = (type: number): string =>
  `${(Object.hasOwn(skippedBlockNames, type) ? skippedBlockNames[type] : undefined) ?? `0x${type.toString(16)}`} Block`

/** Types of blocks without packets that Wireshark numbers as frames: custom blocks, journals and events. */
const numberedBlockTypes = new Set([9, 516, 520, 534, 535, 2989, 1073744813])

/** Returns true if Wireshark numbers a block that is not decoded as a frame. */
export const isNumbered = (type: number): boolean => numberedBlockTypes.has(type)

/** Value in a section header from which a decoder detects the byte order. */
export const byteOrderMagic = 0x1a2b3c4d

/** Option codes of all blocks but statistics. Their meaning depends on the block, but these do not collide. */
export const optionCodes = {
  end: 0,
  comment: 1,
  interfaceName: 2,
  interfaceDescription: 3,
  application: 4,
  timestampResolution: 9,
  timestampOffset: 14
} as const

/** Option codes of an interface statistics block; each is a counter of 8 bytes. */
export const statisticsCodes = { received: 4, droppedByInterface: 5, droppedBySystem: 7 } as const

/** Record types of a name resolution block. */
export const nameRecordTypes = { end: 0, ipv4: 1, ipv6: 2 } as const

export const nanosPerSecond = 1_000_000_000n

/** Returns the number of time units in a second, for an `if_tsresol` value. */
export const ticksPerSecond = (resolution: number): bigint => {
  const exponent = BigInt(resolution & 0x7f)
  return resolution & 0x80 ? 2n ** exponent : 10n ** exponent
}
