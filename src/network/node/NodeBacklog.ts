/** The backlog of listening sockets, and the limit of the kernel for it. */
import * as Fs from "node:fs"
import * as Effect from "effect/Effect"

/** Returns `net.core.somaxconn`; infinity where the system has no such setting. */
const somaxconn = (): number => {
  try {
    return Number(Fs.readFileSync("/proc/sys/net/core/somaxconn", "utf8"))
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

/** Backlog that no longer fits the kernel's 32-bit counter. */
const maxBacklogConnections = 2 ** 31 - 1

/**
 * Returns a function that limits a backlog to what the kernel allows, and logs a warning for the first one that is
 * higher. The kernel itself would reduce it without notice: when more clients connect at once, it drops connections,
 * and each waits a second or more for its next attempt.
 */
export const make = (readLimit: () => number = somaxconn) => {
  let isLogged = false
  return (wanted: number): Effect.Effect<number> =>
    Effect.suspend(() => {
      const limit = readLimit()
      if (wanted <= limit) return Effect.succeed(Math.min(wanted, maxBacklogConnections))
      if (isLogged) return Effect.succeed(limit)
      isLogged = true
      const warning = Effect.logWarning(
        `backlog reduced to ${limit}: the kernel allows no more (wanted ${wanted}, net.core.somaxconn ${limit}); ` +
          `raise it with sysctl -w net.core.somaxconn=${Math.min(wanted, maxBacklogConnections)}`
      )
      return Effect.as(warning, limit)
    })
}
