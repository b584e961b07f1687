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
import { FarmError, Invalid } from "../FarmError.ts"
import { type Hello, version, type Welcome } from "./Protocol.ts"

/** What both sides have agreed on when they sign. @category models @since 0.1.0 */
export interface Agreed {
  readonly hello: Hello
  /** The server's number. */
  readonly nonce: string
  /** Known to the server's proof only. */
  readonly welcome?: Welcome | undefined
}

/** One who knows a key. @category models @since 0.1.0 */
export interface Auth {
  /** 32 random bytes, as text. */
  readonly nonce: Effect.Effect<string>
  /** Signs as the one or the other, so that nobody can be shown a proof of his own. */
  readonly prove: (role: "farm" | "server", agreed: Agreed) => Effect.Effect<string>
  /** Whether the other side has signed so. */
  readonly verify: (role: "farm" | "server", agreed: Agreed, proof: string | undefined) => Effect.Effect<boolean>
}

const text = new TextEncoder()

const signed = (role: string, { hello, nonce, welcome }: Agreed) => {
  const said = [hello.version, hello.job, hello.jobVersion, hello.lease, hello.nonce ?? "", nonce]
  const answered = welcome === undefined ? [] : [welcome.threads, welcome.capacity]
  return text.encode(JSON.stringify(["effect-inet farm", version, role, ...said, ...answered]))
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
    return yield* new FarmError({ reason: new Invalid({ message }) })
  }
  const random = yield* Hmac.random
  return {
    nonce: Effect.map(random.randomBytes(32), Base64.encode),
    prove: (role, agreed) => Effect.map(hmac.sign(signed(role, agreed)), Base64.encode),
    verify: (role, agreed, proof) => {
      const tag = Base64.decode(proof ?? "")
      return Result.isFailure(tag) ? Effect.succeed(false) : hmac.verify(tag.success, signed(role, agreed))
    }
  }
})
