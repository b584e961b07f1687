/** The run of a server: its messages when it starts or fails to start, and the wait for the signal to end. */
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as SocketTable from "../../../inspect/SocketTable.ts"
import type * as Network from "../../../network/Network.ts"
import { ShutdownSignal } from "../../common/Shutdown.ts"
import * as network from "./network.ts"

/** A failure to start a server; the message states the reason and the fix. */
export class CannotServe extends Data.TaggedError("CannotServe")<{ readonly message: string }> {}

/** Explains why a server cannot listen: names the process that uses the port and the flag that selects another port. */
export const explainListenError = (service: string, port: number, flag: string, protocol: "tcp" | "udp" = "tcp") =>
  Effect.fnUntraced(function* (error: Network.NetworkError) {
    if (error.reason === "PermissionDenied" && port < 1_024) {
      const fix = `run as root, or setcap cap_net_bind_service=+ep on node, or choose another port with ${flag}`
      return yield* new CannotServe({ message: `${service}: port ${port} is reserved for root: ${fix}` })
    }
    if (error.reason !== "AddressInUse") return yield* new CannotServe({ message: `${service}: ${error.message}` })
    const holder = yield* SocketTable.findListeningProcess(port, protocol)
    const holderText = holder === undefined ? "" : ` by ${holder.command} (pid ${holder.pid})`
    return yield* new CannotServe({
      message: `${service}: ${protocol.toUpperCase()} port ${port} is in use${holderText}; choose another port with ${flag}`
    })
  })

/** Returns the host at which this machine reaches a service: a wildcard address is replaced by loopback. */
export const connectableHost = (address: NetAddress.InetAddress) =>
  NetAddress.isUnspecified(address.address)
    ? NetAddress.isInetAddressV4(address)
      ? "127.0.0.1"
      : "::1"
    : NetAddress.formatHost(address)

/** Prints the first line of a server: its address and the hosts that can reach it. */
export const announce = (service: string, address: NetAddress.SocketAddress, json: boolean) => {
  if (!NetAddress.isInetAddress(address)) return Console.log(`${service} on ${NetAddress.formatSocketAddress(address)}`)
  if (json) {
    return Console.log(JSON.stringify({ service, address: NetAddress.formatHost(address), port: address.port }))
  }
  const scope = NetAddress.isLoopback(address.address)
    ? "this machine only; --host :: listens on all interfaces"
    : "open to the network"
  return Console.log(`${service} on ${NetAddress.formatInet(address)} (${scope})`)
}

/** Starts a server, announces it, and serves until the process receives a shutdown signal. */
export const serve = <E, R>(
  service: string,
  json: boolean,
  start: Effect.Effect<{ readonly address: NetAddress.SocketAddress }, E, R>
) =>
  Effect.gen(function* () {
    const { address } = yield* start
    yield* announce(service, address, json)
    yield* yield* ShutdownSignal
  }).pipe(Effect.scoped, Effect.provide(network.layer))
