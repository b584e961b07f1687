/**
 * A network in memory, in virtual time: hosts with addresses on one wire or several, each a `Network` and a `Dns` of
 * its own. The programs are those of the real network; only the layer differs.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Dns from "effect/net/Dns"
import * as IpInterface from "effect/net/IpInterface"
import * as IpNetwork from "effect/net/IpNetwork"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import { type Interface, Network } from "../../network/Network.ts"
import type * as SimLan from "./SimLan.ts"
import * as SimTcp from "./SimTcp.ts"
import * as SimUdp from "./SimUdp.ts"

/** Where a host is. @category models @since 0.1.0 */
export interface HostOptions {
  /**
   * Addresses with their prefix, such as `10.0.0.7/24`; several for several interfaces. Default: the next of
   * `10.0.0.0/24` and of `fd00::/64`. Hosts whose addresses are of one subnet share a wire.
   */
  readonly addresses?: ReadonlyArray<string> | undefined
}

/** The sockets of a host from its start to its crash. @category models @since 0.1.0 */
export interface Stack {
  readonly network: Network["Service"]
  readonly udp: SimUdp.SimUdp
  readonly tcp: SimTcp.SimTcp
}

/** A simulated network, and who is on it. @category models @since 0.1.0 */
export interface SimNetwork {
  readonly lan: SimLan.SimLan
  /** Adds a host; its name can be looked up by all. Fails for a name or an address that is taken or malformed. */
  readonly add: (name: string, options?: HostOptions) => SimLan.Node
  /** Gives a host sockets anew: when it starts, and when it starts again. */
  readonly boot: (node: SimLan.Node) => Stack
  /** Takes the sockets of a host away, without a word to anyone. */
  readonly crash: (node: SimLan.Node) => void
  readonly stackOf: (node: SimLan.Node) => Stack | undefined
  /** The name service that all hosts share. */
  readonly dns: Dns.Dns["Service"]
  /** All that a program on a host stands on. */
  readonly contextOf: (node: SimLan.Node) => Context.Context<Network | Dns.Dns>
}

const interfaceFrom = (text: string, index: number): SimLan.SimInterface => {
  const address = Result.getOrThrowWith(
    IpInterface.fromString(text),
    ({ message }) => new Error(`${text} is no address with its prefix, such as 10.0.0.7/24: ${message}`)
  )
  const network = IpNetwork.fromInterface(address)
  const isIpv4 = IpInterface.isIpv4Interface(address)
  return {
    name: `eth${index}`,
    subnet: IpNetwork.format(network),
    address,
    literal: NetAddress.formatIp(address.address),
    broadcast: isIpv4 && address.prefixLength < 31 ? NetAddress.formatIp(IpNetwork.lastAddress(network)) : undefined
  }
}

const loopback: ReadonlyArray<Interface> = ["127.0.0.1/8", "::1/128"].map((text) => ({
  name: "lo",
  address: IpInterface.fromStringUnsafe(text),
  scopeId: 0,
  loopback: true,
  mac: "00:00:00:00:00:00"
}))

const interfaceOf =
  (node: SimLan.Node) =>
  (simInterface: SimLan.SimInterface): Interface => {
    const mac = [2, 0, 0, 0, node.index >> 8, node.index & 0xff].map((byte) => byte.toString(16).padStart(2, "0"))
    const broadcast = simInterface.broadcast && NetAddress.ipFromStringUnsafe(simInterface.broadcast)
    return {
      name: simInterface.name,
      address: simInterface.address,
      broadcast: broadcast as NetAddress.Ipv4Address | undefined,
      scopeId: 0,
      loopback: false,
      mac: mac.join(":")
    }
  }

/** @category constructors @since 0.1.0 */
export const make = (lan: SimLan.SimLan): SimNetwork => {
  const stacks = new Map<SimLan.Node, Stack>()
  const stackOf = (node: SimLan.Node) => stacks.get(node)
  const names = new Map<string, SimLan.Node>()
  const dns = Dns.make({
    // A name nobody has is found missing by `Dns` itself.
    lookup: (name) => Effect.sync(() => (names.get(name)?.interfaces ?? []).map(({ address }) => address.address)),
    reverse: (address) =>
      Effect.sync(() => {
        const literal = NetAddress.formatIp(address)
        const found = lan.nodes.filter(({ interfaces }) => interfaces.some((one) => one.literal === literal))
        return found.map(({ name }) => name)
      })
  })

  const boot = (node: SimLan.Node): Stack => {
    const udp = SimUdp.make(lan, node, (other) => stacks.get(other)?.udp)
    const tcp = SimTcp.make(lan, node, (other) => stacks.get(other)?.tcp)
    const interfaces = [...loopback, ...node.interfaces.map(interfaceOf(node))]
    const network = Network.of({
      listen: tcp.listen,
      connect: tcp.connect,
      udp: udp.open,
      interfaces: Effect.succeed(interfaces),
      availableSockets: () => Number.POSITIVE_INFINITY
    })
    const stack = { network, udp, tcp }
    stacks.set(node, stack)
    return stack
  }

  return {
    lan,
    add: (name, { addresses } = {}) => {
      const next = lan.nodes.length + 1
      const own = addresses ?? [`10.0.${next >> 8}.${next & 0xff}/16`, `fd00::${next.toString(16)}/64`]
      if (names.has(name)) throw new Error(`there are two hosts ${name}`)
      const interfaces = own.map(interfaceFrom)
      const taken = interfaces.find(({ literal }) =>
        lan.nodes.some((n) => n.interfaces.some((a) => a.literal === literal))
      )
      if (taken !== undefined) throw new Error(`${taken.literal} is the address of two hosts`)
      const node = lan.add(name, interfaces)
      names.set(name, node)
      return node
    },
    boot,
    crash: (node) => {
      const stack = stacks.get(node)
      stacks.delete(node)
      stack?.udp.crash()
      stack?.tcp.crash()
    },
    stackOf,
    dns,
    contextOf: (node) => Context.make(Network, (stackOf(node) ?? boot(node)).network).pipe(Context.add(Dns.Dns, dns))
  }
}
