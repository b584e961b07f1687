import { createHmac, hkdfSync } from "node:crypto"
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import { assert, describe, it } from "@effect/vitest"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Hmac from "../../src/network/Hmac.ts"

const native = NodeCrypto.layerMac.pipe(Layer.provide(SecureRandom.layerWebCrypto))

const keys = Schema.String.check(Schema.isMinLength(1))

const implementations = { "web crypto": Layer.empty, "a provided Mac": native as Layer.Layer<never> }

describe.each(Object.entries(implementations))("Hmac by %s", (_, implementation) => {
  it.effect.prop(
    "signs as RFC 2104 defines, and verifies its own tags only",
    [keys, Schema.Uint8Array],
    ([key, bytes]) =>
      Effect.gen(function* () {
        const hmac = yield* Hmac.make(Redacted.make(key))
        const tag = yield* hmac!.sign(bytes)
        const expected = createHmac("sha256", new TextEncoder().encode(key)).update(bytes).digest()
        assert.deepStrictEqual([...tag], [...expected])
        assert.strictEqual(tag.length, Hmac.tagBytes)
        assert.isTrue(yield* hmac!.verify(tag, bytes))
        assert.isFalse(yield* hmac!.verify(tag, Uint8Array.of(...bytes, 0)))
        assert.isFalse(yield* hmac!.verify(tag.subarray(0, 31), bytes))
        assert.isFalse(yield* hmac!.verify(Uint8Array.of(tag[0]! ^ 1, ...tag.subarray(1)), bytes))
      }).pipe(Effect.provide(implementation))
  )

  it.effect.prop(
    "derives keys as RFC 5869 defines",
    [keys, Schema.Uint8Array, Schema.Uint8Array],
    ([secret, salt, info]) =>
      Effect.gen(function* () {
        const derive = yield* Hmac.makeDerive
        const salted = Uint8Array.of(1, ...salt)
        const key = yield* derive(Redacted.make(secret), { salt: salted, info })
        const expected = hkdfSync("sha256", new TextEncoder().encode(secret), salted, info, 32)
        assert.deepStrictEqual([...key], [...new Uint8Array(expected)])
      }).pipe(Effect.provide(implementation))
  )
})

it.effect("Hmac signs synchronously with a provided native Mac", () =>
  Effect.sync(() => {
    const signing = Effect.flatMap(Hmac.make(Redacted.make("key")), (hmac) => hmac!.sign(new Uint8Array(3)))
    assert.strictEqual(Effect.runSync(Effect.provide(signing, native)).length, Hmac.tagBytes)
  })
)

it.effect("Hmac.make returns undefined for an empty key", () =>
  Effect.map(Hmac.make(Redacted.make("")), (hmac) => assert.isUndefined(hmac))
)
