/** Who is subscribed to a relay, until when, and how much each may send. Times are arguments, in milliseconds. */

import * as Mac from "effect/crypto/Mac"
import type * as Endpoint from "../../network/Endpoint.ts"
import * as RelayMessage from "../wire/RelayMessage.ts"

/** One who hears what the others send. */
interface Subscriber {
  readonly endpoint: Endpoint.Endpoint
  /** What is put before its packets. */
  readonly header: Uint8Array
  /** That of its last subscription. */
  cookie: Uint8Array
  /** When its lease ends. */
  leaseEndsAt: number
  /** Packets it may send at once, as of `filledAt`. */
  tokens: number
  refilledAt: number
}

export interface Options {
  /** Subscribers at a time. */
  readonly maxSubscribers: number
  /** Packets a second from each; as many at once. */
  readonly maxPacketsPerSecond: number
}

export interface Subscribers {
  /** Whether there was room: nobody whose lease runs has to go for another. */
  readonly grant: (peer: Endpoint.Endpoint, cookie: Uint8Array, lease: number, now: number) => boolean
  /** Ends a subscription, for whoever knows its cookie. */
  readonly leave: (peer: Endpoint.Endpoint, cookie: Uint8Array, now: number) => boolean
  /** Takes note of a packet, and tells whom it is from if it may be passed on. */
  readonly admit: (peer: Endpoint.Endpoint, now: number) => Subscriber | "unsubscribed" | "rateLimited"
  readonly forEach: (now: number, visit: (subscriber: Subscriber) => void) => void
  /** Forgets those whose leases have ended. */
  readonly sweep: (now: number) => void
  readonly count: (now: number) => number
}

const keyOf = ({ address, port }: Endpoint.Endpoint) => `${address} ${port}`

export const make = ({ maxSubscribers, maxPacketsPerSecond }: Options): Subscribers => {
  const byEndpoint = new Map<string, Subscriber>()
  const refill = (row: Subscriber, now: number) => {
    row.tokens = Math.min(maxPacketsPerSecond, row.tokens + ((now - row.refilledAt) * maxPacketsPerSecond) / 1_000)
    row.refilledAt = now
  }
  // Whoever has left and comes again finds its tokens as they were: else leaving would be a way to get new ones.
  const sweep: Subscribers["sweep"] = (now) => {
    for (const [key, row] of byEndpoint) {
      if (row.leaseEndsAt > now) continue
      refill(row, now)
      if (row.tokens >= maxPacketsPerSecond) byEndpoint.delete(key)
    }
  }
  const forEach: Subscribers["forEach"] = (now, visit) => {
    for (const row of byEndpoint.values()) if (row.leaseEndsAt > now) visit(row)
  }
  return {
    grant: (peer, cookie, lease, now) => {
      const ownCookie = new Uint8Array(cookie)
      const existing = byEndpoint.get(keyOf(peer))
      if (existing !== undefined) {
        existing.cookie = ownCookie
        existing.leaseEndsAt = now + lease
        return true
      }
      if (byEndpoint.size >= maxSubscribers) sweep(now)
      if (byEndpoint.size >= maxSubscribers) return false
      const header = RelayMessage.forwardedHeader(peer)
      byEndpoint.set(keyOf(peer), {
        endpoint: peer,
        header,
        cookie: ownCookie,
        leaseEndsAt: now + lease,
        tokens: maxPacketsPerSecond,
        refilledAt: now
      })
      return true
    },
    leave: (peer, cookie, now) => {
      const row = byEndpoint.get(keyOf(peer))
      if (row === undefined || row.leaseEndsAt <= now || !Mac.timingSafeEqual(row.cookie, cookie)) return false
      row.leaseEndsAt = now
      return true
    },
    admit: (peer, now) => {
      const row = byEndpoint.get(keyOf(peer))
      if (row === undefined || row.leaseEndsAt <= now) return "unsubscribed"
      refill(row, now)
      if (row.tokens < 1) return "rateLimited"
      row.tokens--
      return row
    },
    forEach,
    sweep,
    count: (now) => {
      let count = 0
      forEach(now, () => count++)
      return count
    }
  }
}
