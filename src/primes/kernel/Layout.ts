// The layout of the memory: addresses and sizes. Only blocks of buckets are added at run time.

/** The root of 2^53, rounded up: sieving primes are smaller. */
export const MAX_ROOT: u32 = 94_906_266

/** Bytes sieved at a time, 30 numbers to a byte: half of a usual L2 cache. */
export const WINDOW_BITS: u32 = 19
export const WINDOW_BYTES: u32 = 1 << WINDOW_BITS

/** Bytes that the smallest primes cross off at a time: they fit the L1 cache. */
export const STRIPE_BYTES: u32 = 1 << 15

/** Sieving primes below this cross off stripe by stripe. */
export const SMALL_LIMIT: u32 = 1 << 14

/** Sieving primes below this cross off in whole turns; larger ones wait in buckets. */
export const TURNING_LIMIT: u32 = 1 << 18

/** The bytes of a pattern that are combined at a time. */
export const PIECE_BYTES: u32 = 2048

/** The sieve for sieving primes: its bytes, and the limit of its own sieving primes, above the root of MAX_ROOT. */
export const BASE_BYTES: u32 = 1 << 14
export const BASE_LIMIT: u32 = 9744

/** Bytes listed at a time. */
export const LISTED_BYTES: u32 = 1 << 13

/** The table of states of the wheel: 64 words. */
export const WHEEL: u32 = 1024

/** The ends of the buckets: a ring with more of them than the longest step has windows. */
export const BUCKET_ENDS: u32 = 2048
export const RING_SIZE: u32 = 64

/** Eight spans each: for the primes that find sieving primes, for small ones, for the others below TURNING_LIMIT. */
export const BASE_SPANS: u32 = BUCKET_ENDS + 4 * RING_SIZE
export const SMALL_SPANS: u32 = BASE_SPANS + 64
export const TURNING_SPANS: u32 = SMALL_SPANS + 64

/** Three times eight lists. A residue class has at most 2,888 primes below TURNING_LIMIT, with entries of 8 bytes. */
export const LISTS: u32 = 4096
export const LIST_BYTES: u32 = 3072 * 8

/** Records of the 16 patterns, then the patterns. */
export const PHASES: u32 = LISTS + 24 * LIST_BYTES
export const TABLES: u32 = PHASES + 1024

/** The sieve for sieving primes, then the gaps between them: fewer than 5,600,000. */
export const BASE: u32 = TABLES + (1 << 18)
export const GAPS: u32 = BASE + BASE_BYTES + BASE_LIMIT + PIECE_BYTES

/** The listed primes: at most 8 for each byte of the sieve, 8 bytes each. */
export const OUT: u32 = (GAPS + 5_600_000 + 15) & ~15

/** Space before and behind the window: turns begin before it and end behind it. */
const SCRATCH: u32 = OUT + 8 * 8 * LISTED_BYTES
export const SIEVE: u32 = SCRATCH + TURNING_LIMIT
const BEHIND: u32 = SIEVE + WINDOW_BYTES + TURNING_LIMIT + PIECE_BYTES

/** A multiple of the size of a block. */
export const BLOCK_BYTES: u32 = 8192
export const BLOCKS: u32 = (BEHIND + BLOCK_BYTES - 1) & ~(BLOCK_BYTES - 1)
