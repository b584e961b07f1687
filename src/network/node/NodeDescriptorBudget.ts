/**
 * Count of file descriptors that are still available. Node emits no event when they run out, so `NodeNetwork` stops
 * before the limit.
 */
import * as Fs from "node:fs"
import type * as NetAddress from "effect/net/NetAddress"
import { NetworkError } from "../Network.ts"

export interface DescriptorBudget {
  readonly available: () => number
  /** Counts a socket until it closes. */
  readonly track: (socket: { readonly on: (event: "close", listener: () => void) => unknown }) => void
  /** Makes the error for a socket that cannot be opened, with the limit. */
  readonly exhausted: (address: NetAddress.SocketAddress) => NetworkError
}

/** Descriptors kept for files, name look-ups, worker threads and logs. */
const reservedDescriptors = 64

/** Returns the descriptor limit of this process; Node has already raised the soft limit to the hard one. */
const descriptorLimit = (): number => {
  try {
    const line = /^Max open files\s+(\d+)/m.exec(Fs.readFileSync("/proc/self/limits", "utf8"))
    return line === null ? Number.POSITIVE_INFINITY : Number(line[1])
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

export const make = (limit: number = descriptorLimit()): DescriptorBudget => {
  let used = 0
  const release = () => {
    used--
  }
  return {
    available: () => limit - reservedDescriptors - used,
    track: (socket) => {
      used++
      socket.on("close", release)
    },
    exhausted: (address) => {
      const reserved = `${reservedDescriptors} of them reserved for other files`
      const cause = new Error(`too many open files (limit ${limit}, ${reserved}); raise the limit with ulimit -n`)
      return new NetworkError({ reason: "NoDescriptors", address, cause })
    }
  }
}
