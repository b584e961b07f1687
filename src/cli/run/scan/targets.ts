/** The hosts and ports of a scan, and the check that the hosts may be scanned. */
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as HostRange from "../../../inspect/scan/HostRange.ts"
import * as PortList from "../../../inspect/scan/PortList.ts"
import type { Transport } from "../../../inspect/scan/PortTest.ts"
import * as Endpoint from "../../../network/Endpoint.ts"
import { Network } from "../../../network/Network.ts"
import * as AddressInfo from "../../../network/names/AddressInfo.ts"
import { ServiceNames } from "../../../network/names/ServiceNames.ts"
import { alternativePorts, packageServices } from "../../../network/names/WellKnownServices.ts"
import * as TerminalText from "../../../network/TerminalText.ts"
import { UsageError } from "../../common/CliErrors.ts"

/** A host to scan. */
export interface Target {
  readonly address: string
  /** The name by which it was given; "" for an address. */
  readonly name: string
  /** Addresses of the name that are not scanned. */
  readonly otherAddresses: ReadonlyArray<string>
}

/** Addresses of one scan, at most. */
const maxTargets = 65_536

const usage = (message: string) => new UsageError({ message })

/** Looks a name up. The first address is scanned, as a client would connect to it. */
const resolve = Effect.fnUntraced(function* (name: string, family: 4 | 6 | undefined) {
  const found = yield* AddressInfo.getaddrinfo(name, undefined, { family, socktype: "stream" })
  const [address, ...otherAddresses] = [...new Set(found.map((info) => NetAddress.formatHost(info.address)))]
  const target: Target = { address: address!, name, otherAddresses }
  return [target]
})

const familyOf = (address: string) => (Endpoint.familyOf(Endpoint.withoutZone(address)) === "IPv6" ? 6 : 4)

const targetsOf = Effect.fnUntraced(function* (host: string, family: 4 | 6 | undefined) {
  const range = yield* Effect.mapError(Effect.fromResult(HostRange.parse(host)), usage)
  if (range._tag === "Name") return yield* resolve(range.name, family)
  const other = range.addresses.find((address) => family !== undefined && familyOf(address) !== family)
  if (other !== undefined) return yield* usage(`${TerminalText.escape(host)} is not IPv${family}: leave --family out`)
  return range.addresses.map((address): Target => ({ address, name: "", otherAddresses: [] }))
})

/** Returns the hosts, each address once. */
export const find = Effect.fnUntraced(function* (hosts: ReadonlyArray<string>, family: 4 | 6 | undefined) {
  const targets = new Map<string, Target>()
  for (const host of hosts) {
    for (const target of yield* targetsOf(host, family)) {
      if (!targets.has(target.address)) targets.set(target.address, target)
    }
    if (targets.size > maxTargets) return yield* usage(`too many hosts: more than ${maxTargets}; scan fewer at a time`)
  }
  return [...targets.values()]
})

/** Returns the address without its zone, in canonical form, to compare it. */
const plain = (address: string) => Endpoint.canonical(Endpoint.withoutZone(address))

/** Returns the first address that is not of this host; undefined if all are. */
export const findRemote = Effect.fnUntraced(function* (targets: ReadonlyArray<Target>) {
  const interfaces = yield* (yield* Network).interfaces
  const own = new Set(interfaces.map(({ address }) => plain(NetAddress.formatIp(address.address))))
  return targets.find(({ address }) => !Endpoint.isLoopback(plain(address)) && !own.has(plain(address)))
})

/** Ports of a scan that names none. */
const defaultPorts = (transport: Transport) =>
  [
    "1-1024",
    ...[...packageServices, ...alternativePorts]
      .filter(({ protocol }) => protocol === transport)
      .map(({ port }) => port)
  ].join(",")

/** Returns the ports of `--ports`. */
export const findPorts = Effect.fnUntraced(function* (text: string | undefined, transport: Transport) {
  const names = yield* ServiceNames
  const portOf = (name: string) =>
    Option.getOrUndefined(Option.map(names.getservbyname(name, transport), ({ port }) => port))
  const parsed = PortList.parse(text ?? defaultPorts(transport), transport, portOf)
  return Result.isSuccess(parsed) ? parsed.success : yield* usage(parsed.failure)
})
