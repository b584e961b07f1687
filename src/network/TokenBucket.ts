/** A token bucket, the limit of a rate. Pure: the time is an argument, in milliseconds. */

/** The tokens at a time. The bucket holds the tokens of one second, but at least one. */
export interface TokenBucket {
  readonly tokensPerSecond: number
  /** Negative after a token was borrowed. */
  readonly tokens: number
  readonly refilledAtMillis: number
}

const millisPerSecond = 1_000

const capacityOf = (tokensPerSecond: number) => Math.max(1, tokensPerSecond)

/** Returns a full bucket. */
export const make = (tokensPerSecond: number, nowMillis: number): TokenBucket => ({
  tokensPerSecond,
  tokens: capacityOf(tokensPerSecond),
  refilledAtMillis: nowMillis
})

/** Adds the tokens since the last refill. */
export const refill = ({ refilledAtMillis, tokens, tokensPerSecond }: TokenBucket, nowMillis: number): TokenBucket => ({
  tokensPerSecond,
  tokens: Math.min(
    capacityOf(tokensPerSecond),
    tokens + ((nowMillis - refilledAtMillis) * tokensPerSecond) / millisPerSecond
  ),
  refilledAtMillis: nowMillis
})

/** Takes a token, or borrows it from an empty bucket. */
export const take = ({ refilledAtMillis, tokens, tokensPerSecond }: TokenBucket): TokenBucket => ({
  tokensPerSecond,
  tokens: tokens - 1,
  refilledAtMillis
})

/** Returns the time until the borrowed tokens are paid back. */
export const delayMillis = ({ tokens, tokensPerSecond }: TokenBucket): number =>
  Math.max(0, (-tokens * millisPerSecond) / tokensPerSecond)
