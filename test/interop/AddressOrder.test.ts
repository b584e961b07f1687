/** Order of addresses, compared with that of the GNU libc. */

import { execFileSync, spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import { Network } from "../../src/network/Network.ts"
import * as AddressInfo from "../../src/network/names/AddressInfo.ts"
import * as AddressOrder from "../../src/network/names/AddressOrder.ts"
import * as NodeNetwork from "../../src/network/node/NodeNetwork.ts"

const ip = NetAddress.ipFromStringUnsafe
const order = (candidates: ReadonlyArray<AddressOrder.Candidate>, policy: ReadonlyArray<AddressOrder.PolicyRow>) =>
  AddressOrder.sort(candidates, { policy, beyondSubnet: true }).map(({ destination }) =>
    NetAddress.formatIp(destination)
  )

/** Destinations of every scope and label, of which the last two are near this host. */
const pool = [
  "127.0.0.1",
  "127.0.0.7",
  "10.1.2.3",
  "10.1.2.200",
  "10.1.77.1",
  "10.99.0.1",
  "169.254.7.7",
  "172.16.5.5",
  "192.168.9.9",
  "198.51.100.7",
  "203.0.113.9",
  "8.8.8.8",
  "224.0.0.251",
  "0.0.0.0",
  "::1",
  "2001:db8:1::7",
  "2001:db8:1:0:8000::1",
  "2001:db8:2::7",
  "2001:db8:ffff::1",
  "2001:db8:9::1",
  "2a00:1450::5",
  "2002:c633:6401::1",
  "2002:a01:203::1",
  "2001:0:4136::1",
  "fd00::7",
  "fd00::1:0:0:7",
  "fd12:3456::1",
  "fe80::1234",
  "fec0::5",
  "3ffe:831::1",
  "::10.1.2.3",
  "ff02::1",
  "ff05::2",
  "ff0e::3"
]

/** Returns small sets of the pool in pseudorandom order, always the same ones. */
const makeSets = (addresses: ReadonlyArray<string>, count: number): ReadonlyArray<ReadonlyArray<string>> => {
  let state = 20_120_901
  const next = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  return Array.from({ length: count }, () => {
    const rest = [...addresses]
    return Array.from({ length: 2 + next(7) }, () => rest.splice(next(rest.length), 1)[0]!)
  })
}

const gaiConf = (policy: ReadonlyArray<AddressOrder.PolicyRow>) =>
  policy
    .map(({ label, precedence, prefix }) => `label ${prefix} ${label}\nprecedence ${prefix} ${precedence}\n`)
    .join("")

/**
 * Returns the order of getaddrinfo for each set. One process resolves all of them, in a private mount namespace with
 * its own hosts file and gai.conf (without a policy: the built-in table). `prepare` runs before.
 */
const systemOrder = (
  sets: ReadonlyArray<ReadonlyArray<string>>,
  options: {
    readonly policy?: ReadonlyArray<AddressOrder.PolicyRow>
    readonly prepare?: string
    readonly unshare?: string
  }
) => {
  const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "address-order-"))
  try {
    const hosts = sets.flatMap((set, i) => set.map((address) => `${address} set${i}.test`)).join("\n")
    Fs.writeFileSync(Path.join(folder, "hosts"), `${hosts}\n`)
    Fs.writeFileSync(Path.join(folder, "gai.conf"), options.policy === undefined ? "" : gaiConf(options.policy))
    const script = [
      "set -e",
      `mount --bind ${folder}/hosts /etc/hosts`,
      `mount --bind ${folder}/gai.conf /etc/gai.conf`,
      options.prepare ?? "",
      `getent -A -s files ahosts ${sets.map((_, i) => `set${i}.test`).join(" ")}`
    ].join("\n")
    const output = execFileSync("unshare", [options.unshare ?? "-m", "sh", "-c", script], { encoding: "utf8" })
    const [routes = "", answers = ""] = output.includes("--\n") ? output.split("--\n") : ["", output]
    const found: Array<Array<string>> = []
    // An address has three lines, one for each socket type; the first line of a name has the name.
    for (const line of answers.trim().split("\n")) {
      const [address, socktype, name] = line.split(/\s+/)
      if (name !== undefined && name !== "") found.push([])
      if (socktype === "STREAM") found.at(-1)!.push(NetAddress.formatIp(ip(address!)))
    }
    return { routes: routes.trim().split("\n"), found }
  } finally {
    Fs.rmSync(folder, { recursive: true })
  }
}

const works = (command: string, args: ReadonlyArray<string>) => spawnSync(command, [...args]).status === 0
const missing = !works("unshare", ["-m", "mount", "--bind", "/tmp", "/tmp"])
  ? " (skipped: no right to a mount namespace)"
  : !/glibc|gnu libc/i.test(String(spawnSync("getent", ["--version"]).stdout))
    ? " (skipped: no getent of the GNU libc)"
    : !Fs.existsSync("/etc/gai.conf")
      ? " (skipped: no /etc/gai.conf to cover)"
      : ""
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
        assert.deepStrictEqual(ours, systemOrder(sets, { ...(installed && { policy: installed }) }).found)
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
