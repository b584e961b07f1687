/** The messages of a server when it starts, or why it cannot start. */
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as PortHolder from "../../../inspect/sockets/PortHolder.ts"
import type * as Network from "../../../network/Network.ts"
import * as TerminalText from "../../../network/TerminalText.ts"

/** A failure to start a server; the message states the reason and the fix. */
export class CannotServe extends Data.TaggedError("CannotServe")<{ readonly message: string }> {}

/** Processes that were found on a port: a service that fails again and again does not search all of them each time. */
const lastHolders = new Map<string, number>()

/** Returns the address that could not be bound; undefined if the error does not state an IP address. */
const wantedAddress = (address: NetAddress.SocketAddress | undefined) =>
  address !== undefined && NetAddress.isInetAddress(address) ? NetAddress.formatIp(address.address) : undefined

/** Returns what occupies a port: a process, or connections in TIME-WAIT that a server without SO_REUSEADDR has left. */
const explainPortInUse = Effect.fnUntraced(function* (wanted: PortHolder.Wanted, protocol: "tcp" | "udp") {
  const name = `${protocol.toUpperCase()} port ${wanted.port}`
  const key = `${name} ${wanted.address}`
  const holder = yield* PortHolder.findListeningProcess(wanted, protocol, lastHolders.get(key))
  if (holder !== undefined && holder.conflict !== "possible") {
    lastHolders.set(key, holder.pid)
    return `${name} is in use by ${describeHolder(holder)};`
  }
  const waitMillis = protocol === "tcp" ? yield* PortHolder.findTimeWaitMillis(wanted) : undefined
  if (waitMillis !== undefined) {
    const seconds = Math.ceil(waitMillis / 1_000)
    return `${name} has connections in TIME-WAIT, left by a server without SO_REUSEADDR; wait ${seconds} s, or`
  }
  return holder === undefined ? `${name} is in use;` : `${name} is in use, probably by ${describeHolder(holder)};`
})

/** Describes a process, and the address of its socket if it is another one than the wanted address. */
const describeHolder = ({ address, command, conflict, pid }: PortHolder.SocketOwner) =>
  `${TerminalText.escape(command)} (pid ${pid}${conflict === "same" ? "" : `, which has ${address}`})`

/** Explains why a server cannot listen: names what uses the port and the flag that selects another port. */
export const explainListenError = (service: string, port: number, flag: string, protocol: "tcp" | "udp" = "tcp") =>
  Effect.fnUntraced(function* (error: Network.NetworkError) {
    if (error.text !== undefined) {
      return yield* new CannotServe({ message: `${service}: ${TerminalText.escape(error.text)}` })
    }
    if (error.reason === "PermissionDenied" && port < 1_024) {
      const fix = `run as root, or setcap cap_net_bind_service=+ep on node, or choose another port with ${flag}`
      return yield* new CannotServe({ message: `${service}: port ${port} is reserved for root: ${fix}` })
    }
    if (error.reason !== "AddressInUse") {
      return yield* new CannotServe({ message: `${service}: ${TerminalText.escape(error.message)}` })
    }
    const reason = yield* explainPortInUse({ address: wantedAddress(error.address), port }, protocol)
    return yield* new CannotServe({ message: `${service}: ${reason} choose another port with ${flag}` })
  })

/** Returns the host at which this machine reaches a service: a wildcard address is replaced by loopback. */
export const connectableHost = (address: NetAddress.InetAddress) =>
  NetAddress.isUnspecified(address.address)
    ? NetAddress.isInetAddressV4(address)
      ? "127.0.0.1"
      : "::1"
    : NetAddress.formatHost(address)

/** Returns the services of one process that are up, and the hosts that can reach their addresses. */
export const summarize = (addresses: ReadonlyArray<NetAddress.SocketAddress>, services: string, inherits: boolean) => {
  const inet = addresses.filter(NetAddress.isInetAddress)
  const open = inet.filter(({ address }) => !NetAddress.isLoopback(address))
  const advice = inherits ? "" : " (--host :: listens on all interfaces)"
  if (open.length === 0) return `${services} up for this machine only${advice}`
  return `${services} up on ${[...new Set(open.map((address) => NetAddress.formatHost(address)))].join(", ")}`
}

/** Returns the hosts that can reach an address. */
const reachOf = (address: NetAddress.InetAddress, inherits: boolean) =>
  NetAddress.isLoopback(address.address)
    ? `this machine only${inherits ? "" : "; --host :: listens on all interfaces"}`
    : "open to the network"

/**
 * Prints the first line of a server: its address and the hosts that can reach it. `--host` is not advised to a process
 * that `inherits` its sockets: who binds them decides. The JSON has the link to the page, if there is one.
 */
export const announce = (
  service: string,
  address: NetAddress.SocketAddress,
  json: boolean,
  inherits = false,
  page?: string
) => {
  if (!NetAddress.isInetAddress(address)) {
    return Console.log(
      json
        ? JSON.stringify({ service, path: address.path, page })
        : `${service} on ${TerminalText.escape(NetAddress.formatSocketAddress(address))}`
    )
  }
  return Console.log(
    json
      ? JSON.stringify({ service, address: NetAddress.formatHost(address), port: address.port, page })
      : `${service} on ${NetAddress.formatInet(address)} (${reachOf(address, inherits)})`
  )
}
