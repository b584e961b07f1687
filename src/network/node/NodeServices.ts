/** All services for connecting by name: the host's network, its resolver and its services file. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Dns from "effect/net/Dns"
import * as NodeFiles from "../files/NodeFiles.ts"
import type { Network } from "../Network.ts"
import * as GaiConf from "../names/GaiConf.ts"
import * as ServiceNames from "../names/ServiceNames.ts"
import * as SystemResolver from "../names/SystemResolver.ts"
import * as NodeNetwork from "./NodeNetwork.ts"

/** The resolver of Node, which reads its configuration as soon as its module is loaded. */
const system = Effect.flatMap(
  Effect.promise(() => import("./NodeResolver.ts")),
  ({ make }) => make
)

/** `NodeNetwork`, the system's resolver, `ServiceNames` and `GaiConf` of this host. @category layers @since 0.1.0 */
export const layer: Layer.Layer<Network | Dns.Dns | ServiceNames.ServiceNames> = Layer.mergeAll(
  NodeNetwork.layer,
  Layer.provide(
    Layer.mergeAll(SystemResolver.layer({ system }), ServiceNames.layer(), GaiConf.layer()),
    NodeFiles.layer
  )
)
