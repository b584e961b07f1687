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

/** Sockets that no `NodeNetwork` opens, such as those of an HTTP server of Node: they are kept whether open or not. */
export interface Reservation {
  readonly sockets: number
  /** Returns how many of them are open. */
  readonly open: () => number
}

/** Reservations of this thread. A budget made before one sees it, too. */
const reservations = new Set<Reservation>()

/** Keeps sockets from the budgets until the returned function is called. */
export const reserve = (reservation: Reservation): (() => void) => {
  reservations.add(reservation)
  return () => void reservations.delete(reservation)
}

/** Returns the sockets of the reservations, or those of them that are not open. */
const countReserved = (isOpenCounted: boolean): number => {
  let sum = 0
  for (const { open, sockets } of reservations) sum += isOpenCounted ? Math.max(0, sockets - open()) : sockets
  return sum
}

/** A side server has at most this part of the limit, for each of its kinds of connections. */
const sharedParts = 16

/** Connections that a side server has in any case: a browser opens up to six for a page, one after the other. */
const minConnections = 4

/** Returns the connections that a server besides the services may have, at most `max`. */
export const shareOf = (max: number, limit: number = readLimit()): number =>
  Math.min(max, Math.max(minConnections, Math.floor(limit / sharedParts)))

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
  const available = () => limit - reserved - countReserved(isCounted) - (isCounted ? open() : used)
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
