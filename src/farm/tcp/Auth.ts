/**
 * Mutual authentication by a shared key. Each side sends a nonce, and proves that it can sign both nonces and the
 * parameters of the handshake with the key (HMAC-SHA-256, RFC 2104). The key itself is never sent. The farm proves
 * first, so that an unauthenticated client receives nothing that is computed from the key.
 */
import * as Effect from "effect/Effect"
import * as Base64 from "effect/encoding/Base64"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Hmac from "../../network/Hmac.ts"
import { FarmError, InvalidOptions } from "../FarmError.ts"
import { type Hello, version, type Welcome } from "./Protocol.ts"

/** The handshake as both sides sign it. @category models @since 0.1.0 */
export interface Transcript {
  readonly hello: Hello
  /** The nonce of the server. */
  readonly serverNonce: string
  /** Part of the server's proof only: the farm signs before it receives the message. */
  readonly welcome?: Welcome | undefined
}

/** A signer and verifier with one key. @category models @since 0.1.0 */
export interface Auth {
  /** Generates a nonce: 32 random bytes in Base64. */
  readonly nonce: Effect.Effect<string>
  /** Signs a transcript. The role is signed as well, so that a proof cannot be sent back to its author. */
  readonly prove: (role: "farm" | "server", transcript: Transcript) => Effect.Effect<string>
  /** Verifies the proof of the other side. */
  readonly verify: (
    role: "farm" | "server",
    transcript: Transcript,
    proof: string | undefined
  ) => Effect.Effect<boolean>
}

const encoder = new TextEncoder()

const signedBytes = (role: string, { hello, serverNonce, welcome }: Transcript) => {
  const helloFields = [hello.version, hello.job, hello.jobVersion, hello.lease, hello.nonce ?? "", serverNonce]
  const welcomeFields = welcome === undefined ? [] : [welcome.threads, welcome.capacity]
  return encoder.encode(JSON.stringify(["effect-inet farm", version, role, ...helloFields, ...welcomeFields]))
}

/**
 * Makes the authentication for a key, ideally 32 random bytes as text. Uses the provided `Mac` and `SecureRandom`, or
 * those of the Web Crypto API. Fails with `InvalidOptions` for an empty key.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (secret: Redacted.Redacted): Effect.fn.Return<Auth, FarmError> {
  const hmac = yield* Hmac.make(secret)
  if (hmac === undefined) {
    const message = "invalid key: it is empty; give at least 1 character"
    return yield* new FarmError({ reason: new InvalidOptions({ message }) })
  }
  const random = yield* Hmac.random
  return {
    nonce: Effect.map(random.randomBytes(32), Base64.encode),
    prove: (role, transcript) => Effect.map(hmac.sign(signedBytes(role, transcript)), Base64.encode),
    verify: (role, transcript, proof) => {
      const tag = Base64.decode(proof ?? "")
      return Result.isFailure(tag) ? Effect.succeed(false) : hmac.verify(tag.success, signedBytes(role, transcript))
    }
  }
})
