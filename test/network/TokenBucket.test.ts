import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as TokenBucket from "../../src/network/TokenBucket.ts"

const small = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 1, maximum }))

describe("TokenBucket", () => {
  it.prop(
    "grants at most one second's tokens plus the rate, in any interval",
    [small(50), Schema.Array(small(400))],
    ([tokensPerSecond, pauses]) => {
      let bucket = TokenBucket.make(tokensPerSecond, 0)
      let now = 0
      const granted: Array<number> = []
      for (const pause of pauses) {
        now += pause
        bucket = TokenBucket.refill(bucket, now)
        for (let request = 0; request < 5 && bucket.tokens >= 1; request++) {
          bucket = TokenBucket.take(bucket)
          granted.push(now)
        }
      }
      for (const [first, from] of granted.entries()) {
        for (const [last, to] of granted.entries()) {
          if (last < first) continue
          assert.isAtMost(last - first + 1, tokensPerSecond + ((to - from) * tokensPerSecond) / 1_000 + 1e-6)
        }
      }
    }
  )

  it.prop(
    "is paid back after the delay of a borrowed token",
    [small(500), small(20)],
    ([tokensPerSecond, borrowed]) => {
      let bucket = TokenBucket.make(tokensPerSecond, 1_000)
      for (let count = 0; count < tokensPerSecond; count++) bucket = TokenBucket.take(bucket)
      assert.strictEqual(TokenBucket.delayMillis(bucket), 0)
      for (let count = 0; count < borrowed; count++) bucket = TokenBucket.take(bucket)
      const delayMillis = TokenBucket.delayMillis(bucket)
      assert.approximately(delayMillis, (borrowed * 1_000) / tokensPerSecond, 1e-6)
      assert.approximately(TokenBucket.refill(bucket, 1_000 + delayMillis).tokens, 0, 1e-6)
    }
  )
})
