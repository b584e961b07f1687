/** What servers say when they start, and when they cannot. */
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as SocketTable from "../../../inspect/SocketTable.ts"
import type * as Network from "../../../network/Network.ts"

/** A server could not start; the message says why and what to do. */
export class CannotServe extends Data.TaggedError("CannotServe")<{ readonly message: string }> {}

/** Says who has the port, and which flag chooses another. */
export const explainListenError = (service: string, port: number, flag: string, protocol: "tcp" | "udp" = "tcp") =>
  Effect.fnUntraced(function* (error: Network.NetworkError) {
    if (error.reason === "PermissionDenied" && port < 1_024) {
      const fix = `run as root, or setcap cap_net_bind_service=+ep on node, or choose another with ${flag}`
      return yield* new CannotServe({ message: `${service}: port ${port} is reserved for root: ${fix}` })
    }
    if (error.reason !== "AddressInUse") return yield* new CannotServe({ message: `${service}: ${error.message}` })
    const holder = yield* SocketTable.findListeningProcess(port, protocol)
    const holderText = holder === undefined ? "" : ` by ${holder.command} (pid ${holder.pid})`
    return yield* new CannotServe({
      message: `${service}: ${protocol.toUpperCase()} port ${port} is in use${holderText}; choose another with ${flag}`
    })
  })

/** Where a service can be reached from this machine: a wildcard is no address to connect to. */
export const connectableHost = (address: NetAddress.InetAddress) =>
  NetAddress.isUnspecified(address.address)
    ? NetAddress.isInetAddressV4(address)
      ? "127.0.0.1"
      : "::1"
    : NetAddress.formatHost(address)

/** The first line of a server: its address, and whom it lets in. */
export const announce = (service: string, address: NetAddress.SocketAddress, json: boolean) => {
  if (!NetAddress.isInetAddress(address)) return Console.log(`${service} on ${NetAddress.formatSocketAddress(address)}`)
  if (json) {
    return Console.log(JSON.stringify({ service, address: NetAddress.formatHost(address), port: address.port }))
  }
  const scope = NetAddress.isLoopback(address.address)
    ? "this machine only; --host :: lets the network in"
    : "open to the network"
  return Console.log(`${service} on ${NetAddress.formatInet(address)} (${scope})`)
}
