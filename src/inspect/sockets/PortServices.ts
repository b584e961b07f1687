/** Names of the services of sockets: of which end the port is the service's. Pure. */
import * as Option from "effect/Option"
import * as ServiceNames from "../../network/names/ServiceNames.ts"
import { builtIn } from "../../network/names/WellKnownServices.ts"
import type { SocketRecord } from "./SocketRecords.ts"

/** First port that clients get without asking for one; below it are those of servers. */
const firstEphemeralPort = 32_768

let builtInTable: ServiceNames.Table | undefined

/** Returns the services that are known without the services file of the host. */
const builtInServices = () => (builtInTable ??= ServiceNames.table(ServiceNames.withPackageServices(builtIn)))

const keyOf = (protocol: string, port: number) => (protocol === "tcp" ? port : -port)

/**
 * Returns a function that names the service of a socket.
 *
 * It is that of its own port if a server of this host listens there, else that of the peer's port, else that of an own
 * port below the ephemeral ones.
 */
export const namer = (all: ReadonlyArray<SocketRecord>, given?: ServiceNames.Table) => {
  const table = given ?? builtInServices()
  const names = new Map<number, string | undefined>()
  const listening = new Set<number>()
  for (const { local, protocol, state } of all) {
    if (local !== undefined && (state === "listen" || (protocol === "udp" && state === "unconnected"))) {
      listening.add(keyOf(protocol, local.port))
    }
  }
  const nameOf = (protocol: string, port: number) => {
    const key = keyOf(protocol, port)
    if (names.has(key)) return names.get(key)
    const name = Option.getOrUndefined(table.getservbyport(port, protocol))?.name
    names.set(key, name)
    return name
  }
  return ({ local, peer, protocol }: SocketRecord): string | undefined => {
    if (local === undefined || peer === undefined) return undefined
    if (listening.has(keyOf(protocol, local.port))) return nameOf(protocol, local.port)
    const ofPeer = peer.port === 0 ? undefined : nameOf(protocol, peer.port)
    return ofPeer ?? (local.port < firstEphemeralPort ? nameOf(protocol, local.port) : undefined)
  }
}
