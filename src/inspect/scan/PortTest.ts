/**
 * Tests of single ports, on which a scan is built: a connection for TCP, a datagram for UDP.
 *
 * `layer` tests over a `Network`, so that a scan runs on a simulated one, too. `NodePortTest` opens sockets of the host
 * at less cost, for scans of many ports.
 *
 * **Example** (Testing a port of a simulated host)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Exit from "effect/Exit"
 * import { PortTest } from "effect-inet/inspect"
 * import { Network } from "effect-inet/network"
 * import { Simulation } from "effect-inet/simulation"
 *
 * const scenario = Effect.fnUntraced(function* ({ host }: Simulation.Simulation) {
 *   const server = yield* host("server")
 *   yield* server.start(Effect.flatMap(Network.Network, (network) => network.listen({ host: "0.0.0.0", port: 80 })))
 *   const scanner = yield* host("scanner")
 *   const answers: Array<PortTest.Answer> = []
 *   yield* scanner.run(
 *     Effect.gen(function* () {
 *       const tests = yield* (yield* PortTest.PortTest).open("tcp", (more) => answers.push(...more), 1)
 *       tests.start([{ id: 1, address: server.address, port: 80 }])
 *       yield* Effect.sleep("1 second")
 *     }).pipe(Effect.scoped, Effect.provide(PortTest.layer))
 *   )
 *   return answers
 * })
 *
 * const report = await Effect.runPromise(Simulation.run(scenario))
 * report.exit // => Exit.succeed([{ id: 1, outcome: "accepted" }])
 * ```
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberMap from "effect/FiberMap"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Endpoint from "../../network/Endpoint.ts"
import { Network, type NetworkError, type Reason } from "../../network/Network.ts"
import * as UdpRequest from "./UdpRequest.ts"

/** Transport protocol of a scan. @category models @since 0.1.0 */
export type Transport = "tcp" | "udp"

/** One test of a port. @category models @since 0.1.0 */
export interface Probe {
  /** Number that the answer repeats. */
  readonly id: number
  /** IP literal; one of IPv6 may have a zone. */
  readonly address: string
  readonly port: number
}

/**
 * Result of a test that was answered.
 *
 * - `accepted`: the connection was accepted.
 * - `replied`: a datagram came back.
 * - `refused`: RST, or ICMP port unreachable.
 * - `hostUnreachable`, `netUnreachable`, `prohibited`: another ICMP error, or no route of this host.
 * - `notPermitted`: this host refuses to send there: a broadcast address, or a rule of its own. The port got nothing.
 * - `noResource`: this host has no descriptor or local port for the test at the moment.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome =
  | "accepted"
  | "replied"
  | "refused"
  | "hostUnreachable"
  | "netUnreachable"
  | "prohibited"
  | "notPermitted"
  | "noResource"

/** Answer to a test. @category models @since 0.1.0 */
export interface Answer {
  readonly id: number
  readonly outcome: Outcome
  /** Time from the test to its answer, where the test measures it. Default: as the scan sees it. */
  readonly rttMillis?: number | undefined
}

/** Tests that run. All of its functions return at once. @category models @since 0.1.0 */
export interface Tests {
  /** Starts tests. Each one is answered at most once, and never before this returns. */
  readonly start: (probes: ReadonlyArray<Probe>) => void
  /** Ends tests without an answer. */
  readonly cancel: (ids: ReadonlyArray<number>) => void
  /**
   * Waits until every answer that has reached this host was passed on, so that a busy host does not count as a silent
   * one.
   */
  readonly settle: Effect.Effect<void>
}

/** Opens tests of ports. @category services @since 0.1.0 */
export class PortTest extends Context.Service<
  PortTest,
  {
    /**
     * Opens tests until the scope closes. `onAnswers` runs for each batch of answers; `expectedTests` is the number of
     * tests that will be started.
     */
    readonly open: (
      transport: Transport,
      onAnswers: (answers: ReadonlyArray<Answer>) => void,
      expectedTests: number
    ) => Effect.Effect<Tests, never, Scope.Scope>
    /** The most tests that this host can run at a time. */
    readonly maxConcurrency: () => number
  }
>()("effect-inet/inspect/PortTest") {}

const outcomes: { readonly [R in Reason]?: Outcome } = {
  Refused: "refused",
  Reset: "accepted",
  Unreachable: "hostUnreachable",
  PermissionDenied: "prohibited",
  NoDescriptors: "noResource",
  AddressInUse: "noResource",
  AddressNotAvailable: "noResource"
}

/** Returns the outcome of a failed test; undefined if it was not answered. */
const outcomeOf = ({ reason }: NetworkError): Outcome | undefined => outcomes[reason]

/** Returns the outcome of a test that this host could not send. */
const localOutcomeOf = (error: NetworkError): Outcome | undefined =>
  error.reason === "PermissionDenied" ? "notPermitted" : outcomeOf(error)

const isIpv6 = (address: string) => Endpoint.familyOf(Endpoint.withoutZone(address)) === "IPv6"

/** Tests if a connection is one to itself: TCP allows it where the local port is the one that is tested. */
const isOwn = (local: NetAddress.SocketAddress, remote: NetAddress.SocketAddress) =>
  NetAddress.formatSocketAddress(local) === NetAddress.formatSocketAddress(remote)

const testTcp = (network: Network["Service"], { address, port }: Probe) =>
  network.connect(NetAddress.inetAddressFromNativeUnsafe(address, port)).pipe(
    Effect.tap(({ abort }) => abort),
    Effect.scoped,
    Effect.match({
      // Only over IPv6 an ICMP error has the same code as a refusal by this host.
      onFailure: isIpv6(address) ? outcomeOf : localOutcomeOf,
      onSuccess: ({ local, remote }): Outcome => (isOwn(local, remote) ? "refused" : "accepted")
    })
  )

/** Sends a datagram, and waits for the first reply or error of the connected socket. */
const testUdp = (network: Network["Service"], { address, port }: Probe) =>
  Effect.gen(function* () {
    const answered = yield* Deferred.make<Outcome>()
    const answer = (outcome: Outcome | undefined) => {
      if (outcome !== undefined) Deferred.doneUnsafe(answered, Exit.succeed(outcome))
    }
    const host = isIpv6(address) ? "::" : "0.0.0.0"
    const onError = (error: NetworkError) => answer(outcomeOf(error))
    const socket = yield* network.udp({ host, remote: { address, port } }, () => answer("replied"), onError)
    yield* socket.send(UdpRequest.forPort(port))
    return yield* Deferred.await(answered)
  }).pipe(
    Effect.scoped,
    Effect.catch((error) => Effect.succeed(localOutcomeOf(error)))
  )

/** Most tests at a time over a network that sets no limit. */
const maxTests = 4_096

const make = Effect.map(Network, (network) =>
  PortTest.of({
    open: Effect.fnUntraced(function* (transport, onAnswers) {
      const fibers = yield* FiberMap.make<number>()
      const run = yield* FiberMap.runtime(fibers)<never>()
      const test = transport === "tcp" ? testTcp : testUdp
      return {
        start: (probes) => {
          for (const probe of probes) {
            const started = Effect.andThen(
              Effect.yieldNow,
              Effect.map(test(network, probe), (outcome) => {
                if (outcome !== undefined) onAnswers([{ id: probe.id, outcome }])
              })
            )
            run(probe.id, started)
          }
        },
        cancel: (ids) => {
          for (const id of ids) run(id, Effect.void)
        },
        settle: Effect.yieldNow
      }
    }),
    maxConcurrency: () => Math.max(1, Math.min(maxTests, network.availableSockets()))
  })
)

/** Tests ports over a `Network`. @category layers @since 0.1.0 */
export const layer: Layer.Layer<PortTest, never, Network> = Layer.effect(PortTest, make)

/** Tests if an address is an IP literal, with a zone or without. @category guards @since 0.1.0 */
export const isAddress = (text: string): boolean =>
  Result.isSuccess(NetAddress.ipFromString(Endpoint.withoutZone(text)))
