/** Status of this host, from the operating system. */
import * as Os from "node:os"
import * as Effect from "effect/Effect"
import type * as HostStatus from "./HostStatus.ts"

const roundToHundredths = (value: number) => Math.round(value * 100) / 100

/** Windows has no load averages and reports 0, so they are left out there. */
const load = (): Pick<HostStatus.HostMetrics, "load"> => {
  if (Os.platform() === "win32") return {}
  const [one = 0, five = 0, fifteen = 0] = Os.loadavg().map(roundToHundredths)
  return { load: [one, five, fifteen] }
}

/** In a container, total and free memory may come from different limits, so `free` is capped at `total`. */
const memory = () => {
  const total = Os.totalmem()
  return { total, free: Math.min(Os.freemem(), total) }
}

/**
 * Reads the host name, uptime in whole seconds, load averages rounded to hundredths (not on Windows) and memory. On
 * Linux, free memory includes reclaimable caches (MemAvailable). The result always fits the schema.
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
