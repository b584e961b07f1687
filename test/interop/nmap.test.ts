/**
 * `scan` beside nmap(1): the same verdict for each of 1,024 ports of 20 hosts in a network namespace. Their ports are
 * open, closed, dropped by a rule, or refused with an ICMP error; some hosts limit or lose their answers.
 *
 * On a busy machine a host that limits its answers can exhaust the tries of either program. Ports whose verdicts differ
 * are therefore scanned a second time by both, alone, and must then have the same verdict.
 */
import * as Fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Directory from "../support/Directory.ts"
import * as Namespaces from "../support/network/Namespaces.ts"
import { have, inet } from "../support/Shell.ts"

const noNmap = have("nmap", "unshare", "nsenter", "ip") ? "" : " (skipped: no nmap, unshare, nsenter or ip)"

/** Rules for a destination port, in a namespace whose local addresses are looked up after them. */
const rule = (family: 4 | 6, address: string, ports: string, protocol: string, action: string) =>
  `ip -${family} rule add pref 50 to ${address} ipproto ${protocol} dport ${ports} ${action}`
const localLast = (family: 4 | 6) => [`ip -${family} rule add pref 100 lookup local`, `ip -${family} rule del pref 0`]

const noRules =
  noNmap === ""
    ? Namespaces.reasonToSkip("no rules for ports", ...localLast(4), rule(4, "10.77.0.10", "5-9", "tcp", "blackhole"))
    : ""
const noShaping =
  noNmap === ""
    ? Namespaces.reasonToSkip("no token bucket", "tc qdisc add dev v1 root tbf rate 64kbit burst 2kb latency 10ms")
    : ""
const noIpv6 = noNmap === "" ? Namespaces.reasonToSkip("no IPv6", "ip -6 addr add fd77::10/64 dev v1 nodad") : ""

type Protocol = "tcp" | "udp"

/** A host: its open ports, and its rules. */
interface Host {
  readonly name: string
  readonly open: ReadonlyArray<number>
  readonly rules?: ReadonlyArray<readonly [ports: string, action: "blackhole" | "unreachable" | "prohibit"]>
}

const every = (step: number, from = 1) =>
  Array.from({ length: Math.floor((1_024 - from) / step) + 1 }, (_, index) => from + index * step)

const setups: ReadonlyArray<Host> = [
  { name: "all closed", open: [] },
  { name: "one open", open: [22] },
  { name: "many open", open: every(16) },
  { name: "half dropped", open: [22, 700], rules: [["1-512", "blackhole"]] },
  {
    name: "dropped but one",
    open: [80],
    rules: [
      ["1-79", "blackhole"],
      ["81-1024", "blackhole"]
    ]
  },
  { name: "one dropped", open: [22, 80], rules: [["443-443", "blackhole"]] },
  { name: "unreachable", open: [80], rules: [["100-199", "unreachable"]] },
  { name: "prohibited", open: [80], rules: [["300-420", "prohibit"]] },
  {
    name: "mixed",
    open: every(50),
    rules: [
      ["10-40", "blackhole"],
      ["60-90", "prohibit"],
      ["900-910", "unreachable"]
    ]
  },
  { name: "dropped but closed ones", open: [], rules: [["1-1000", "blackhole"]] }
]

const families = [4, ...(noIpv6 === "" ? [6 as const] : [])] as const

const addressOf = (family: 4 | 6, index: number) => (family === 4 ? `10.77.0.${10 + index}` : `fd77::${10 + index}`)

/** A program that listens on the ports of all hosts, and creates a file when it does. */
const listenerSource = `
const [protocol, file, ...hosts] = process.argv.slice(2)
let waiting = 0
const done = () => { if (--waiting === 0) require("node:fs").writeFileSync(file, "") }
for (const host of hosts) {
  const [address, ports] = host.split("=")
  for (const port of ports.split(",").filter(Boolean)) {
    waiting++
    if (protocol === "udp") {
      const socket = require("node:dgram").createSocket(address.includes(":") ? "udp6" : "udp4")
      socket.on("message", (bytes, from) => socket.send("reply", from.port, from.address))
      socket.bind(Number(port), address, done)
      continue
    }
    require("node:net").createServer((socket) => socket.on("error", () => {})).listen(Number(port), address, done)
  }
}
`

type Verdicts = ReadonlyMap<number, string>

/** Reads the verdicts of one host from nmap's greppable output: ports that are not listed have the ignored state. */
const parseTheirs = (output: string, address: string, ports: ReadonlyArray<number>): Verdicts => {
  const line = output.split("\n").find((one) => one.startsWith(`Host: ${address} (`) && one.includes("Ports: "))
  const listed = new Map(
    [...(line ?? "").matchAll(/(\d+)\/([a-z|]+)\/(?:tcp|udp)\//g)].map(([, port, state]) => [Number(port), state!])
  )
  const ignored = /Ignored State: (\S+) /.exec(line ?? "")?.[1] ?? "not listed"
  return new Map(ports.map((port) => [port, listed.get(port) ?? ignored]))
}

/** Reads the verdicts of one host from our JSON output. */
const parseOurs = (output: string, address: string): Verdicts =>
  new Map(
    output
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { type: string; address: string; port: number; state: string })
      .flatMap((value) => (value.type === "port" && value.address === address ? [[value.port, value.state]] : []))
  )

/** Scanned ports: fewer of UDP, since nmap waits a second for an ICMP error now and then. */
const portCounts = { tcp: 1_024, udp: 128 } as const

/** Shell commands that scan hosts of one family by both programs at once, into two files. */
const scans = (
  protocol: Protocol,
  family: 4 | 6,
  addresses: ReadonlyArray<string>,
  ports: string,
  into: (name: string) => string
) => {
  const nmap = `nmap ${protocol === "tcp" ? "-sT" : "-sU"} -T4 -n -Pn ${family === 6 ? "-6" : ""} -p ${ports} -d -oG ${into(`${family}.nmap`)}`
  const ours = `${inet} scan --remote --no-identify ${protocol === "udp" ? "--udp" : ""} --ports ${ports} --json`
  return [
    `${nmap} ${addresses.join(" ")} > /dev/null & theirs=$!`,
    `${ours} ${addresses.join(" ")} > ${into(`${family}.ours`)}`,
    "wait $theirs"
  ]
}

/** A host with its address. */
interface Placed extends Host {
  readonly family: 4 | 6
  readonly address: string
}

/** Commands that give the server its addresses, rules and listeners. */
const serverCommands = (protocol: Protocol, hosts: ReadonlyArray<Placed>, inRoot: (name: string) => string) => {
  const listeners = hosts.map(({ address, open }) => `${address}=${open.join(",")}`).join(" ")
  const withRules = ([4, 6] as const).filter((family) =>
    hosts.some((host) => host.family === family && host.rules !== undefined)
  )
  return [
    // Otherwise the server sends one ICMP error a second, which makes both programs slow.
    "sysctl -q -w net.ipv4.icmp_ratelimit=0 net.ipv4.icmp_msgs_per_sec=100000 net.ipv4.icmp_msgs_burst=10000 net.ipv6.icmp.ratelimit=0 || true",
    ...hosts.map(({ address, family }) =>
      family === 4 ? `ip addr add ${address}/24 dev v1` : `ip -6 addr add ${address}/64 dev v1 nodad`
    ),
    ...withRules.flatMap(localLast),
    ...hosts.flatMap(({ address, family, rules = [] }) =>
      rules.map(([ports, action]) => rule(family, address, ports, protocol, action))
    ),
    // A listener on loopback keeps it alive where no host has an open port.
    `'${process.execPath}' ${inRoot("listen.cjs")} ${protocol} ${inRoot("ready")} ${listeners} 127.0.0.1=9 & listening=$!`
  ]
}

/** Scans hosts by both programs in a namespace, and fails if they differ twice. */
const compare = Effect.fnUntraced(function* (
  protocol: Protocol,
  hosts: ReadonlyArray<Placed>,
  moreCommands: ReadonlyArray<string> = []
) {
  const { inRoot } = yield* Directory.directory({ "listen.cjs": listenerSource })
  const scanAll = (chosen: ReadonlyArray<Placed>, ports: string) => {
    Fs.rmSync(inRoot("ready"), { force: true })
    const commands = ([4, 6] as const).flatMap((family) => {
      const addresses = chosen.filter((host) => host.family === family).map(({ address }) => address)
      return addresses.length === 0 ? [] : scans(protocol, family, addresses, ports, inRoot)
    })
    const waiting = `while [ ! -e ${inRoot("ready")} ]; do sleep 0.05; done`
    return Namespaces.run(
      [...moreCommands, ...serverCommands(protocol, hosts, inRoot)],
      [waiting, ...commands, "kill $listening"]
    )
  }
  const read = (name: string) => Fs.readFileSync(inRoot(name), "utf8")
  /** Returns the ports of the hosts with different verdicts, and both. */
  const differences = (chosen: ReadonlyArray<Placed>, ports: ReadonlyArray<number>) =>
    chosen.flatMap((host) => {
      const theirs = parseTheirs(read(`${host.family}.nmap`), host.address, ports)
      const ours = parseOurs(read(`${host.family}.ours`), host.address)
      return ports.flatMap((port) =>
        ours.get(port) === theirs.get(port)
          ? []
          : [
              {
                host,
                port,
                difference: `${host.name}, ${host.address} port ${port}: ${ours.get(port)}, nmap ${theirs.get(port)}`
              }
            ]
      )
    })
  const count = portCounts[protocol]
  yield* scanAll(hosts, `1-${count}`)
  const first = differences(hosts, every(1).slice(0, count))
  if (first.length === 0) return
  const again = hosts.filter((host) => first.some((one) => one.host === host))
  const ports = [...new Set(first.map(({ port }) => port))]
  yield* scanAll(again, ports.join(","))
  assert.deepStrictEqual(
    differences(again, ports).map(({ difference }) => difference),
    []
  )
})

describe("scan and nmap", () => {
  const why = noNmap || noRules || noIpv6
  it.live.skipIf(noNmap !== "" || noRules !== "")(
    `have the same verdicts of 1,024 ports of ${families.length * setups.length} hosts${why}`,
    () =>
      compare(
        "tcp",
        families.flatMap((family) =>
          setups.map((host, index) => ({ ...host, family, address: addressOf(family, index) }))
        )
      ).pipe(Effect.scoped),
    600_000
  )

  it.live.skipIf(noNmap !== "" || noShaping !== "")(
    `have the same verdicts of a host that limits its answers${noNmap || noShaping}`,
    () =>
      compare(
        "tcp",
        [{ name: "limited", open: every(100), family: 4, address: addressOf(4, 0) }],
        ["tc qdisc add dev v1 root tbf rate 64kbit burst 2kb latency 10ms"]
      ).pipe(Effect.scoped),
    600_000
  )

  it.live.skipIf(noNmap !== "" || noRules !== "")(
    `have the same verdicts of 128 UDP ports${noNmap || noRules}`,
    () => {
      const host: Host = { name: "udp", open: every(20), rules: [["90-99", "blackhole"]] }
      return Effect.scoped(compare("udp", [{ ...host, family: 4, address: addressOf(4, 0) }]))
    },
    600_000
  )
})
