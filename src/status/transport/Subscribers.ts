/** Who is subscribed to a relay, until when, and how much each may send. Times are arguments, in milliseconds. */

import * as Mac from "effect/crypto/Mac"
import type * as Endpoint from "../../network/Endpoint.ts"
import * as RelayMessage from "../wire/RelayMessage.ts"

/** One who hears what the others send. */
interface Subscriber {
  readonly peer: Endpoint.Endpoint
  /** What is put before its packets. */
  readonly header: Uint8Array
  /** That of its last subscription. */
  cookie: Uint8Array
  /** When its lease ends. */
  until: number
  /** Packets it may send at once, as of `filledAt`. */
  tokens: number
  filledAt: number
}

export interface Options {
  /** Subscribers at a time. */
  readonly most: number
  /** Packets a second from each; as many at once. */
  readonly rate: number
}

export interface Subscribers {
  /** Whether there was room: nobody whose lease runs has to go for another. */
  readonly grant: (peer: Endpoint.Endpoint, cookie: Uint8Array, lease: number, now: number) => boolean
  /** Ends a subscription, for whoever knows its cookie. */
  readonly leave: (peer: Endpoint.Endpoint, cookie: Uint8Array, now: number) => boolean
  /** Takes note of a packet, and tells whom it is from if it may be passed on. */
  readonly take: (peer: Endpoint.Endpoint, now: number) => Subscriber | "stranger" | "limited"
  readonly each: (now: number, visit: (subscriber: Subscriber) => void) => void
  /** Forgets those whose leases have ended. */
  readonly sweep: (now: number) => void
  readonly count: (now: number) => number
}

const keyOf = ({ address, port }: Endpoint.Endpoint) => `${address} ${port}`

export const make = ({ most, rate }: Options): Subscribers => {
  const rows = new Map<string, Subscriber>()
  const fill = (row: Subscriber, now: number) => {
    row.tokens = Math.min(rate, row.tokens + ((now - row.filledAt) * rate) / 1_000)
    row.filledAt = now
  }
  // Whoever has left and comes again finds its tokens as they were: else leaving would be a way to get new ones.
  const sweep: Subscribers["sweep"] = (now) => {
    for (const [key, row] of rows) {
      if (row.until > now) continue
      fill(row, now)
      if (row.tokens >= rate) rows.delete(key)
    }
  }
  const each: Subscribers["each"] = (now, visit) => {
    for (const row of rows.values()) if (row.until > now) visit(row)
  }
  return {
    grant: (peer, cookie, lease, now) => {
      const own = new Uint8Array(cookie)
      const known = rows.get(keyOf(peer))
      if (known !== undefined) {
        known.cookie = own
        known.until = now + lease
        return true
      }
      if (rows.size >= most) sweep(now)
      if (rows.size >= most) return false
      const header = RelayMessage.header(peer)
      rows.set(keyOf(peer), { peer, header, cookie: own, until: now + lease, tokens: rate, filledAt: now })
      return true
    },
    leave: (peer, cookie, now) => {
      const row = rows.get(keyOf(peer))
      if (row === undefined || row.until <= now || !Mac.timingSafeEqual(row.cookie, cookie)) return false
      row.until = now
      return true
    },
    take: (peer, now) => {
      const row = rows.get(keyOf(peer))
      if (row === undefined || row.until <= now) return "stranger"
      fill(row, now)
      if (row.tokens < 1) return "limited"
      row.tokens--
      return row
    },
    each,
    sweep,
    count: (now) => {
      let count = 0
      each(now, () => count++)
      return count
    }
  }
}
