/** Subscribers of a relay, with their leases and rate limits. Times are arguments, in milliseconds. */

import * as Mac from "effect/crypto/Mac"
import * as IpNetwork from "effect/net/IpNetwork"
import * as NetAddress from "effect/net/NetAddress"
import * as Endpoint from "../../network/Endpoint.ts"
import * as TokenBucket from "../../network/TokenBucket.ts"
import * as RelayMessage from "../wire/RelayMessage.ts"

/** A subscriber. */
interface Subscriber {
  readonly endpoint: Endpoint.Endpoint
  /** Its IPv4 address, or the /64 of its IPv6 address. */
  readonly network: string
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
  /** Largest number of subscribers of one IPv4 address or IPv6 /64. */
  readonly maxSubscribersPerAddress: number
  /** Packets from each subscriber; also the size of its token bucket. */
  readonly maxPacketsPerSecond: number
}

export interface Subscribers {
  /** Grants or renews a lease; false if all places, or those of the address, are taken. Evicts no running lease. */
  readonly grant: (peer: Endpoint.Endpoint, cookie: Uint8Array, lease: number, now: number) => boolean
  /** Ends a subscription; false if the cookie is wrong. */
  readonly leave: (peer: Endpoint.Endpoint, cookie: Uint8Array, now: number) => boolean
  /** Takes a token for a packet, and returns its subscriber if it may be forwarded. */
  readonly admit: (peer: Endpoint.Endpoint, now: number) => Subscriber | "unsubscribed" | "rateLimited"
  /** Returns the time until the end of a running lease; 0 without one. */
  readonly remainingMillis: (peer: Endpoint.Endpoint, now: number) => number
  readonly forEach: (now: number, visit: (subscriber: Subscriber) => void) => void
  /** Removes subscribers whose leases have ended. */
  readonly sweep: (now: number) => void
  readonly count: (now: number) => number
}

const keyOf = ({ address, port }: Endpoint.Endpoint) => `${address} ${port}`

/** Bits of an IPv6 address that a site gets: its hosts choose the others themselves. */
const ipv6SitePrefixBits = 64

/** Returns what a host cannot change by itself: its IPv4 address, or the /64 of its IPv6 address. */
const networkOf = ({ address }: Endpoint.Endpoint): string => {
  const ip = Endpoint.toIp(address)
  if (ip === undefined) return address
  if (NetAddress.isIpv4Address(ip)) return NetAddress.formatIp(ip)
  return IpNetwork.format(IpNetwork.fromAddressUnsafe(ip, ipv6SitePrefixBits))
}

export const make = ({ maxSubscribers, maxPacketsPerSecond, maxSubscribersPerAddress }: Options): Subscribers => {
  const byEndpoint = new Map<string, Subscriber>()
  const countByNetwork = new Map<string, number>()
  const countChange = (network: string, change: 1 | -1) => {
    const count = (countByNetwork.get(network) ?? 0) + change
    if (count === 0) countByNetwork.delete(network)
    else countByNetwork.set(network, count)
  }
  // A subscriber whose lease has ended is kept until its bucket is full, so that resubscribing does not refill it.
  const sweep: Subscribers["sweep"] = (now) => {
    for (const [key, row] of byEndpoint) {
      if (row.leaseEndsAt > now) continue
      row.bucket = TokenBucket.refill(row.bucket, now)
      if (row.bucket.tokens < maxPacketsPerSecond) continue
      byEndpoint.delete(key)
      countChange(row.network, -1)
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
      const network = networkOf(peer)
      const isFull = () =>
        byEndpoint.size >= maxSubscribers || (countByNetwork.get(network) ?? 0) >= maxSubscribersPerAddress
      if (isFull()) sweep(now)
      if (isFull()) return false
      countChange(network, 1)
      byEndpoint.set(keyOf(peer), {
        endpoint: peer,
        network,
        header: RelayMessage.forwardedHeader(peer),
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
    remainingMillis: (peer, now) => Math.max(0, (byEndpoint.get(keyOf(peer))?.leaseEndsAt ?? now) - now),
    forEach,
    sweep,
    count: (now) => {
      let count = 0
      forEach(now, () => count++)
      return count
    }
  }
}
