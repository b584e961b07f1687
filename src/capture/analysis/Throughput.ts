/**
 * Bytes and retransmissions over time, in constant memory: buckets of equal length, whose length doubles when the
 * capture is longer than they cover.
 *
 * **Example** (Three packets in two seconds)
 *
 * ```ts
 * import { Throughput } from "effect-inet/capture"
 *
 * const throughput = Throughput.make({ maxBuckets: 4 })
 * throughput.add(0n, 1000, false)
 * throughput.add(1_900_000_000n, 500, false)
 * throughput.add(2_000_000_000n, 500, true)
 * const { bucketMillis, bytes } = throughput.series()
 * bucketMillis // => 512
 * bytes // => [1000, 0, 0, 1000]
 * ```
 */

/** Options. @category models @since 0.1.0 */
export interface Options {
  /** Maximum number of buckets, at least 2. Default 512. */
  readonly maxBuckets?: number | undefined
}

/** The buckets so far, from that of the first packet to that of the last one. @category models @since 0.1.0 */
export interface Series {
  /** Time of the start of the first bucket in nanoseconds; 0 without packets. */
  readonly startNanos: bigint
  /** Length of a bucket in milliseconds: a power of 2. */
  readonly bucketMillis: number
  readonly bytes: ReadonlyArray<number>
  /** Time from the first packet to the last one. Default: that of the buckets, which begin before and end after. */
  readonly durationNanos?: number | undefined
  /** Number of retransmissions in each bucket. */
  readonly retransmissions: ReadonlyArray<number>
}

/** Throughput of a capture that is being read. @category models @since 0.1.0 */
export interface Throughput {
  readonly add: (at: bigint, bytes: number, isRetransmission: boolean) => void
  readonly series: () => Series
}

const nanosPerMilli = 1_000_000n

/** Halves the number of buckets: those with the numbers 2n and 2n + 1 become n. */
const merge = (values: ReadonlyArray<number>, isFirstOdd: boolean): Array<number> => {
  const merged: Array<number> = []
  for (const [at, value] of values.entries()) {
    const to = (at + (isFirstOdd ? 1 : 0)) >> 1
    merged[to] = (merged[to] ?? 0) + value
  }
  return merged
}

/**
 * Creates buckets of 1 ms. Packets need not be in the order of time. The buckets are mutable, so that a packet is one
 * addition and not a copy of all buckets.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Throughput => {
  const maxBuckets = Math.max(2, options.maxBuckets ?? 512)
  let bucketMillis = 1
  /** Number of the first bucket since 1970. */
  let first = 0
  let bytes: Array<number> = []
  let retransmissions: Array<number> = []
  let [firstAt, lastAt] = [0n, 0n]

  const grow = () => {
    const isFirstOdd = first % 2 !== 0
    bytes = merge(bytes, isFirstOdd)
    retransmissions = merge(retransmissions, isFirstOdd)
    first = Math.floor(first / 2)
    bucketMillis *= 2
  }

  return {
    add: (at, length, isRetransmission) => {
      const millis = Number(at / nanosPerMilli)
      if (bytes.length === 0 || at < firstAt) firstAt = at
      if (bytes.length === 0 || at > lastAt) lastAt = at
      if (bytes.length === 0) first = Math.floor(millis / bucketMillis)
      let bucket = Math.floor(millis / bucketMillis)
      while (Math.max(bucket, first + bytes.length - 1) - Math.min(bucket, first) >= maxBuckets) {
        grow()
        bucket = Math.floor(millis / bucketMillis)
      }
      while (first > bucket) {
        bytes.unshift(0)
        retransmissions.unshift(0)
        first--
      }
      while (bytes.length <= bucket - first) {
        bytes.push(0)
        retransmissions.push(0)
      }
      bytes[bucket - first]! += length
      if (isRetransmission) retransmissions[bucket - first]! += 1
    },
    series: () => ({
      startNanos: bytes.length === 0 ? 0n : BigInt(first) * BigInt(bucketMillis) * nanosPerMilli,
      bucketMillis,
      durationNanos: Number(lastAt - firstAt),
      bytes: [...bytes],
      retransmissions: [...retransmissions]
    })
  }
}
