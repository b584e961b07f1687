/** Prime servers that announce themselves by the packets of `status`, and the farms that find them. */
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Peer } from "../../../status/Peer.ts"
import * as StatusPeer from "../../../status/StatusPeer.ts"
import * as Broadcast from "../../../status/transport/Broadcast.ts"

const IpLiteral = Schema.String.check(
  Schema.makeFilter((text) => Result.isSuccess(NetAddress.ipFromString(text)) || "must be an IP address")
)

/** The payload of a server. */
const Announcement = Schema.Struct({
  port: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 65_535 })),
  /** The address of the server. Absent if it is that of its packets. */
  host: Schema.optionalKey(IpLiteral)
})

type Announcement = typeof Announcement.Type

/** The cluster of the packets: `status` without it does not show the servers. */
const cluster = "effect-inet primes"

const common = { schema: Announcement, cluster, service: "primes-discovery" }

interface Options {
  readonly name: string
  readonly key: Redacted.Redacted | undefined
}

/**
 * Announces the server with this address until the scope closes: on all own networks, or to this machine only. The
 * second is for a server that is not open to others.
 */
export const announce = ({ address, port }: NetAddress.InetAddress, options: Options) => {
  const payload: Announcement = NetAddress.isUnspecified(address)
    ? { port }
    : { port, host: NetAddress.formatIp(address) }
  const transport = Broadcast.make({ addresses: NetAddress.isLoopback(address) ? [Broadcast.loopback] : undefined })
  return StatusPeer.make({ ...common, ...options, payload, transport })
}

/** Returns the servers that have not said goodbye: of one that fell silent the connection shows whether it is well. */
const hostsOf = (peers: ReadonlyArray<Peer<Announcement>>): ReadonlyArray<string> => {
  const hosts = peers.flatMap(({ address, payload, self, state }) => {
    if (self || payload === undefined || state === "left") return []
    const host = payload.host ?? address.address
    return [host.includes(":") ? `[${host}]:${payload.port}` : `${host}:${payload.port}`]
  })
  return [...new Set(hosts)].sort()
}

const isEqual = (one: ReadonlyArray<string>, two: ReadonlyArray<string>) => one.join() === two.join()

/** Listens for servers until the scope closes; emits their list, and again after each change. */
export const discover = (options: Options) => {
  const payload: Announcement = { port: 1 }
  const listener = StatusPeer.make({ ...common, ...options, payload, listenOnly: true, transport: Broadcast.make() })
  return Effect.map(listener, ({ peers }) => Stream.changesWith(Stream.map(peers.changes, hostsOf), isEqual))
}
