import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as PageToken from "../../src/web/PageToken.ts"

describe("PageToken", () => {
  it.effect("generate makes tokens of 43 characters that differ and need no escape in a link", () =>
    Effect.gen(function* () {
      const tokens = yield* Effect.all(Array.from({ length: 100 }, () => PageToken.generate))
      const texts = tokens.map(Redacted.value)
      assert.strictEqual(new Set(texts).size, 100)
      for (const text of texts) assert.match(text, /^[\w-]{43}$/)
      assert.notInclude(String(tokens[0]), texts[0]!)
    })
  )

  it.prop("matches holds for the same text only", [Schema.String, Schema.String], ([one, other]) => {
    const token = Redacted.make(one)
    assert.isTrue(PageToken.matches(token, one))
    assert.strictEqual(PageToken.matches(token, other), one === other)
    assert.isFalse(PageToken.matches(token, `${one}x`))
    assert.isFalse(PageToken.matches(undefined, one))
  })

  it.effect("fromText takes 16 to 128 characters of a link, and names the rule for others", () =>
    Effect.gen(function* () {
      const chosen = "a-secret_of~16.x"
      assert.strictEqual(Redacted.value(yield* PageToken.fromText(chosen)), chosen)
      for (const text of ["", "short", "x".repeat(129), "sixteen chars & more", "0123456789abcdeü"]) {
        const { message } = yield* Effect.flip(PageToken.fromText(text))
        assert.match(message, /^invalid token of the page \(\d+ characters\): give 16 to 128 letters/)
        if (text !== "") assert.notInclude(message, text)
      }
    })
  )

  it("link has the token as its fragment", () => {
    assert.strictEqual(PageToken.link("127.0.0.1:8066"), "http://127.0.0.1:8066/")
    const link = PageToken.link("[::1]:8066", Redacted.make("0123456789abcdef"))
    assert.strictEqual(link, "http://[::1]:8066/#token=0123456789abcdef")
  })
})
