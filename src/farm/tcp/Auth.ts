/**
 * Whether the other side knows the same key: each sends a number that is used once, and each shows that it can sign
 * both, and all that was agreed, with the key (HMAC-SHA-256, RFC 2104), which itself is never sent. A farm does so
 * before the server does, so that a stranger learns nothing that is made from the key.
 */
import * as Effect from "effect/Effect"
import * as Base64 from "effect/encoding/Base64"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Hmac from "../../network/Hmac.ts"
import { FarmError, InvalidOptions } from "../FarmError.ts"
import { type Hello, version, type Welcome } from "./Protocol.ts"

/** What both sides have agreed on when they sign. @category models @since 0.1.0 */
export interface Transcript {
  readonly hello: Hello
  /** The server's number. */
  readonly serverNonce: string
  /** Known to the server's proof only. */
  readonly welcome?: Welcome | undefined
}

/** One who knows a key. @category models @since 0.1.0 */
export interface Auth {
  /** 32 random bytes, as text. */
  readonly nonce: Effect.Effect<string>
  /** Signs as the one or the other, so that nobody can be shown a proof of his own. */
  readonly prove: (role: "farm" | "server", transcript: Transcript) => Effect.Effect<string>
  /** Whether the other side has signed so. */
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
 * Takes a key: at best 32 random bytes, as text. `Mac` and `SecureRandom` are those that are provided, else web
 * crypto's. Fails for an empty key.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (secret: Redacted.Redacted): Effect.fn.Return<Auth, FarmError> {
  const hmac = yield* Hmac.make(secret)
  if (hmac === undefined) {
    const message = "the key is empty: give at least one character"
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
