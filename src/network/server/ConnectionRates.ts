/** Rates of new connections: a token bucket for all clients, and one for each address. Time in ms is an argument. */
import * as TokenBucket from "../TokenBucket.ts"

/** Limits of the rates of a server; infinity disables a limit. */
export interface RateLimits {
  readonly connectionsPerSecond: number
  readonly connectionsPerSecondPerPeer: number
}

/** Buckets of a server. Mutable, because a copy of the table would cost more than a connection. */
export interface ConnectionRates {
  total: TokenBucket.TokenBucket | undefined
  /** The address that connected last is the last entry. */
  readonly byPeer: Map<string, TokenBucket.TokenBucket>
}

/**
 * Maximum number of addresses with a bucket, about 500 KiB. Beyond it the address that has not connected for the
 * longest time loses its bucket; most of those have a full one by then.
 */
export const maxPeers = 4_096

/** Makes the buckets of a server, all full. */
export const make = (): ConnectionRates => ({ total: undefined, byPeer: new Map() })

/** Returns the bucket refilled; a new one if there is none, or its rate has changed. */
const current = (bucket: TokenBucket.TokenBucket | undefined, tokensPerSecond: number, nowMillis: number) =>
  bucket === undefined || bucket.tokensPerSecond !== tokensPerSecond
    ? TokenBucket.make(tokensPerSecond, nowMillis)
    : TokenBucket.refill(bucket, nowMillis)

/** Keeps the bucket of an address as the last entry. */
const keep = ({ byPeer }: ConnectionRates, peer: string, bucket: TokenBucket.TokenBucket) => {
  byPeer.delete(peer)
  if (byPeer.size >= maxPeers) byPeer.delete(byPeer.keys().next().value!)
  byPeer.set(peer, bucket)
}

/**
 * Takes a token for a connection from `peer`, from both buckets or from none; returns false if one is empty. A client
 * without an address counts for the total only.
 */
export const take = (
  rates: ConnectionRates,
  { connectionsPerSecond, connectionsPerSecondPerPeer }: RateLimits,
  peer: string | undefined,
  nowMillis: number
): boolean => {
  const total = connectionsPerSecond < Infinity ? current(rates.total, connectionsPerSecond, nowMillis) : undefined
  const ofPeer =
    peer !== undefined && connectionsPerSecondPerPeer < Infinity
      ? current(rates.byPeer.get(peer), connectionsPerSecondPerPeer, nowMillis)
      : undefined
  const isGranted = (total === undefined || total.tokens >= 1) && (ofPeer === undefined || ofPeer.tokens >= 1)
  const spend = (bucket: TokenBucket.TokenBucket) => (isGranted ? TokenBucket.take(bucket) : bucket)
  rates.total = total === undefined ? undefined : spend(total)
  if (ofPeer !== undefined) keep(rates, peer!, spend(ofPeer))
  return isGranted
}
