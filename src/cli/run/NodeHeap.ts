/** The heap of a server that runs for months. */
import * as V8 from "node:v8"
import * as Effect from "effect/Effect"

/**
 * Keeps V8 from giving more and more room to what dies young: under load that is up to 100 MiB more, and the packets of
 * a transfer die young in any case.
 */
export const steady = Effect.sync(() => V8.setFlagsFromString("--semi-space-growth-factor=1"))
