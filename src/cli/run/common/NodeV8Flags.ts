/** The heap of a server that runs for months. */
import * as V8 from "node:v8"
import * as Effect from "effect/Effect"

const flags = [
  // What dies young gets no more and more room: under load that is up to 100 MiB, and packets die young in any case.
  "--semi-space-growth-factor=1",
  // What dies old is collected when a tenth has come, not when as much again has: memory stays flat under load.
  "--heap-growing-percent=10"
]

/** Keeps V8 from taking more and more memory before it collects. */
export const limitHeapGrowth = Effect.sync(() => {
  for (const flag of flags) V8.setFlagsFromString(flag)
})
