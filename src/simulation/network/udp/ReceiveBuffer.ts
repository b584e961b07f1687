/**
 * Receive buffers of UDP sockets with the accounting of Linux: a datagram counts with the memory that the kernel
 * allocates for it. The figures are those of the loopback interface of Linux 6.18 on a 64-bit processor.
 */

/** Size of a receive buffer that no option changes: `net.core.rmem_default`. */
const defaultBytes = 212_992

/** Largest size that an option can request: `net.core.rmem_max`. */
const maxRequestedBytes = 4_194_304

/** Smallest size of a receive buffer. */
const minBytes = 2_304

/** Returns the size that the kernel grants: twice the requested one, for its own overhead. */
export const granted = (requestedBytes: number | undefined): number =>
  requestedBytes === undefined ? defaultBytes : Math.max(minBytes, 2 * Math.min(requestedBytes, maxRequestedBytes))

/** Bytes of the blocks of memory for a datagram with its headers. */
const blockBytes = [256, 704, 1_728, 3_776, 7_872, 16_063]

/** Bytes that the kernel reserves before a payload for the headers of IPv4 and IPv6. */
const headroomBytes = { IPv4: 59, IPv6: 72 }

/** Bytes of the structures that describe a datagram. */
const structureBytes = 576

/** Largest block of memory; a larger datagram lies in pages beside the smallest block. */
const largestBlockBytes = 16_064

/** Largest payload that fits into one packet of the loopback interface over IPv6; a larger one is sent in two. */
const maxIpv6PacketBytes = 65_488
const twoPacketsBytes = 67_144

/** Returns the bytes of the receive buffer that a datagram takes (`truesize`). */
export const chargeOf = (payloadBytes: number, family: "IPv4" | "IPv6"): number => {
  const needed = payloadBytes + headroomBytes[family]
  for (let i = 0; i < blockBytes.length; i++) {
    if (needed > blockBytes[i]!) continue
    return (i === blockBytes.length - 1 ? largestBlockBytes : blockBytes[i]!) + structureBytes
  }
  if (family === "IPv6" && payloadBytes > maxIpv6PacketBytes) return twoPacketsBytes
  return payloadBytes + blockBytes[0]! + structureBytes
}
