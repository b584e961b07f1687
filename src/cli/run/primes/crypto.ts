/** The encryption of connections with a key. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"

/** The services for a key; nothing is loaded without one. */
export const layer = (key: Redacted.Redacted | undefined): Layer.Layer<never> =>
  key === undefined
    ? Layer.empty
    : Layer.unwrap(
        Effect.map(
          Effect.promise(() => import("./NodeFarmCrypto.ts")),
          (crypto) => crypto.layer
        )
      )
