/**
 * HMAC-SHA-256 (RFC 2104) with one key, by the `Mac` service that is provided, else by web crypto: one that is provided
 * may be native and need no turn of the event loop, such as platform-node's.
 */
import * as Mac from "effect/crypto/Mac"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"

/** Bytes of a tag. */
export const tagBytes = 32

/** One who knows a key. */
export interface Hmac {
  readonly sign: (bytes: Uint8Array) => Effect.Effect<Uint8Array>
  /** Compares in constant time; a tag of another length is wrong. */
  readonly verify: (tag: Uint8Array, bytes: Uint8Array) => Effect.Effect<boolean>
}

const webCrypto = Layer.provideMerge(Mac.layerWebCrypto, SecureRandom.layerWebCrypto)

/** The `SecureRandom` that is provided, else web crypto's. */
export const random: Effect.Effect<SecureRandom.SecureRandom["Service"]> = Effect.flatMap(
  Effect.serviceOption(SecureRandom.SecureRandom),
  Option.match({ onSome: Effect.succeed, onNone: () => Effect.provide(SecureRandom.SecureRandom, webCrypto) })
)

const encoder = new TextEncoder()

/** Takes a key: at best 32 random bytes, as text. Undefined for an empty key. */
export const make = Effect.fnUntraced(function* (secret: Redacted.Redacted): Effect.fn.Return<Hmac | undefined> {
  const bytes = encoder.encode(Redacted.value(secret))
  if (bytes.length === 0) return undefined
  const provided = yield* Effect.serviceOption(Mac.Mac)
  const mac = Option.isSome(provided) ? provided.value : yield* Effect.provide(Mac.Mac, webCrypto)
  const key = yield* Effect.orDie(Mac.key(Mac.hmacSha256, bytes))
  return {
    sign: (bytes) => Effect.orDie(mac.sign(key, bytes)),
    verify: (tag, bytes) => Effect.orDie(mac.verify(key, tag, bytes))
  }
})
