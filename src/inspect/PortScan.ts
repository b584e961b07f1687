/**
 * A scan of the ports of hosts: which are open, closed or filtered, as nmap defines them, and which services they have.
 *
 * A scan connects, or sends datagrams, as any client may; it needs no privileges. It runs on the host's network with
 * `NodePortTest`, and on any `Network`, a simulated one too, with `PortTest.layer`.
 *
 * **Example** (Scanning a simulated host with a filtered port)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Exit from "effect/Exit"
 * import * as Stream from "effect/Stream"
 * import { PortScan, PortTest } from "effect-inet/inspect"
 * import { Network } from "effect-inet/network"
 * import { FaultPlanSyntax, Simulation } from "effect-inet/simulation"
 *
 * const scenario = Effect.fnUntraced(function* ({ host }: Simulation.Simulation) {
 *   const server = yield* host("server")
 *   yield* server.start(Effect.flatMap(Network.Network, (network) => network.listen({ host: "0.0.0.0", port: 80 })))
 *   const scanner = yield* host("scanner")
 *   const events = PortScan.scan({ hosts: [server.address], ports: [22, 80, 81], identify: false })
 *   const found = Stream.runCollect(Stream.filter(events, (event) => event._tag === "Port"))
 *   const ports = yield* scanner.run(Effect.provide(found, PortTest.layer))
 *   return ports.map(({ port, verdict }) => `${port} ${verdict}`).sort()
 * })
 *
 * const plan = FaultPlanSyntax.parseUnsafe("stall *>server:22 kind=syn")
 * const { exit } = await Effect.runPromise(Simulation.run(scenario, { plan }))
 * exit // => Exit.succeed(["22 filtered", "80 open", "81 closed"])
 * ```
 *
 * A scan knows common services. A probe adds another one, also of this package: its request, and the recognition of
 * the reply, which must not accept the request itself.
 *
 * **Example** (Recognizing a service of one's own)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Exit from "effect/Exit"
 * import * as Stream from "effect/Stream"
 * import { PortScan, PortTest } from "effect-inet/inspect"
 * import { Rot13Server } from "effect-inet/rot13"
 * import { Simulation } from "effect-inet/simulation"
 *
 * const rot13: PortScan.ServiceProbe = {
 *   service: "rot13",
 *   transport: "tcp",
 *   ports: [1067],
 *   request: new TextEncoder().encode("Hello\n"),
 *   identify: (reply) => (new TextDecoder().decode(reply) === "Uryyb\n" ? { service: "rot13" } : undefined)
 * }
 *
 * const scenario = Effect.fnUntraced(function* ({ host }: Simulation.Simulation) {
 *   const server = yield* host("server")
 *   yield* server.start(Rot13Server.make({ host: "0.0.0.0", port: 2067 }))
 *   const scanner = yield* host("scanner")
 *   const events = PortScan.scan({ hosts: [server.address], ports: [2067], probes: [rot13] })
 *   const found = Stream.runCollect(Stream.filter(events, (event) => event._tag === "Port"))
 *   const ports = yield* scanner.run(Effect.provide(found, PortTest.layer))
 *   return ports.map(({ identity, port }) => `${port} ${identity?.service}`)
 * })
 *
 * const { exit } = await Effect.runPromise(Simulation.run(scenario))
 * exit // => Exit.succeed(["2067 rot13"])
 * ```
 */
import type * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type { Network } from "../network/Network.ts"
import * as Identifier from "./scan/Identifier.ts"
import * as PortOrder from "./scan/PortOrder.ts"
import * as PortTest from "./scan/PortTest.ts"
import * as ScanMachine from "./scan/ScanMachine.ts"
import * as ScanRun from "./scan/ScanRun.ts"
import type { Identity, ServiceProbe } from "./scan/ServiceProbe.ts"
import * as ServiceProbes from "./scan/ServiceProbes.ts"

export type { Identity, ServiceProbe } from "./scan/ServiceProbe.ts"

/**
 * State of a port, as nmap names it.
 *
 * `open`: connected, or a datagram came back. `closed`: refused. `filtered`: no answer to repeated tests, an ICMP
 * error, or a test that this host did not send (reason `notPermitted`). `open|filtered`: no answer over UDP.
 *
 * @category models
 * @since 0.1.0
 */
export type Verdict = ScanMachine.Verdict

/** Reason of a verdict: the outcome of its test, or `noAnswer`. @category models @since 0.1.0 */
export type Reason = ScanMachine.Reason

/** A scanned port. @category models @since 0.1.0 */
export interface PortResult {
  readonly _tag: "Port"
  readonly address: string
  readonly port: number
  readonly transport: PortTest.Transport
  readonly verdict: Verdict
  readonly reason: Reason
  /** The service as it proved to be; undefined if it was not identified. */
  readonly identity: Identity | undefined
}

/** The end of the scan of a host, with its ports by verdict. @category models @since 0.1.0 */
export interface HostResult {
  readonly _tag: "Host"
  readonly address: string
  readonly counts: Readonly<Record<Verdict, number>>
}

/** Progress, after each batch of verdicts. @category models @since 0.1.0 */
export interface Progress {
  readonly _tag: "Progress"
  /** Part that is done, from 0 to 1. */
  readonly fraction: number
}

/** Event of a scan. @category models @since 0.1.0 */
export type ScanEvent = PortResult | HostResult | Progress

/** Options of a scan. @category models @since 0.1.0 */
export interface Options {
  /** IP literals, 65,536 at most; each is scanned once. */
  readonly hosts: ReadonlyArray<string>
  /** Ports, 1 to 65535; each has one result. They are tested in random order. */
  readonly ports: ReadonlyArray<number>
  /** Default `tcp`. */
  readonly transport?: PortTest.Transport | undefined
  /** The most tests at a time. Default: as many as this host has descriptors for, 4,096 at most. */
  readonly concurrency?: number | undefined
  /** The most tests a second. Default: as many as the hosts answer. */
  readonly testsPerSecond?: number | undefined
  /** The longest time to wait for an answer to one test. Default 2 seconds. */
  readonly timeout?: Duration.Input | undefined
  /** The most tests of a port after the first one. Default 10; a silent port of a host that loses no answer has 2. */
  readonly retries?: number | undefined
  /** Identifies the services of open ports. Default true. */
  readonly identify?: boolean | undefined
  /**
   * Probes besides those of common services: a scan by a program knows no other, nor those of this package. Default
   * none.
   */
  readonly probes?: ReadonlyArray<ServiceProbe> | undefined
}

/** Reason: an address that is not an IP literal. @category errors @since 0.1.0 */
export class InvalidAddress extends Data.TaggedClass("InvalidAddress")<{ readonly address: string }> {
  get message(): string {
    return `invalid address ${JSON.stringify(this.address)}: give an IP literal, such as 127.0.0.1 or ::1`
  }
}

/** Reason: an option outside its limits. @category errors @since 0.1.0 */
export class InvalidOption extends Data.TaggedClass("InvalidOption")<{
  readonly option: string
  readonly value: number
  readonly expected: string
}> {
  get message(): string {
    return `invalid ${this.option} ${this.value}: must be ${this.expected}`
  }
}

/** Reason: this host had no descriptor or local port for a test, for seconds. @category errors @since 0.1.0 */
export class NoResource extends Data.TaggedClass("NoResource")<{}> {
  get message(): string {
    return "scan failed: no file descriptor or local port left on this host; raise the limit with ulimit -n, or lower the concurrency"
  }
}

/** Failure of a scan. @category errors @since 0.1.0 */
export class PortScanError extends Data.TaggedError("PortScanError")<{
  readonly reason: InvalidAddress | InvalidOption | NoResource
}> {
  override get message(): string {
    return this.reason.message
  }
}

/** Ports that are identified at a time. */
const maxIdentifications = 24

/** Ports of a scan at most in which all silent UDP ports are identified, and not only those of a known service. */
const maxSilentIdentifications = maxIdentifications

/** Events that wait for a slow consumer; the scan then waits, too. */
const maxQueuedEvents = 1_024

const defaultRetries = 10
const defaultTimeout: Duration.Input = "2 seconds"

const isInteger = (value: number, minimum: number, maximum: number) =>
  Number.isInteger(value) && value >= minimum && value <= maximum

const findProblem = (options: Options): PortScanError["reason"] | undefined => {
  const { concurrency = 1, hosts, ports, retries = defaultRetries, testsPerSecond = 1 } = options
  const address = hosts.find((host) => !PortTest.isAddress(host))
  if (address !== undefined) return new InvalidAddress({ address })
  const port = ports.find((one) => !isInteger(one, 1, 65_535))
  if (port !== undefined) return new InvalidOption({ option: "port", value: port, expected: "from 1 to 65535" })
  const limits: ReadonlyArray<readonly [option: string, value: number, isValid: boolean, expected: string]> = [
    ["number of hosts", hosts.length, hosts.length <= ScanMachine.maxHosts, `${ScanMachine.maxHosts} at most`],
    ["concurrency", concurrency, isInteger(concurrency, 1, 65_535), "a whole number from 1 to 65535"],
    ["retries", retries, isInteger(retries, 0, 100), "a whole number from 0 to 100"],
    ["tests per second", testsPerSecond, testsPerSecond > 0, "above 0"]
  ]
  const broken = limits.find(([, , isValid]) => !isValid)
  return broken && new InvalidOption({ option: broken[0], value: broken[1], expected: broken[3] })
}

const machineOptions = (options: Options, maxConcurrency: number, seed: number): ScanMachine.Options => {
  const isIdentifying = options.identify ?? true
  // The identification of services takes descriptors, too.
  const available = Math.max(1, maxConcurrency - (isIdentifying ? maxIdentifications : 0))
  return {
    transport: options.transport ?? "tcp",
    hosts: [...new Set(options.hosts)],
    ports: PortOrder.shuffle([...new Set(options.ports)], seed),
    concurrency: Math.min(options.concurrency ?? available, available),
    testsPerSecond: options.testsPerSecond,
    maxTimeoutMillis: Math.max(1, Duration.toMillis(Duration.fromInputUnsafe(options.timeout ?? defaultTimeout))),
    retries: options.retries ?? defaultRetries
  }
}

type EventQueue = Queue.Queue<ScanEvent, PortScanError | Cause.Done>

const emptyCounts = (): Record<Verdict, number> => ({ open: 0, closed: 0, filtered: 0, "open|filtered": 0 })

/** Creates the function that passes a result on, and the end of its host after its last port. */
const makeReporter = (queue: EventQueue, { hosts, ports }: ScanMachine.Options) => {
  const counts = hosts.map(emptyCounts)
  const reported = hosts.map(() => 0)
  return Effect.fnUntraced(function* (hostIndex: number, result: PortResult) {
    const own = counts[hostIndex]!
    own[result.verdict]++
    reported[hostIndex]!++
    yield* Queue.offer(queue, result)
    if (reported[hostIndex] === ports.length) {
      yield* Queue.offer(queue, { _tag: "Host", address: result.address, counts: own })
    }
  })
}

const runInto = (options: Options) =>
  Effect.fnUntraced(function* (queue: EventQueue) {
    const problem = findProblem(options)
    if (problem !== undefined) return yield* new PortScanError({ reason: problem })
    const { maxConcurrency } = yield* PortTest.PortTest
    const machine = machineOptions(options, maxConcurrency(), yield* Random.nextInt)
    const { hosts, transport } = machine
    const { identify = true } = options
    const probes = [...ServiceProbes.common, ...(options.probes ?? [])]
    const report = makeReporter(queue, machine)
    const permits = yield* Semaphore.make(maxIdentifications)
    const identifications = yield* FiberSet.make<void>()
    const isSmall = hosts.length * machine.ports.length <= maxSilentIdentifications
    const mayAskSilent = (port: number) => isSmall || Identifier.hasUdpProbe(probes, port)
    const mayIdentify = ({ port, verdict }: ScanMachine.PortVerdict) =>
      identify && (verdict === "open" || (verdict === "open|filtered" && mayAskSilent(port)))
    const identified = Effect.fnUntraced(function* (hostIndex: number, result: PortResult) {
      const { address, port } = result
      const identity = yield* Identifier.identify({ address, port, transport }, probes, Identifier.defaultLimits)
      // A service that answers its own protocol only is open, although it did not answer the scan.
      const proved = identity !== undefined && result.verdict === "open|filtered"
      yield* report(hostIndex, {
        ...result,
        ...(proved ? { verdict: "open", reason: "replied" } : {}),
        identity
      })
    })
    yield* ScanRun.run(
      machine,
      Effect.fnUntraced(function* (verdicts, state) {
        for (const found of verdicts) {
          const { hostIndex, port, reason, verdict } = found
          const address = hosts[hostIndex]!
          const result: PortResult = {
            _tag: "Port",
            address,
            port,
            transport,
            verdict,
            reason,
            identity: undefined
          }
          if (mayIdentify(found)) {
            yield* FiberSet.run(identifications, permits.withPermits(1)(identified(hostIndex, result)))
          } else yield* report(hostIndex, result)
        }
        yield* Queue.offer(queue, { _tag: "Progress", fraction: ScanMachine.fractionDone(state) })
      })
    ).pipe(Effect.mapError(() => new PortScanError({ reason: new NoResource() })))
    yield* FiberSet.awaitEmpty(identifications)
    yield* Queue.end(queue)
  })

/**
 * Scans ports. The stream has each port once, each host after its last port, and the progress; it fails if an option is
 * invalid, or this host runs out of descriptors.
 *
 * @category scanning
 * @since 0.1.0
 */
export const scan = (options: Options): Stream.Stream<ScanEvent, PortScanError, PortTest.PortTest | Network> =>
  Stream.callback<ScanEvent, PortScanError, PortTest.PortTest | Network>(
    (queue) => Effect.catch(runInto(options)(queue), (error) => Queue.fail(queue, error)),
    { bufferSize: maxQueuedEvents, strategy: "suspend" }
  )
