import * as Net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Cli from "../../../support/Cli.ts"

/** An address of this host that no other test uses. */
const address = "127.0.0.44"

/** Starts a server that greets each client. */
const serve = (greeting: string) =>
  Effect.acquireRelease(
    Effect.callback<Net.Server>((resume) => {
      const server = Net.createServer((socket) => {
        socket.on("error", () => {})
        socket.write(greeting)
      })
      server.listen(0, address, () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => void server.close())
  ).pipe(Effect.map((server) => (server.address() as Net.AddressInfo).port))

const ssh = "SSH-2.0-OpenSSH_9.2p1 Debian/2, x\u001b[31m\r\n"
const safeDetail = "OpenSSH_9.2p1 Debian/2, x\\u001b[31m"

/** Two ports, of which the second one is closed. */
const twoPorts = (port: number) => `${port},${(port % 65_535) + 1}`

/** The lines of nmap's greppable format, as programs parse them. */
const hostLine = /^Host: (\S+) \(([^)]*)\)\t(?:Status: (\w+)|Ports: (.*?)(?:\tIgnored State: (\S+) \((\d+)\))?)$/
const portEntry = /^(\d+)\/(open|closed|filtered|open\|filtered)\/(tcp|udp)\/[^/,]*\/[^/,]*\/[^/,]*\/[^/,]*\/$/

describe("scan", () => {
  it.live("prints the ports of a host, with their services", () =>
    Effect.gen(function* () {
      const port = yield* serve(ssh)
      const { code, stderr, stdout } = yield* Cli.runInProcess(["scan", address, "--ports", twoPorts(port)])
      const [title, head, ...rows] = stdout.split("\n")
      assert.deepStrictEqual([code, stderr, title], [0, "", address])
      assert.match(head!, /^port +state +service +details$/)
      assert.isTrue(
        rows.some((row) => new RegExp(`^${port}/tcp +open +ssh +OpenSSH`).test(row) && row.endsWith(safeDetail))
      )
      assert.match(stdout, /\d+\/tcp +closed/)
      assert.match(rows.at(-2)!, /^scanned 1 host, 2 TCP ports in \d+\.\d\d s$/)
    }).pipe(Effect.scoped)
  )

  it.live("prints only open ports with --open, and the number of the others", () =>
    Effect.gen(function* () {
      const port = yield* serve(ssh)
      const { stdout } = yield* Cli.runInProcess(["scan", address, "--ports", twoPorts(port), "--open"])
      assert.notMatch(stdout, /\/tcp +closed/)
      assert.match(stdout, /^not shown: 1 closed port$/m)
    }).pipe(Effect.scoped)
  )

  it.live("prints a JSON value for each port and each host", () =>
    Effect.gen(function* () {
      const port = yield* serve(ssh)
      const { stdout } = yield* Cli.runInProcess(["scan", address, "--ports", twoPorts(port), "--json"])
      const values = stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Record<string, unknown>)
      assert.strictEqual(values.length, 3)
      const common = { type: "port", address, protocol: "tcp" }
      const open = values.find((value) => value.port === port)
      assert.deepInclude(open, { ...common, state: "open", service: "ssh", identified: true, detail: safeDetail })
      const closed = values.find((value) => value.state === "closed")
      assert.deepInclude(closed, { ...common, reason: "refused", identified: false })
      assert.deepInclude(values.at(-1), { type: "host", address, open: 1, closed: 1, filtered: 0 })
    }).pipe(Effect.scoped)
  )

  it.live("prints nmap's greppable format", () =>
    Effect.gen(function* () {
      const port = yield* serve(ssh)
      const { stdout } = yield* Cli.runInProcess(["scan", address, "--ports", `${port},30-80`, "--greppable"])
      const lines = stdout.trim().split("\n")
      assert.match(lines[0]!, /^# /)
      assert.match(lines.at(-1)!, /^# .* in [\d.]+ s$/)
      const [status, ports] = lines.slice(1, -1).map((line) => hostLine.exec(line))
      assert.deepStrictEqual([status?.[1], status?.[3]], [address, "Up"])
      const entries = ports![4]!.split(", ")
      for (const entry of entries) assert.match(entry, portEntry)
      assert.include(entries[0], `${port}/open/tcp//ssh//OpenSSH_9.2p1 Debian|2; x`)
      assert.deepStrictEqual([ports![5], ports![6]], ["closed", "51"])
    }).pipe(Effect.scoped)
  )

  it.live.each([{ options: [] }, { options: ["--greppable"] }])(
    "prints the hosts in the order given, with $options",
    ({ options }) =>
      Effect.gen(function* () {
        // The first host is slower: its port is open and says nothing for some time.
        const port = yield* serve("")
        const hosts = [address, "127.0.0.43", "127.0.0.42"]
        const { stdout } = yield* Cli.runInProcess(["scan", ...hosts, "--ports", `${port}`, ...options])
        const title = /^(?:Host: )?(127\.0\.0\.\d+)(?: \(\)\tPorts: .*)?$/gm
        assert.deepStrictEqual(
          [...stdout.matchAll(title)].map(([, host]) => host),
          hosts
        )
      }).pipe(Effect.scoped)
  )

  it.live.each([{ faults: [] }, { faults: ["--faults", "delay=0ms"] }])(
    "says that this host may not send to a broadcast address, with $faults",
    ({ faults }) =>
      Effect.gen(function* () {
        const args = ["scan", "127.255.255.255", "--udp", "--ports", "2066", ...faults]
        const { stdout } = yield* Cli.runInProcess(args)
        assert.match(stdout, /^2066\/udp +filtered +status +this host may not send there$/m)
        const json = yield* Cli.runInProcess([...args, "--json"])
        assert.deepInclude(JSON.parse(json.stdout.split("\n")[0]!), {
          state: "filtered",
          reason: "this host may not send there"
        })
      })
  )

  it.live("resolves names, and names the addresses that it does not scan", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* Cli.runInProcess(["scan", "localhost", "--family", "4", "--ports", "1"])
      assert.deepStrictEqual([code, stdout.split("\n")[0]], [0, "localhost (127.0.0.1)"])
    })
  )

  it.live.each([
    [["192.0.2.1"], /^effect-inet: 192\.0\.2\.1 is not an address of this host: scan others with --remote, .*\n$/],
    [["127.0.0.1", "10.0.0.0/8"], /network "10\.0\.0\.0\/8" too large: .* \(limit 4096\)/],
    [["127.0.0.1", "--ports", "1-99999"], /invalid range of ports "1-99999"/],
    [["127.0.0.1", "--ports", "no-such-service"], /invalid port "no-such-service": must be/],
    [["127.0.0.1", "--json", "--greppable"], /--json and --greppable cannot be combined/],
    [["::1", "--family", "4"], /::1 is not IPv4: leave --family out/]
  ] as const)("refuses %j with one line and exit code 2", ([args, expected]) =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* Cli.runInProcess(["scan", ...args])
      assert.match(stderr, expected)
      assert.strictEqual(stderr.trimEnd().split("\n").length, 1)
      assert.deepStrictEqual([code, stdout], [2, ""])
    })
  )
})
