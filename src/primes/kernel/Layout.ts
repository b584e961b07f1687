// Where everything lies in memory, and how much of it there is. Only blocks of buckets are added at run time.

/** The root of 2^53, rounded up: sieving primes are below. */
export const ROOT: u32 = 94_906_266

/** Bytes sieved at a time, 30 numbers to a byte: half of a usual L2 cache. */
export const WINDOW_BITS: u32 = 19
export const WINDOW: u32 = 1 << WINDOW_BITS

/** Bytes that the smallest primes cross off at a time: they fit the L1 cache. */
export const STRIPE: u32 = 1 << 15

/** Sieving primes below this cross off stripe by stripe. */
export const SMALL: u32 = 1 << 14

/** Sieving primes below this take whole turns in the window, the others wait in buckets. */
export const REACH: u32 = 1 << 18

/** Patterns are laid in pieces of so many bytes. */
export const PIECE: u32 = 2048

/** The sieve for sieving primes: its bytes, and a bound of its own sieving primes, above the root of ROOT. */
export const BASE_WINDOW: u32 = 1 << 14
export const BASE_REACH: u32 = 9744

/** Bytes listed at a time. */
export const LISTED: u32 = 1 << 13

/** What happens in each state of the wheel: 64 words. */
export const WHEEL: u32 = 1024

/** Where buckets grow: a ring of more of them than the longest step has windows. */
export const HEADS: u32 = 2048
export const RING: u32 = 64

/** Eight spans each: for the primes that find sieving primes, for small ones, for others that take turns. */
export const BASE_SPANS: u32 = HEADS + 4 * RING
export const SMALL_SPANS: u32 = BASE_SPANS + 64
export const TURNING_SPANS: u32 = SMALL_SPANS + 64

/** The three times eight lists. A residue class has at most 2,888 primes below REACH, with entries of 8 bytes. */
export const LISTS: u32 = 4096
export const LIST: u32 = 3072 * 8

/** Records of the 16 patterns, then the patterns. */
export const PHASES: u32 = LISTS + 24 * LIST
export const TABLES: u32 = PHASES + 1024

/** The sieve for sieving primes, then the gaps between them: 5,600,000 is more than there are. */
export const BASE: u32 = TABLES + (1 << 18)
export const GAPS: u32 = BASE + BASE_WINDOW + BASE_REACH + PIECE

/** The primes of the bytes listed, at most 8 of a byte, 8 bytes each. */
export const OUT: u32 = (GAPS + 5_600_000 + 15) & ~15

/** Turns begin before the window and end behind it. */
const SCRATCH: u32 = OUT + 8 * 8 * LISTED
export const SIEVE: u32 = SCRATCH + REACH
const BEHIND: u32 = SIEVE + WINDOW + REACH + PIECE

/** A multiple of the size of a block. */
export const BLOCK: u32 = 8192
export const BLOCKS: u32 = (BEHIND + BLOCK - 1) & ~(BLOCK - 1)
