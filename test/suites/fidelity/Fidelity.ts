/**
 * Behaviours of the network as programs with plain results, which must be the same on the host's network and on the
 * simulated one.
 *
 * A scenario is a file in a folder below this one, such as `udp/bind/twice.ts`, that exports `scenario`. Its result is
 * a JSON value without ports: those differ from run to run.
 */
import * as Fs from "node:fs"
import * as Os from "node:os"
import { isDeepStrictEqual } from "node:util"
import type * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import { Network, type NetworkError } from "../../../src/network/Network.ts"
import * as NodeNetwork from "../../../src/network/node/NodeNetwork.ts"
import * as Simulation from "../../../src/simulation/Simulation.ts"

/** A plain value. */
export type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [key: string]: Json }

/** A host of a scenario. */
export interface Host {
  readonly network: Network["Service"]
  /** IPv4 address, which is `127.0.0.1` in a scenario with one host. In results it is replaced by `name`. */
  readonly address: string
  readonly name: "a" | "b"
}

/** Two hosts that reach each other, or the same host twice. */
export interface Hosts {
  readonly a: Host
  readonly b: Host
  /** Waits until everything sent so far has arrived or is lost, and the programs have seen it. */
  readonly settle: Effect.Effect<void>
}

/** A behaviour of the network. */
export interface Scenario {
  /** Name of the test: the operation and its result. */
  readonly name: string
  /**
   * Hosts of the scenario. `one` uses 127.0.0.0/8 and `::1`. `two` are hosts of a LAN, or 127.0.0.1 and 127.0.0.2.
   * Default `one`.
   */
  readonly hosts?: "one" | "two" | undefined
  /** Features without which the scenario is skipped on the host's network. */
  readonly needs?: ReadonlyArray<keyof typeof features> | undefined
  readonly run: (hosts: Hosts) => Effect.Effect<Json, NetworkError | Cause.Done | Cause.TimeoutError, Scope.Scope>
  /** The result on Linux. */
  readonly expected: Json
  /** Set if the simulated network does not do as Linux does; then the results must differ. */
  readonly notModelled?: NotModelled | undefined
}

/** A behaviour that the simulated network does not have, for the table in the guide. */
interface NotModelled {
  readonly behaviour: string
  readonly linux: string
  readonly simulation: string
  /** The result on the simulated network. */
  readonly result: Json
}

const hasAddress = (table: string, pattern: RegExp) => {
  try {
    return pattern.test(Fs.readFileSync(table, "utf8"))
  } catch {
    return false
  }
}

/** Features that a host may lack, each with a test for it. */
const features = {
  ipv6: () => hasAddress("/proc/net/if_inet6", /^0{31}1 /m),
  /** The loopback interface is usable for multicast in every Linux; a container may have no table of groups. */
  multicast: () => hasAddress("/proc/net/igmp", /lo/),
  /** An interface besides loopback, with an IPv4 address. */
  lan: () =>
    Object.values(Os.networkInterfaces()).some((all) =>
      all?.some(({ cidr, family, internal }) => family === "IPv4" && !internal && !cidr?.endsWith("/32"))
    )
}

/** Returns the features that this host lacks for a scenario, such as `Linux`. */
export const missing = ({ needs = [] }: Scenario): ReadonlyArray<string> =>
  process.platform === "linux" ? needs.filter((name) => !features[name]()) : ["Linux"]

/** Failure of a scenario: it did not return a result. */
class ScenarioError extends Data.TaggedError("ScenarioError")<{ readonly message: string }> {}

/** Sends a datagram from a socket to itself, and waits for it: all that was sent before has arrived then. */
const roundTrip = Effect.fnUntraced(function* (network: Network["Service"]) {
  const arrived = yield* Deferred.make<void>()
  const socket = yield* network.udp({}, () => Deferred.doneUnsafe(arrived, Exit.void))
  yield* socket.send(new Uint8Array(1), { address: "127.0.0.1", port: socket.local.port })
  yield* Deferred.await(arrived)
}, Effect.scoped)

/** One turn of the event loop, in which sockets are polled. */
const turn = Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))

/** Waits for events of the kernel: three rounds, because a reply may cause another packet. */
const settleKernel = (network: Network["Service"]) =>
  Effect.gen(function* () {
    for (let round = 0; round < 3; round++) {
      yield* Effect.ignore(roundTrip(network))
      for (let turns = 0; turns < 5; turns++) yield* turn
    }
  })

/** Replaces the addresses of the hosts by their names. */
const named = (result: Json, { hosts = "one" }: Scenario, { a, b }: Hosts): Json => {
  if (hosts === "one") return result
  const text = JSON.stringify(result).replaceAll(new RegExp(`${a.address}(?!\\d)`, "g"), "a")
  return JSON.parse(text.replaceAll(new RegExp(`${b.address}(?!\\d)`, "g"), "b"))
}

/** Runs a scenario on the host's network. */
export const runOnLinux = (scenario: Scenario): Effect.Effect<Json, unknown> =>
  Effect.gen(function* () {
    const network = yield* Network
    const a: Host = { network, address: "127.0.0.1", name: "a" }
    const b: Host = scenario.hosts === "two" ? { network, address: "127.0.0.2", name: "b" } : a
    const hosts: Hosts = { a, b, settle: settleKernel(network) }
    return named(yield* scenario.run(hosts), scenario, hosts)
  }).pipe(Effect.scoped, Effect.timeout("60 seconds"), Effect.provide(NodeNetwork.layer))

/** Runs a scenario on the simulated network. */
export const runSimulated = Effect.fnUntraced(function* (scenario: Scenario) {
  const report = yield* Simulation.run(
    Effect.fnUntraced(function* (simulation) {
      const add = Effect.fnUntraced(function* (name: "a" | "b", address?: string) {
        const host = yield* simulation.host(name)
        const network = yield* Effect.provide(Network, host.layer)
        return { network, address: address ?? host.address, name } satisfies Host
      })
      const isTwo = scenario.hosts === "two"
      const a = yield* add("a", isTwo ? undefined : "127.0.0.1")
      const b = isTwo ? yield* add("b") : a
      const hosts: Hosts = { a, b, settle: Effect.sleep("10 millis") }
      return named(yield* scenario.run(hosts), scenario, hosts)
    })
  )
  if (report.outcome !== "done") return yield* new ScenarioError({ message: `the run ended by a ${report.outcome}` })
  if (Exit.isFailure(report.exit)) return yield* Effect.failCause(report.exit.cause)
  if (report.leaked.sockets > 0) return yield* new ScenarioError({ message: `${report.leaked.sockets} sockets leaked` })
  return report.exit.value
})

/** Returns all scenarios with their paths, such as `udp/bind/twice`. */
export const load = async (): Promise<ReadonlyArray<readonly [path: string, scenario: Scenario]>> => {
  const folder = new URL("./", import.meta.url)
  const paths = Fs.readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts") && path.includes("/"))
    .sort()
  return Promise.all(
    paths.map(async (path) => {
      const module: { readonly scenario?: Scenario } = await import(new URL(path, folder).href)
      if (module.scenario === undefined) throw new Error(`${path} exports no scenario; move helpers out of its folder`)
      return [path.slice(0, -".ts".length), module.scenario] as const
    })
  )
}

/** Returns true if two results are equal. */
export const isEqual = (one: Json, other: Json): boolean => isDeepStrictEqual(one, other)
