/** All services for connecting by name: the host's network, its resolver and its services file. */
import * as NodeDns from "@effect/platform-node/NodeDns"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Layer from "effect/Layer"
import type * as Dns from "effect/net/Dns"
import type { Network } from "../Network.ts"
import * as GaiConf from "../names/GaiConf.ts"
import * as ServiceNames from "../names/ServiceNames.ts"
import * as SystemResolver from "../names/SystemResolver.ts"
import * as NodeNetwork from "./NodeNetwork.ts"

/** `NodeNetwork`, the system's resolver, `ServiceNames` and `GaiConf` of this host. @category layers @since 0.1.0 */
export const layer: Layer.Layer<Network | Dns.Dns | ServiceNames.ServiceNames> = Layer.mergeAll(
  NodeNetwork.layer,
  Layer.provide(SystemResolver.layer(), [NodeDns.layer, NodeFileSystem.layer]),
  Layer.provide(Layer.merge(ServiceNames.layer(), GaiConf.layer()), NodeFileSystem.layer)
)
