/** How this host is, by what its system tells. */
import * as Os from "node:os"
import * as Effect from "effect/Effect"
import type * as HostStatus from "./HostStatus.ts"

const roundToHundredths = (value: number) => Math.round(value * 100) / 100

/** Windows has no load averages: there they are always 0, which is worse than nothing. */
const load = (): Pick<HostStatus.HostMetrics, "load"> => {
  if (Os.platform() === "win32") return {}
  const [one = 0, five = 0, fifteen = 0] = Os.loadavg().map(roundToHundredths)
  return { load: [one, five, fifteen] }
}

/** In a container the two may be of different worlds. */
const memory = () => {
  const total = Os.totalmem()
  return { total, free: Math.min(Os.freemem(), total) }
}

/**
 * This host, now: its name, uptime in whole seconds, load averages in hundredths where the system has them, and memory.
 * On Linux the free memory is what a new program could have, caches included (MemAvailable). It always fits the schema.
 *
 * @category constructors
 * @since 0.1.0
 */
export const sample: Effect.Effect<HostStatus.HostMetrics> = Effect.sync(() => ({
  host: Os.hostname().slice(0, 255),
  uptime: Math.floor(Os.uptime()),
  ...load(),
  memory: memory()
}))
