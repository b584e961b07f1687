/**
 * HMAC-SHA-256 (RFC 2104) with one key, and keys that are derived by it.
 *
 * Uses the `Mac` service if one is provided, else web crypto. A native service, such as platform-node's, signs without
 * a turn of the event loop.
 */
import * as Bytes from "effect/Bytes"
import * as Mac from "effect/crypto/Mac"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"

/** Length of a tag in bytes. */
export const tagBytes = 32

/** Signs and verifies with one key. */
export interface Hmac {
  readonly sign: (bytes: Uint8Array) => Effect.Effect<Uint8Array>
  /** Compares in constant time; a tag of another length does not match. */
  readonly verify: (tag: Uint8Array, bytes: Uint8Array) => Effect.Effect<boolean>
}

const webCrypto = Layer.provideMerge(Mac.layerWebCrypto, SecureRandom.layerWebCrypto)

/** The provided `SecureRandom`, else web crypto's. */
export const random: Effect.Effect<SecureRandom.SecureRandom["Service"]> = Effect.flatMap(
  Effect.serviceOption(SecureRandom.SecureRandom),
  Option.match({ onSome: Effect.succeed, onNone: () => Effect.provide(SecureRandom.SecureRandom, webCrypto) })
)

const provided: Effect.Effect<Mac.Mac["Service"]> = Effect.flatMap(
  Effect.serviceOption(Mac.Mac),
  Option.match({ onSome: Effect.succeed, onNone: () => Effect.provide(Mac.Mac, webCrypto) })
)

const encoder = new TextEncoder()

/** Imports a key, best 32 random bytes as text. Returns undefined for an empty key. */
export const make = Effect.fnUntraced(function* (secret: Redacted.Redacted): Effect.fn.Return<Hmac | undefined> {
  const bytes = encoder.encode(Redacted.value(secret))
  if (bytes.length === 0) return undefined
  const mac = yield* provided
  const key = yield* Effect.orDie(Mac.key(Mac.hmacSha256, bytes))
  return {
    sign: (bytes) => Effect.orDie(mac.sign(key, bytes)),
    verify: (tag, bytes) => Effect.orDie(mac.verify(key, tag, bytes))
  }
})

/** Derives a key of 32 bytes: HKDF-SHA-256 (RFC 5869) with one block of output. */
export type Derive = (
  secret: Redacted.Redacted,
  options: { readonly salt: Uint8Array; readonly info: Uint8Array }
) => Effect.Effect<Uint8Array>

/** Makes the derivation of keys. */
export const makeDerive: Effect.Effect<Derive> = Effect.map(provided, (mac): Derive => {
  const sign = (key: Uint8Array, bytes: Uint8Array) =>
    Effect.flatMap(Mac.key(Mac.hmacSha256, key), (imported) => mac.sign(imported, bytes))
  return (secret, { info, salt }) =>
    sign(salt, encoder.encode(Redacted.value(secret))).pipe(
      Effect.flatMap((extracted) => sign(extracted, Bytes.concat([info, Uint8Array.of(1)]))),
      Effect.orDie
    )
})
