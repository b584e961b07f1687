/** Subscribers of a relay, with their leases and rate limits. Times are arguments, in milliseconds. */

import * as Mac from "effect/crypto/Mac"
import type * as Endpoint from "../../network/Endpoint.ts"
import * as TokenBucket from "../../network/TokenBucket.ts"
import * as RelayMessage from "../wire/RelayMessage.ts"

/** A subscriber. */
interface Subscriber {
  readonly endpoint: Endpoint.Endpoint
  /** Header of its forwarded packets. */
  readonly header: Uint8Array
  /** Cookie of its latest subscription. */
  cookie: Uint8Array
  /** End of its lease. */
  leaseEndsAt: number
  /** Rate limit of its packets. */
  bucket: TokenBucket.TokenBucket
}

export interface Options {
  /** Largest number of subscribers. */
  readonly maxSubscribers: number
  /** Packets from each subscriber; also the size of its token bucket. */
  readonly maxPacketsPerSecond: number
}

export interface Subscribers {
  /** Grants or renews a lease; false if all places are taken. A running lease is never evicted. */
  readonly grant: (peer: Endpoint.Endpoint, cookie: Uint8Array, lease: number, now: number) => boolean
  /** Ends a subscription; false if the cookie is wrong. */
  readonly leave: (peer: Endpoint.Endpoint, cookie: Uint8Array, now: number) => boolean
  /** Takes a token for a packet, and returns its subscriber if it may be forwarded. */
  readonly admit: (peer: Endpoint.Endpoint, now: number) => Subscriber | "unsubscribed" | "rateLimited"
  readonly forEach: (now: number, visit: (subscriber: Subscriber) => void) => void
  /** Removes subscribers whose leases have ended. */
  readonly sweep: (now: number) => void
  readonly count: (now: number) => number
}

const keyOf = ({ address, port }: Endpoint.Endpoint) => `${address} ${port}`

export const make = ({ maxSubscribers, maxPacketsPerSecond }: Options): Subscribers => {
  const byEndpoint = new Map<string, Subscriber>()
  // A subscriber whose lease has ended is kept until its bucket is full, so that resubscribing does not refill it.
  const sweep: Subscribers["sweep"] = (now) => {
    for (const [key, row] of byEndpoint) {
      if (row.leaseEndsAt > now) continue
      row.bucket = TokenBucket.refill(row.bucket, now)
      if (row.bucket.tokens >= maxPacketsPerSecond) byEndpoint.delete(key)
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
        bucket: TokenBucket.make(maxPacketsPerSecond, now)
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
      row.bucket = TokenBucket.refill(row.bucket, now)
      if (row.bucket.tokens < 1) return "rateLimited"
      row.bucket = TokenBucket.take(row.bucket)
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
