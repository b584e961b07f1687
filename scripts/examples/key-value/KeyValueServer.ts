/** The key-value server, under any concurrency model. */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type ConcurrencyModel, Fibers } from "effect-inet/session"
import { definition, makeShared } from "./KeyValueSession.ts"

/** Address, limits and concurrency model. Default: a fiber for each client. */
export type Options = ConcurrencyModel.Options & { readonly model?: ConcurrencyModel.WorkerModel | undefined }

export class KeyValueServer extends Context.Service<KeyValueServer, ConcurrencyModel.SessionServer>()(
  "example/KeyValueServer"
) {}

/** Starts a server, which serves until the scope closes. */
export const make = Effect.fnUntraced(function* ({ model = Fibers.model, ...options }: Options) {
  const session = yield* definition.make({})
  const shared = yield* makeShared
  // Worker processes and threads import this module for its export `definition`.
  const module = new URL("./KeyValueSession.ts", import.meta.url).href
  return yield* model.serve({ session, shared, definition, module, options: {} }, { service: "key-value", ...options })
})

/** Layer of a server, for an app that provides it next to its other services. */
export const layer = (options: Options) => Layer.effect(KeyValueServer, make(options))

/** Layer of a server on the port of the environment variable `KEY_VALUE_PORT`. */
export const layerConfig = Layer.unwrap(
  Effect.map(Config.Int("KEY_VALUE_PORT").pipe(Config.withDefault(4000)), (port) => layer({ port }))
)
