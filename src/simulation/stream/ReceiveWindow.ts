/**
 * Size of a receive window that grows while the program keeps up, as that of Linux does (dynamic right-sizing,
 * `tcp_rcv_space_adjust`). Pure.
 *
 * After each round trip in which the program has read more than in any before, the window becomes four times what it
 * has read. Thus it grows for a sender that it limits, and stays for one that sends little. Twice would not do: the
 * window is announced in halves, and under jitter less than a whole one arrives in a round trip. The round trip is that
 * of the fastest data, with the delays of faults, which the handshake need not meet.
 */

export interface ReceiveWindow {
  readonly bytes: number
  readonly roundStartNanos: number
  /** Bytes that the program had read at the start of the round. */
  readonly readAtStart: number
  /** The most bytes that it has read in one round. */
  readonly mostBytes: number
}

/** Window of a new connection: half of Linux's default receive buffer of 128 KiB. */
export const initialBytes = 65_536

/** Upper limit: Linux's default for receive buffers (`tcp_rmem`). */
export const maxBytes = 6 * 2 ** 20

/** Linux's initial estimate of the bytes per round: ten segments of an Ethernet. */
const initialRoundBytes = 14_600

const growthFactor = 4

/** Creates the window of a connection whose handshake ends now. */
export const make = (nowNanos: number): ReceiveWindow => ({
  bytes: initialBytes,
  roundStartNanos: nowNanos,
  readAtStart: 0,
  mostBytes: initialRoundBytes
})

/**
 * Returns the window after a read, up to which the program has read `readBytes` of the stream. `rttNanos` is the
 * round-trip time of the fastest data.
 */
export const afterRead = (
  self: ReceiveWindow,
  readBytes: number,
  nowNanos: number,
  rttNanos: number
): ReceiveWindow => {
  const { bytes, mostBytes, readAtStart, roundStartNanos } = self
  const roundBytes = readBytes - readAtStart
  if (nowNanos - roundStartNanos < rttNanos) return self
  return {
    bytes: roundBytes > mostBytes ? Math.min(maxBytes, Math.max(bytes, growthFactor * roundBytes)) : bytes,
    roundStartNanos: nowNanos,
    readAtStart: readBytes,
    mostBytes: Math.max(mostBytes, roundBytes)
  }
}
