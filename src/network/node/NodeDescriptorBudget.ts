/**
 * Count of file descriptors that are still available. Node emits no event when they run out, so `NodeNetwork` stops
 * before the limit.
 */
import * as Fs from "node:fs"
import type * as NetAddress from "effect/net/NetAddress"
import { NetworkError } from "../Network.ts"

export interface DescriptorBudget {
  readonly available: () => number
  /** Returns whether a socket that the system has opened, and that is not tracked yet, fits. */
  readonly fits: () => boolean
  /** Counts a socket until it closes. */
  readonly track: (socket: { readonly on: (event: "close", listener: () => void) => unknown }) => void
  /** Makes the error for a socket that cannot be opened, with the limit. */
  readonly exhausted: (address: NetAddress.SocketAddress) => NetworkError
}

/** Descriptors kept for files, name look-ups, worker threads and logs. */
const reservedDescriptors = 64

/**
 * Limit up to which the open descriptors are counted at each look, which takes about 20 us. Node opens some 20 itself:
 * the usual reserve would leave few for sockets, or none.
 */
const maxCountedLimit = 256

/** Descriptors kept for other work up to that limit, besides those that are open. */
const spareDescriptors = 8

/** Returns the descriptor limit of this process; Node has already raised the soft limit to the hard one. */
export const readLimit = (): number => {
  try {
    const line = /^Max open files\s+(\d+)/m.exec(Fs.readFileSync("/proc/self/limits", "utf8"))
    return line === null ? Number.POSITIVE_INFINITY : Number(line[1])
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

/** Returns the number of open descriptors. None is left to read it with if it fails. */
const countOpen = (): number => {
  try {
    return Fs.readdirSync("/proc/self/fd").length
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

export const make = (limit: number = readLimit(), open: () => number = countOpen): DescriptorBudget => {
  const isCounted = limit <= maxCountedLimit
  const reserved = isCounted ? spareDescriptors : reservedDescriptors
  let used = 0
  const release = () => {
    used--
  }
  const available = () => limit - reserved - (isCounted ? open() : used)
  return {
    available,
    // The socket is among the open descriptors, not among the used ones.
    fits: () => available() >= (isCounted ? 0 : 1),
    track: (socket) => {
      used++
      socket.on("close", release)
    },
    exhausted: (address) => {
      const kept = `${reserved} of them reserved for other files`
      const cause = new Error(`too many open files (limit ${limit}, ${kept}); raise the limit with ulimit -n`)
      return new NetworkError({ reason: "NoDescriptors", address, cause })
    }
  }
}
