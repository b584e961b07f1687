/** Random numbers of a run, from a seed: for the `Random` service and for the globals of JavaScript. */
import type * as Random from "effect/Random"
import * as FaultRandom from "../faults/FaultRandom.ts"

/** A generator of random numbers. */
export interface SimRandom {
  /** Returns the next 32 bits. */
  readonly next32: () => number
  readonly random: (typeof Random.Random)["Service"]
  /** Fills an array with random bytes. */
  readonly fill: (bytes: Uint8Array) => void
}

/** Draws after which the state depends on all bits of the seed. */
const warmupDraws = 12

/** Creates a generator: sfc32, which is small, fast, and passes the usual tests. Equal seeds give equal numbers. */
export const make = (seed: FaultRandom.Seed): SimRandom => {
  let [a, b, c, counter] = [0, 0, 0, 0]
  /** Computes the first state; most programs draw no numbers. */
  const start = () => {
    a = FaultRandom.hash(`a ${seed}`) | 0
    b = FaultRandom.hash(`b ${seed}`) | 0
    c = FaultRandom.hash(`c ${seed}`) | 0
    counter = 1
    isStarted = true
    for (let n = 0; n < warmupDraws; n++) next32()
  }
  let isStarted = false
  const next32 = () => {
    if (!isStarted) start()
    const drawn = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + drawn
    return drawn >>> 0
  }
  /** Returns a number in [0, 1), in steps of 2^-53. */
  const double = () => ((next32() >>> 5) * 0x400_0000 + (next32() >>> 6)) / 2 ** 53
  return {
    next32,
    random: {
      nextDoubleUnsafe: double,
      nextIntUnsafe: () => Math.floor(double() * (2 * Number.MAX_SAFE_INTEGER + 1)) - Number.MAX_SAFE_INTEGER
    },
    fill: (bytes) => {
      for (let i = 0; i < bytes.length; i++) bytes[i] = next32()
    }
  }
}
