/** Scans of ports beside nmap: all ports of the loopback interface, and ports half of which are filtered. */
import { execFile, spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Effect from "effect/Effect"
import { build } from "../../build-command.ts"
import { BenchError } from "../child.ts"
import type { Benchmark, Comparison, Measure } from "../harness.ts"

const ours = "scan"
const nmap = "nmap -sT -T4"

const description = `Wall time and CPU time of a whole process, with \`ulimit -n 1024\`, in a network namespace of its own:
*closed*: all 65,535 ports of 127.0.0.1, none of them open; *half filtered*: 1,024 ports of a host behind a veth pair, of
which a rule drops 512. nmap runs with \`-sT -T4 -n -Pn\`, ours with \`--no-identify\`, since nmap identifies no services
without \`-sV\`.`

/** The most wall time of a scan of all ports, in that of nmap. */
const maxWallRatio = 1.5

const scenarios = {
  "closed, 65,535 ports": { address: "127.0.0.1", ports: "1-65535", server: [] },
  "half filtered, 1,024 ports": {
    address: "10.77.0.10",
    ports: "1-1024",
    server: [
      "ip addr add 10.77.0.10/24 dev v1",
      "ip rule add pref 100 lookup local",
      "ip rule del pref 0",
      "ip rule add pref 50 to 10.77.0.10 ipproto tcp dport 1-512 blackhole"
    ]
  }
} as const

type Scenario = keyof typeof scenarios

const names = Object.keys(scenarios) as ReadonlyArray<Scenario>

const quantities = ["wall time", "CPU time"] as const

const measureName = (scenario: Scenario, quantity: (typeof quantities)[number]) => `${scenario}: ${quantity}`

const comparisons: ReadonlyArray<Comparison> = names.flatMap((scenario) =>
  quantities.map(
    (quantity): Comparison => ({
      measure: measureName(scenario, quantity),
      peer: nmap,
      ...(quantity === "wall time" ? { bar: { subject: "ratio", comparator: "<=", value: maxWallRatio } } : {})
    })
  )
)

/** Returns a script that runs a command in the namespaces of a scenario, and prints its wall, user and system time. */
const scriptOf = (scenario: Scenario, command: string) => {
  const { server } = scenarios[scenario]
  const link = [
    "unshare -n sleep 1000 & server=$!",
    "trap 'kill $server' EXIT",
    'while [ "$(readlink /proc/$server/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do :; done',
    "ip link add v0 type veth peer name v1 netns $server",
    "ip addr add 10.77.0.1/24 dev v0",
    "ip link set v0 up",
    "nsenter -t $server -n ip link set lo up",
    "nsenter -t $server -n ip link set v1 up",
    ...server.map((one) => `nsenter -t $server -n ${one}`)
  ]
  return [
    "set -e",
    "ip link set lo up",
    ...(server.length === 0 ? [] : link),
    "ulimit -n 1024",
    "TIMEFORMAT='%R %U %S'",
    `time ${command} > /dev/null 2> /dev/null`
  ].join("\n")
}

/** Runs a command in a scenario, and returns its times in milliseconds. */
const timesOf = (scenario: Scenario, command: string) =>
  Effect.callback<{ readonly wall: number; readonly cpu: number }, BenchError>((resume) => {
    const child = execFile("unshare", ["-n", "bash", "-c", scriptOf(scenario, command)], (error, _, stderr) => {
      const times = /^(\d+\.\d+) (\d+\.\d+) (\d+\.\d+)$/m.exec(stderr)?.slice(1).map(Number)
      if (error !== null || times === undefined) {
        const message = `${command}: ${error?.message ?? "no times"}: ${stderr.trim().split("\n")[0] ?? ""}`
        return resume(Effect.fail(new BenchError({ message })))
      }
      const [wall = 0, user = 0, system = 0] = times
      resume(Effect.succeed({ wall: 1_000 * wall, cpu: 1_000 * (user + system) }))
    })
    return Effect.sync(() => void child.kill())
  })

const prepare = Effect.fnUntraced(function* () {
  if (spawnSync("nmap", ["--version"]).status !== 0) return yield* new BenchError({ message: "nmap is not installed" })
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-inet-bench-"))),
    (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true, force: true }))
  )
  // The command reads its version two folders above itself.
  const bundle = Path.join(folder, "package/dist/cli")
  yield* Effect.tryPromise({
    try: () => build(bundle),
    catch: (cause) => new BenchError({ message: `cannot build the package: ${cause}` })
  })
  Fs.copyFileSync(Path.join(import.meta.dirname, "../../../package.json"), Path.join(folder, "package/package.json"))
  const commandOf = (contestant: string, { address, ports }: (typeof scenarios)[Scenario]) =>
    contestant === nmap
      ? `nmap -sT -T4 -n -Pn -p ${ports} ${address}`
      : `'${process.execPath}' '${bundle}/bin.js' scan ${address} --ports ${ports} --remote --no-identify`
  const measures: ReadonlyArray<Measure> = names.flatMap((scenario) =>
    quantities.map(
      (quantity): Measure => ({
        name: measureName(scenario, quantity),
        unit: "ms",
        lowerIsBetter: true,
        sample: (contestant) =>
          Effect.map(timesOf(scenario, commandOf(contestant, scenarios[scenario])), ({ cpu, wall }) =>
            quantity === "wall time" ? wall : cpu
          )
      })
    )
  )
  const version = /Nmap version (\S+)/.exec(spawnSync("nmap", ["--version"], { encoding: "utf8" }).stdout)?.[1]
  return { contestants: [ours, nmap], measures, notes: [`nmap ${version}.`] }
})

export const benchmark: Benchmark = { name: "scan", description, comparisons, prepare }
