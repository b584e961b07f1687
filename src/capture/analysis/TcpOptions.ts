/** Options of a TCP header that an analysis needs. Pure, for any bytes. */

const option = { end: 0, nop: 1, windowScale: 3 } as const

/** Maximum shift of a window (RFC 7323, 2.3). */
const maxShift = 14

/** Returns the window scale option (RFC 7323); undefined without it, and where the options are malformed before it. */
export const windowScale = (bytes: Uint8Array): number | undefined => {
  for (let at = 0; at < bytes.length; ) {
    const kind = bytes[at]
    if (kind === option.nop) at++
    else {
      const length = bytes[at + 1] ?? 0
      if (kind === option.end || length < 2 || at + length > bytes.length) return undefined
      if (kind === option.windowScale && length === 3) return Math.min(maxShift, bytes[at + 2]!)
      at += length
    }
  }
  return undefined
}
