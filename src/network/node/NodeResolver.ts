/** The resolver of Node, which reads `/etc/resolv.conf` and other files when this module is loaded. */
import * as NodeDns from "@effect/platform-node/NodeDns"
import * as Effect from "effect/Effect"

/** Makes the resolver, with the name servers of the system. */
export const make = Effect.orDie(NodeDns.make())
