/** Order of addresses, compared with that of the GNU libc. */

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import { Network } from "../../src/network/Network.ts"
import * as AddressInfo from "../../src/network/names/AddressInfo.ts"
import * as AddressOrder from "../../src/network/names/AddressOrder.ts"
import * as NodeNetwork from "../../src/network/node/NodeNetwork.ts"
import { makeSets, missing, pool, systemOrder, works } from "../support/SystemOrder.ts"

const ip = NetAddress.ipFromStringUnsafe
const order = (candidates: ReadonlyArray<AddressOrder.Candidate>, policy: ReadonlyArray<AddressOrder.PolicyRow>) =>
  AddressOrder.sort(candidates, { policy, beyondSubnet: true }).map(({ destination }) =>
    NetAddress.formatIp(destination)
  )

const gaiConf = (policy: ReadonlyArray<AddressOrder.PolicyRow>) =>
  policy
    .map(({ label, precedence, prefix }) => `label ${prefix} ${label}\nprecedence ${prefix} ${precedence}\n`)
    .join("")

const noNamespace =
  missing ||
  (works("unshare", ["-mn", "ip", "link", "add", "v0", "type", "veth"])
    ? ""
    : " (skipped: no veth in a network namespace)")

/** Addresses of the host in a network namespace, each with the length of its prefix. */
const hostAddresses: ReadonlyArray<readonly [string, number]> = [
  ["127.0.0.1", 8],
  ["::1", 128],
  ["10.1.2.5", 24],
  ["2001:db8:1::5", 64],
  ["2001:db8:9::5", 64],
  ["2002:c633:6401::5", 64],
  ["fd00::5", 64]
]
const deprecated = "2001:db8:9::5"

const prepare = (addresses: ReadonlyArray<string>) =>
  [
    "ip link set lo up",
    "ip link add v0 type veth peer name v1",
    "ip link set v0 addrgenmode none up",
    "ip link set v1 addrgenmode none up",
    ...hostAddresses
      .slice(2)
      .map(([address, length]) => `ip addr add ${address}/${length} dev v0${address.includes(":") ? " nodad" : ""}`),
    `ip addr change ${deprecated}/64 dev v0 nodad preferred_lft 0`,
    "ip route add default dev v0",
    "ip -6 route add default dev v0",
    `ip -6 route add 2a00::/16 dev v0 src ${deprecated}`,
    "ip -6 route add unreachable 3ffe::/16",
    ...addresses.map((address) => `ip -o route get ${address} 2>/dev/null || echo unreachable`),
    "echo --"
  ].join("\n")

const tables = [
  ["its built-in table", undefined, AddressOrder.glibc],
  ["the table of RFC 6724", AddressOrder.rfc6724, AddressOrder.rfc6724]
] as const

describe("AddressOrder.sort", () => {
  for (const [which, installed, policy] of tables) {
    it.live.skipIf(missing !== "")(`returns the order of getaddrinfo on this host, with ${which}${missing}`, () =>
      Effect.gen(function* () {
        const interfaces = yield* (yield* Network).interfaces
        const near = interfaces
          .filter(({ loopback }) => !loopback)
          .map(({ address }) => NetAddress.formatIp(address.address))
        const sets = makeSets([...new Set([...pool, ...near])], 60)
        const all = [...new Set(sets.flat())].map((address) => NetAddress.inetAddressFromIpStringUnsafe(address, 0))
        const known = new Map(
          (yield* AddressInfo.candidates(all)).map((each) => [NetAddress.formatIp(each.destination), each])
        )
        const candidates = sets.map((set) => set.map((address) => known.get(NetAddress.formatIp(ip(address)))!))
        const ours = candidates.map((each) => order(each, policy))
        assert.deepStrictEqual(ours, systemOrder(sets, { ...(installed && { gaiConf: gaiConf(installed) }) }).found)
      }).pipe(Effect.provide(NodeNetwork.layer))
    )
  }

  it.skipIf(noNamespace !== "")(`returns the order of getaddrinfo on a host with many addresses${noNamespace}`, () => {
    const far = new Set(["0.0.0.0", ...pool.filter((address) => /^f[ef]/.test(address) && !address.startsWith("fec0"))])
    const addresses = pool.filter((address) => !far.has(address))
    const sets = makeSets(addresses, 60)
    const { found, routes } = systemOrder(sets, { unshare: "-mn", prepare: prepare(addresses) })
    const known = new Map(
      addresses.map((address, i) => {
        const source = / src (\S+)/.exec(routes[i]!)?.[1]
        const prefixLength = hostAddresses.find(([own]) => own === source)?.[1]
        const candidate: AddressOrder.Candidate = {
          destination: ip(address),
          source: source === undefined ? undefined : ip(source),
          prefixLength,
          deprecated: source === deprecated
        }
        return [address, candidate] as const
      })
    )
    // Each address of this host must be the source for a destination, or the test covers less than intended.
    const used = new Set([...known.values()].map(({ source }) => String(source)))
    for (const [own] of hostAddresses) assert.isTrue(used.has(own), own)
    const candidates = sets.map((set) => set.map((address) => known.get(address)!))
    assert.deepStrictEqual(
      candidates.map((each) => order(each, AddressOrder.glibc)),
      found
    )
  })
})
