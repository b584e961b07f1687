/** Random numbers with the interface that arbitraries of fast-check use. */
import * as FaultRandom from "../faults/FaultRandom.ts"

/** Generator of fast-check: `Random` of its module. */
export interface FastCheckRandom {
  readonly clone: () => FastCheckRandom
  /** Returns a number of `bits` bits, at most 32. */
  readonly next: (bits: number) => number
  readonly nextBoolean: () => boolean
  /** Returns an integer between two bounds, both inclusive; without bounds, any of 32 bits. */
  readonly nextInt: (min?: number, max?: number) => number
  readonly nextBigInt: (min: bigint, max: bigint) => bigint
  readonly nextDouble: () => number
  readonly getState: () => ReadonlyArray<number>
}

/** Creates a generator; `index` is the number of draws so far. */
export const make = (seed: FaultRandom.Seed, index = 0): FastCheckRandom => {
  const key = FaultRandom.hash(`${seed}`)
  let at = index
  const unit = () => FaultRandom.draw(key, at++, 0)
  const unit53 = () => Math.floor(unit() * 2 ** 26) / 2 ** 26 + Math.floor(unit() * 2 ** 27) / 2 ** 53
  const nextBigInt = (min: bigint, max: bigint) => {
    const width = max - min + 1n
    let value = 0n
    // 64 bits more than the width make the bias of the remainder negligible.
    for (let bits = width.toString(2).length + 64; bits > 0; bits -= 32) {
      value = (value << 32n) | BigInt(Math.floor(unit() * 2 ** 32))
    }
    return min + (value % width)
  }
  return {
    clone: () => make(seed, at),
    next: (bits) => Math.floor(unit() * 2 ** bits),
    nextBoolean: () => unit() < 0.5,
    nextInt: (min = -(2 ** 31), max = 2 ** 31 - 1) => {
      const width = max - min + 1
      return width <= 2 ** 32 ? min + Math.floor(unit() * width) : Number(nextBigInt(BigInt(min), BigInt(max)))
    },
    nextBigInt,
    nextDouble: unit53,
    getState: () => [key, at]
  }
}
