/**
 * Mutual authentication by a shared key. Each side sends a nonce, and proves that it can sign both nonces and the
 * parameters of the handshake with the key (HMAC-SHA-256, RFC 2104). The key itself is never sent. The farm proves
 * first, so that an unauthenticated client receives nothing that is computed from the key.
 *
 * The keys of a connection, one for each direction, are derived from the key, both nonces and all parameters
 * (HKDF-SHA-256, RFC 5869). So a recorded connection cannot be replayed, and the frames of one connection or direction
 * do not fit another. A key that becomes known later opens recorded connections: it has no forward secrecy.
 */
import * as Effect from "effect/Effect"
import * as Base64 from "effect/encoding/Base64"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Hmac from "../../../network/Hmac.ts"
import { FarmError, InvalidOptions } from "../../FarmError.ts"
import { type Hello, version, type Welcome } from "./Protocol.ts"
import * as SealedConnection from "./SealedConnection.ts"

/** A side of a connection. @category models @since 0.1.0 */
export type Role = "farm" | "server"

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
  readonly prove: (role: Role, transcript: Transcript) => Effect.Effect<string>
  /** Verifies the proof of the other side. */
  readonly verify: (role: Role, transcript: Transcript, proof: string | undefined) => Effect.Effect<boolean>
  /** Seals a connection after the handshake; see `SealedConnection.make`. The role is that of this side. */
  readonly seal: (
    role: Role,
    transcript: Transcript,
    connection: SealedConnection.ByteStream,
    unread: Uint8Array
  ) => Effect.Effect<SealedConnection.ByteStream>
}

const encoder = new TextEncoder()

const signedBytes = (role: string, { hello, serverNonce, welcome }: Transcript) => {
  const helloFields = [hello.version, hello.job, hello.jobVersion, hello.lease, hello.nonce ?? "", serverNonce]
  const welcomeFields = welcome === undefined ? [] : [welcome.threads, welcome.capacity, welcome.maxInFlightBytes]
  return encoder.encode(JSON.stringify(["effect-inet farm", version, role, ...helloFields, ...welcomeFields]))
}

/**
 * Makes the authentication for a key, ideally 32 random bytes as text. Uses the provided `Mac`, `SecureRandom` and
 * `Aead`, or those of the Web Crypto API and of effect. Fails with `InvalidOptions` for an empty key.
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
  const derive = yield* Hmac.makeDerive
  const aead = yield* SealedConnection.aead
  return {
    nonce: Effect.map(random.randomBytes(32), Base64.encode),
    prove: (role, transcript) => Effect.map(hmac.sign(signedBytes(role, transcript)), Base64.encode),
    verify: (role, transcript, proof) => {
      const tag = Base64.decode(proof ?? "")
      return Result.isFailure(tag) ? Effect.succeed(false) : hmac.verify(tag.success, signedBytes(role, transcript))
    },
    seal: Effect.fnUntraced(function* (role, transcript, connection, unread) {
      const salt = encoder.encode(`${transcript.hello.nonce} ${transcript.serverNonce}`)
      const keyOf = (sender: Role) => derive(secret, { salt, info: signedBytes(`${sender} key`, transcript) })
      const sending = yield* keyOf(role)
      const receiving = yield* keyOf(role === "farm" ? "server" : "farm")
      return yield* SealedConnection.make(connection, unread, aead, { sending, receiving })
    })
  }
})
