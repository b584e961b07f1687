/** The order in which ports are tested. Pure. */

/** Mixes the bits of a seed (mulberry32): returns numbers in [0, 1). */
const sequence = (seed: number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/**
 * Returns the ports in random order. A rule often filters neighbours: a scan that begins with them would have no answer
 * to learn the round-trip time from. Of 1,024 ports whose first half is filtered, that took 8 seconds in place of one.
 */
export const shuffle = (ports: ReadonlyArray<number>, seed: number): ReadonlyArray<number> => {
  const random = sequence(seed)
  const shuffled = [...ports]
  for (let last = shuffled.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    const moved = shuffled[last]!
    shuffled[last] = shuffled[other]!
    shuffled[other] = moved
  }
  return shuffled
}
