/**
 * An in-memory network in virtual time: each host has its addresses, its own `Network` and its own `Dns`. Programs are
 * the same as on the real network; only the layer differs.
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Dns from "effect/net/Dns"
import * as IpInterface from "effect/net/IpInterface"
import * as IpNetwork from "effect/net/IpNetwork"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import { type Interface, Network } from "../../network/Network.ts"
import type * as SimDisk from "../disk/SimDisk.ts"
import * as FaultFields from "../faults/FaultFields.ts"
import * as OptionCheck from "../runtime/OptionCheck.ts"
import type * as SimLan from "./SimLan.ts"
import * as SimTcp from "./SimTcp.ts"
import * as SimUdp from "./SimUdp.ts"

/** Addresses, disk and clock of a host. @category models @since 0.1.0 */
export interface HostOptions {
  /**
   * Addresses with their prefix, such as `10.0.0.7/24`, one for each interface. Default: the next address of
   * `10.0.0.0/16` and of `fd00::/64`. Hosts on the same subnet share a LAN.
   */
  readonly addresses?: ReadonlyArray<string> | undefined
  /** Disk of the host. Default: empty, without a limit. */
  readonly disk?: SimDisk.Options | undefined
  /** Errors of the host's clocks. Default: none. */
  readonly clock?: ClockOptions | undefined
}

/** Errors of a host's clocks at the start of a run. @category models @since 0.1.0 */
export interface ClockOptions {
  /** Time by which the wall clock is ahead; negative if it is behind. Default 0. */
  readonly offset?: Duration.Input | undefined
  /** Microseconds that the clocks gain each second; negative if they lose. Default 0. */
  readonly driftPpm?: number | undefined
}

/** Network stack of a host, from its start to its crash. @category models @since 0.1.0 */
export interface Stack {
  readonly network: Network["Service"]
  readonly udp: SimUdp.SimUdp
  readonly tcp: SimTcp.SimTcp
}

/** A simulated network with its hosts. @category models @since 0.1.0 */
export interface SimNetwork {
  readonly lan: SimLan.SimLan
  /** Adds a host whose name all hosts can resolve. Throws if a name or an address is taken or malformed. */
  readonly add: (name: string, options?: HostOptions) => SimLan.Node
  /** Creates a new network stack for a host, at its start and at each restart. */
  readonly boot: (node: SimLan.Node) => Stack
  /** Discards the network stack of a host; nothing is sent to its peers. */
  readonly crash: (node: SimLan.Node) => void
  readonly stackOf: (node: SimLan.Node) => Stack | undefined
  /** DNS service of all hosts. */
  readonly dns: Dns.Dns["Service"]
  /** Returns the services that programs on a host use. */
  readonly contextOf: (node: SimLan.Node) => Context.Context<Network | Dns.Dns>
}

const interfaceFrom = (text: string, index: number): SimLan.SimInterface => {
  const address = Result.getOrThrowWith(
    IpInterface.fromString(text),
    ({ message }) =>
      new Error(`invalid address ${text}: ${message}; use an address with its prefix, such as 10.0.0.7/24`)
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

/** Throws for a name that fault plans and DNS cannot have. */
const checkName = (name: string) => {
  if (!FaultFields.isHostName(name))
    OptionCheck.refuse("host name", name, "use letters, digits, - and _, in labels separated by dots")
}

/** Creates a simulated network on a LAN. @category constructors @since 0.1.0 */
export const make = (lan: SimLan.SimLan): SimNetwork => {
  const stacks = new Map<SimLan.Node, Stack>()
  const stackOf = (node: SimLan.Node) => stacks.get(node)
  const names = new Map<string, SimLan.Node>()
  const dns = Dns.make({
    // `Dns` itself fails with "not found" for a name without addresses.
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
      checkName(name)
      if (names.has(name)) throw new Error(`duplicate host name ${name}`)
      const interfaces = own.map(interfaceFrom)
      const taken = interfaces.find(({ literal }) =>
        lan.nodes.some((n) => n.interfaces.some((a) => a.literal === literal))
      )
      if (taken !== undefined) throw new Error(`duplicate address ${taken.literal}`)
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
