/** Waits for what other processes and threads do. */
import * as Effect from "effect/Effect"

const never = new Int32Array(new SharedArrayBuffer(4))

/** Waits 5 ms of real time, also under a virtual clock, to leave the processor to other processes. */
export const pause = Effect.promise(() => Promise.resolve(Atomics.waitAsync(never, 0, 0, 5).value))

/** Waits until a condition holds, which other processes or threads bring about. */
export const waitUntil = Effect.fnUntraced(function* (holds: () => boolean) {
  while (!holds()) yield* pause
}, Effect.timeout("30 seconds"))
