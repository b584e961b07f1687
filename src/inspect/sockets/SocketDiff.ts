/** Differences between two lists of sockets. Pure. */
import type { Socket } from "./Socket.ts"

/** A difference: `before` is the earlier socket of one that changed. */
export interface SocketChange {
  readonly kind: "present" | "new" | "changed" | "gone"
  readonly socket: Socket
  readonly before: Socket | undefined
}

/**
 * Returns a text that is the same for a socket in both lists. A connection is known by its ends, since it loses its
 * inode when its process closes it; others by their inode.
 */
const keyOf = ({ inode, local, namespace = 0, path, peer, protocol }: Socket): string => {
  if (local === undefined || peer === undefined) return `${protocol} ${inode} ${inode === 0 ? path : ""} ${namespace}`
  const ends = `${protocol} ${local.address} ${local.port} ${peer.address} ${peer.port} ${namespace}`
  return protocol === "tcp" && peer.port !== 0 ? ends : `${ends} ${inode}`
}

/** Indexes sockets by their keys. Unix connections that are not accepted have the same key, and are numbered. */
export const index = (sockets: ReadonlyArray<Socket>): ReadonlyMap<string, Socket> => {
  const found = new Map<string, Socket>()
  const repeated = new Map<string, number>()
  for (const socket of sockets) {
    const key = keyOf(socket)
    if (!found.has(key)) found.set(key, socket)
    else {
      const number = (repeated.get(key) ?? 1) + 1
      repeated.set(key, number)
      found.set(`${key} ${number}`, socket)
    }
  }
  return found
}

const hasSameHolders = (one: Socket, other: Socket) =>
  one.holders.length === other.holders.length &&
  one.holders.every(({ descriptors, owner }, at) => {
    const its = other.holders[at]!
    return owner.pid === its.owner.pid && descriptors.join() === its.descriptors.join()
  })

/** Returns true if nothing that matters differs. Timers run all the time, and do not matter. */
const isSame = (one: Socket, other: Socket) =>
  one.state === other.state &&
  one.receiveQueue === other.receiveQueue &&
  one.sendQueue === other.sendQueue &&
  one.drops === other.drops &&
  one.inode === other.inode &&
  one.ownership === other.ownership &&
  hasSameHolders(one, other)

/** Returns the changes from one list to a later one: new and changed sockets in its order, then those that are gone. */
export const diff = (before: ReadonlyArray<Socket>, after: ReadonlyArray<Socket>): ReadonlyArray<SocketChange> => {
  const earlier = new Map(index(before))
  const changes: Array<SocketChange> = []
  for (const [key, socket] of index(after)) {
    const previous = earlier.get(key)
    earlier.delete(key)
    if (previous === undefined) changes.push({ kind: "new", socket, before: undefined })
    else if (!isSame(previous, socket)) changes.push({ kind: "changed", socket, before: previous })
  }
  for (const socket of earlier.values()) changes.push({ kind: "gone", socket, before: undefined })
  return changes
}
