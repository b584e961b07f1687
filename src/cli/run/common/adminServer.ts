/** The admin server of a command. */
import * as Effect from "effect/Effect"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as NodeAdminServer from "../../../admin/NodeAdminServer.ts"

/** Serves until the scope closes. */
export const make = (options: Parameters<typeof NodeAdminServer.layer>[0]) =>
  Effect.flatMap(Layer.build(NodeAdminServer.layer(options)), (context) =>
    Effect.provideContext(HttpServer.HttpServer, context)
  )
