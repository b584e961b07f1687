/**
 * Transport by IP multicast: one datagram per interface reaches all members of a group.
 *
 * **Example** (Multicast on a simulated network)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Exit from "effect/Exit"
 * import { Simulation } from "effect-inet/simulation"
 * import { Multicast } from "effect-inet/status"
 *
 * const program = Simulation.run(Effect.fnUntraced(function* ({ host }) {
 *   const received: Array<string> = []
 *   const receive = (at: string) => (bytes: Uint8Array) => received.push(`${at}: ${new TextDecoder().decode(bytes)}`)
 *   const open = (name: string) => Multicast.make()(receive(name))
 *   const sender = yield* Effect.provide(open("a"), (yield* host("a")).layer)
 *   yield* Effect.provide(open("b"), (yield* host("b")).layer)
 *   yield* sender.send(new TextEncoder().encode("hello"))
 *   yield* Effect.sleep("100 millis")
 *   return [sender.label, ...received.sort()]
 * }))
 *
 * const { exit } = await Effect.runPromise(program)
 * exit // => Exit.succeed(["multicast to 239.255.20.66 port 2066", "a: hello", "b: hello"])
 * ```
 */

import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Endpoint from "../../network/Endpoint.ts"
import * as Network from "../../network/Network.ts"
import * as DestinationLog from "./DestinationLog.ts"
import * as Transport from "./Transport.ts"

/** Default group, in the administratively scoped range (RFC 2365). @category constants @since 0.1.0 */
export const defaultGroup = "239.255.20.66"

/** Options of a multicast transport. @category models @since 0.1.0 */
export interface Options extends Transport.Options {
  /** Group, as an IPv4 or IPv6 literal, which also selects the address family. Default 239.255.20.66. */
  readonly group?: string | undefined
  /** Time to live, 0 to 255 hops. Default 1, the local link. */
  readonly ttl?: number | undefined
  /**
   * Interfaces, by name or address. Default: all interfaces with an address of the family, without loopback if there
   * are any others.
   */
  readonly interfaces?: ReadonlyArray<string> | undefined
}

/** An interface on which the group is joined, and its sending socket. */
interface InterfaceSender {
  /** Destination name for logs. */
  readonly name: string
  readonly scope: Scope.Closeable
  readonly socket: Result.Result<Network.UdpSocket, Network.NetworkError>
}

/** Returns the selected interfaces, as `join` expects them, by name; undefined for one that does not exist now. */
const selectInterfaces = (
  interfaces: ReadonlyArray<Network.Interface>,
  family: NetAddress.IpFamily,
  requested: ReadonlyArray<string> | undefined
): ReadonlyMap<string, string | undefined> => {
  const usable = interfaces
    .filter(({ address }) => NetAddress.familyOf(address.address) === family)
    .map(({ address: { address }, loopback, name }) => ({
      name,
      loopback,
      literal: NetAddress.formatIp(address),
      through: family === "IPv4" ? NetAddress.formatIp(address) : `%${name}`
    }))
  if (requested !== undefined) {
    const found = (text: string) => usable.find(({ literal, name }) => text === name || text === literal)?.through
    return new Map(requested.map((text) => [text, found(text)]))
  }
  const external = usable.filter(({ loopback }) => !loopback)
  // Only the first address of each interface is used, so that a datagram leaves once.
  return new Map(
    (external.length > 0 ? external : usable).map(({ name, through }) => [name, through] as const).reverse()
  )
}

const interfaceMissing = new Network.NetworkError({ reason: "AddressNotAvailable" })

/**
 * Makes a transport that sends each packet to a group, on each interface separately, since the kernel would choose only
 * one. Several peers of a host share the port. A failed interface is opened again at the next refresh. Fails with
 * `InvalidAddress` if `group` is not a multicast address.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Transport.OpenTransport =>
  Effect.fnUntraced(function* (receive) {
    const { group = defaultGroup, port = Transport.defaultPort, ttl = 1 } = options
    const network = yield* Network.Network
    const scope = yield* Effect.scope
    const parsed = NetAddress.ipFromString(Endpoint.withoutZone(group))
    if (Result.isFailure(parsed) || !NetAddress.isMulticast(parsed.success)) {
      return yield* new Network.NetworkError({
        reason: "InvalidAddress",
        cause: new Error(`${group} is not a multicast address, such as ${defaultGroup} or ff02::2066`)
      })
    }
    const family = NetAddress.familyOf(parsed.success)
    const host = family === "IPv4" ? "0.0.0.0" : "::"
    const receiveBuffer = options.receiveBuffer ?? DestinationLog.defaultReceiveBufferBytes
    const receiver = yield* network.udp({ host, port, receiveBuffer, reuseAddress: true }, receive)
    const log = DestinationLog.make()
    const senders = new Map<string, InterfaceSender>()
    const nameOf = (name: string) => `multicast to ${group} on ${name}`

    /** The kernel may keep the membership of an interface that was removed. */
    const join = (through: string) =>
      Effect.catchIf(
        receiver.join(group, through),
        ({ reason }) => reason === "AddressInUse",
        () => Effect.void
      )
    const open = Effect.fnUntraced(function* (name: string, through: string | undefined) {
      const senderScope = yield* Scope.fork(scope)
      const opened =
        through === undefined
          ? Effect.fail(interfaceMissing)
          : Effect.andThen(join(through), network.udp({ host, multicast: { ttl, interface: through } }, ignoreDatagram))
      const socket = yield* Effect.result(Scope.provide(opened, senderScope))
      senders.set(`${name} ${through}`, { name: nameOf(name), scope: senderScope, socket })
      if (Result.isFailure(socket)) yield* log.report(nameOf(name), socket.failure.message)
    })
    const refresh = Effect.gen(function* () {
      const wanted = selectInterfaces(yield* network.interfaces, family, options.interfaces)
      const names = new Map([...wanted].map(([name, through]) => [`${name} ${through}`, { name, through }]))
      for (const [key, sender] of senders) {
        if (names.has(key) && !log.isFailing(sender.name)) continue
        senders.delete(key)
        yield* Scope.close(sender.scope, Exit.void)
      }
      log.retain([...wanted.keys()].map(nameOf))
      for (const [key, { name, through }] of names) if (!senders.has(key)) yield* open(name, through)
    })
    yield* DestinationLog.refreshEvery(options.refresh, refresh)

    return {
      label: `multicast to ${group} port ${port}`,
      local: receiver.local,
      send: (bytes) =>
        Effect.forEach(
          [...senders.values()],
          ({ name, socket }) =>
            log.trySend(
              name,
              Effect.flatMap(Effect.fromResult(socket), ({ send }) => send(bytes, { address: group, port }))
            ),
          { discard: true }
        ),
      effectiveInterval: (interval) => interval,
      stats: Effect.suspend(() => log.stats([receiver]))
    }
  })

const ignoreDatagram = () => {}
