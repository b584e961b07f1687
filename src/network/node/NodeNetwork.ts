/** `Network` of the host, over `node:net` and `node:dgram`. */

import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as IpInterface from "effect/net/IpInterface"
import * as IpNetwork from "effect/net/IpNetwork"
import { type Interface, Network } from "../Network.ts"
import * as NodeBacklog from "./NodeBacklog.ts"
import * as NodeDescriptorBudget from "./NodeDescriptorBudget.ts"
import * as NodeInheritedSockets from "./NodeInheritedSockets.ts"
import * as NodeReservedListener from "./NodeReservedListener.ts"
import * as NodeTcp from "./NodeTcp.ts"
import * as NodeUdp from "./NodeUdp.ts"

/** Reads the index of an interface, which Node reports for those with a link-local address only. */
const readIndex = (name: string): number | undefined => {
  try {
    return Number(Fs.readFileSync(`/sys/class/net/${name}/ifindex`, "utf8"))
  } catch {
    return undefined
  }
}

const interfaceOf = (name: string, info: Os.NetworkInterfaceInfo): Interface | undefined => {
  if (info.cidr === null) return undefined
  const address = IpInterface.fromStringUnsafe(info.cidr)
  const isIpv4 = IpInterface.isIpv4Interface(address)
  return {
    name,
    address,
    broadcast:
      isIpv4 && address.prefixLength < 31 ? IpNetwork.lastAddress(IpNetwork.fromInterface(address)) : undefined,
    scopeId: info.family === "IPv6" ? info.scopeid : 0,
    // Read on demand: few programs need it, and some read all interfaces once a second.
    get index() {
      return readIndex(name)
    },
    loopback: info.internal,
    mac: info.mac
  }
}

let lastInterfaces: ReadonlyArray<Interface> = []

const interfaces = Effect.sync(() => {
  try {
    lastInterfaces = Object.entries(Os.networkInterfaces()).flatMap(([name, all = []]) =>
      all.flatMap((info) => interfaceOf(name, info) ?? [])
    )
  } catch {
    // Without a free descriptor they cannot be read: they are those of the last look.
  }
  return lastInterfaces
})

/** Loaded when a server starts: clients start faster without it. */
const loadListener = Effect.promise(() => import("./NodeListener.ts"))

/**
 * The network of this machine.
 *
 * `availableSockets` counts the sockets opened through this layer against the descriptor limit of the process (64 are
 * kept for other work), so build the layer once and share it. Sockets of `NodeInheritedSockets` are claimed before any
 * is bound.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<Network> = Layer.effect(
  Network,
  Effect.map(NodeInheritedSockets.InheritedSockets, (inherited) => {
    const budget = NodeDescriptorBudget.make()
    const limitBacklog = NodeBacklog.make()
    return {
      listen: NodeReservedListener.orListen((options) =>
        Effect.flatMap(loadListener, ({ listen }) => listen(budget, limitBacklog, inherited)(options))
      ),
      connect: NodeTcp.connect(budget),
      udp: NodeUdp.udp(budget, inherited),
      interfaces,
      availableSockets: budget.available
    }
  })
)
