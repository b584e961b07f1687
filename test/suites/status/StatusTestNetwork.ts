/** Status peers for tests, on a simulated network and on the host's. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Network from "../../../src/network/Network.ts"
import * as NodeNetwork from "../../../src/network/node/NodeNetwork.ts"
import type * as SimHost from "../../../src/simulation/network/SimHost.ts"
import type * as Peer from "../../../src/status/Peer.ts"
import type { StatusError } from "../../../src/status/StatusError.ts"
import * as StatusPeer from "../../../src/status/StatusPeer.ts"
import * as Broadcast from "../../../src/status/transport/Broadcast.ts"
import * as Simulated from "../../support/Simulated.ts"

/** Schema of the test payload. */
export const Load = Schema.Struct({ jobs: Schema.Int })
export type Load = typeof Load.Type
export type LoadPeer = StatusPeer.StatusPeer<Load>
export type Options = Partial<StatusPeer.Options<Load>>

/** A network for tests. On a simulated one each name is a host of its own. */
export interface TestNetwork {
  readonly join: (
    name: string,
    options?: Options
  ) => Effect.Effect<LoadPeer, StatusError | Network.NetworkError, Scope.Scope>
  /** Interval in milliseconds. */
  readonly interval: number
  /** Milliseconds by which a busy machine may be late. */
  readonly slack: number
  /** Time limit of a test. */
  readonly timeout: Duration.Input
}

/** Runs a test on a network. */
export type Run = (
  test: (network: TestNetwork) => Effect.Effect<void, unknown, Scope.Scope>
) => Effect.Effect<void, unknown>

export const optionsOf = (name: string, options: Options = {}): StatusPeer.Options<Load> => ({
  name,
  schema: Load,
  payload: { jobs: 0 },
  ...options
})

/** Joins from a simulated host, until the caller's scope closes. */
export const joinOn = (host: SimHost.SimHost, options?: Options) =>
  Effect.provide(StatusPeer.make(optionsOf(host.name, options)), host.layer)

/** Runs a test on a simulated LAN. */
export const simulated: Run = (test) =>
  Simulated.run((simulation) => {
    const hosts = new Map<string, SimHost.SimHost>()
    const hostOf = Effect.fnUntraced(function* (name: string) {
      const host = hosts.get(name) ?? (yield* simulation.host(name))
      hosts.set(name, host)
      return host
    })
    const join: TestNetwork["join"] = (name, options) =>
      // Two programs do not start at exactly the same time.
      Effect.flatMap(Effect.delay(hostOf(name), 1), (host) => joinOn(host, { ...options, name }))
    return Effect.scoped(test({ join, interval: 1_000, slack: 0, timeout: "1 minute" }))
  })

/** Returns an unused port: peers that broadcast need a known one. */
export const freePort = Effect.scoped(
  Effect.gen(function* () {
    const socket = yield* (yield* Network.Network).udp({ host: "0.0.0.0" }, () => {})
    return socket.local.port
  })
)

/** Runs a test on the loopback interface of this host, in one process. */
export const loopback: Run = (test) =>
  Effect.gen(function* () {
    const port = yield* freePort
    const network = Layer.succeed(Network.Network, yield* Network.Network)
    const transport = Broadcast.make({ addresses: ["127.255.255.255"], port })
    const interval = 100
    const join: TestNetwork["join"] = (name, options) =>
      Effect.provide(StatusPeer.make(optionsOf(name, { transport, interval, ...options })), network)
    yield* test({ join, interval, slack: 1_000, timeout: "5 seconds" })
  }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))

/** Returns the current view of the peer with a name. */
export const viewOf = (peer: LoadPeer, name: string) => Effect.runSync(peer.peers.get).find((one) => one.name === name)

/** Waits until a peer sees `count` peers in a state, itself included. */
export const waitForCount = (peer: LoadPeer, count: number, state: Peer.State = "alive") =>
  peer.peers.changes.pipe(
    Stream.filter((peers) => peers.filter((one) => one.state === state).length === count),
    Stream.runHead
  )

/** Subscribes now; the result waits for the change. */
export const nextChange = Effect.fnUntraced(function* (peer: LoadPeer, tag: Peer.Change<Load>["_tag"], name: string) {
  const found = Stream.filter(peer.events, (change) => change._tag === tag && change.peer.name === name)
  const fiber = yield* Effect.forkScoped(Stream.runHead(found), { startImmediately: true })
  return Effect.flatMap(Fiber.join(fiber), Effect.fromOption)
})

/** Records all changes from now on. */
export const recordChanges = Effect.fnUntraced(function* (peer: LoadPeer, changes: Array<Peer.Change<Load>> = []) {
  const keep = Stream.runForEach(peer.events, (change) => Effect.sync(() => changes.push(change)))
  yield* Effect.forkScoped(keep, { startImmediately: true })
  return changes
})

/** Returns names, states and payloads, as one peer sees them. */
export const summary = (peer: LoadPeer) =>
  Effect.runSync(peer.peers.get).map(({ name, payload, state }) => `${name} ${state} ${payload?.jobs}`)
