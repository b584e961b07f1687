/**
 * The token that allows a browser to control the process: to play, and to restart services.
 *
 * It is the fragment of the page's link, which a browser sends to no server, also not as a referrer.
 *
 * **Example** (A link with a token)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Redacted from "effect/Redacted"
 * import { PageToken } from "effect-inet/web"
 *
 * const program = Effect.gen(function* () {
 *   const token = yield* PageToken.generate
 *   PageToken.matches(token, Redacted.value(token)) // => true
 *   PageToken.matches(token, "guessed") // => false
 *   PageToken.matches(undefined, "") // => false
 * })
 *
 * PageToken.link("[::1]:80", Redacted.make("0123456789abcdef")) // => "http://[::1]:80/#token=0123456789abcdef"
 * await Effect.runPromise(program)
 * ```
 */
import * as Mac from "effect/crypto/Mac"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Redacted from "effect/Redacted"
import * as Hmac from "../network/Hmac.ts"

/** A text that is not a token. @category errors @since 0.1.0 */
export class PageTokenError extends Data.TaggedError("PageTokenError")<{ readonly message: string }> {}

/** Random bytes of a token: 256 bits. */
const tokenBytes = 32

/** Minimum length of a chosen token. @category constants @since 0.1.0 */
export const minChars = 16

/** Maximum length of a token: that of the requests of the page. @category constants @since 0.1.0 */
export const maxChars = 128

/** Returns the code units of a text. UTF-8 would make one byte sequence of several texts that are not well-formed. */
const unitsOf = (text: string) =>
  new Uint8Array(Uint16Array.from({ length: text.length }, (_, at) => text.charCodeAt(at)).buffer)

/** Makes a random token of 43 characters. @category constructors @since 0.1.0 */
export const generate: Effect.Effect<Redacted.Redacted> = Effect.gen(function* () {
  const random = yield* Hmac.random
  const bytes = yield* random.randomBytes(tokenBytes)
  return Redacted.make(Base64Url.encode(bytes), { label: "page token" })
})

/**
 * Checks a token that the operator has chosen: 16 to 128 characters that need no escape in a link.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromText = (text: string): Effect.Effect<Redacted.Redacted, PageTokenError> =>
  Effect.suspend(() => {
    if (text.length >= minChars && text.length <= maxChars && /^[\w.~-]+$/.test(text)) {
      return Effect.succeed(Redacted.make(text, { label: "page token" }))
    }
    const message = `invalid token of the page (${text.length} characters): give ${minChars} to ${maxChars} letters, digits, or any of - . _ ~`
    return Effect.fail(new PageTokenError({ message }))
  })

/**
 * Compares a text with the token, in a time that does not depend on its characters. Without a token nothing matches.
 *
 * @category guards
 * @since 0.1.0
 */
export const matches = (token: Redacted.Redacted | undefined, given: string): boolean =>
  token !== undefined && Mac.timingSafeEqual(unitsOf(Redacted.value(token)), unitsOf(given))

/** Returns the link of the page, such as `http://127.0.0.1:8066/`, with the token. @category formatting @since 0.1.0 */
export const link = (address: string, token?: Redacted.Redacted | undefined): string =>
  token === undefined ? `http://${address}/` : `http://${address}/#token=${Redacted.value(token)}`
