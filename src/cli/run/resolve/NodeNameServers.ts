/** DNS by chosen name servers instead of those of the system. */
import * as NodeDns from "@effect/platform-node/NodeDns"
import * as Layer from "effect/Layer"
import * as Dns from "effect/net/Dns"
import type * as NetAddress from "effect/net/NetAddress"

/** Creates a layer that queries one name server. */
export const layer = (nameServer: NetAddress.InetAddress): Layer.Layer<Dns.Dns, NetAddress.NetAddressError> =>
  Layer.effect(Dns.Dns, NodeDns.make({ nameServers: [nameServer] }))
