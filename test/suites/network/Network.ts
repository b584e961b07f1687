/** What every `Network` must do, be it the host's own, a simulated one, or either of them wrapped. */
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Handles from "../../support/Handles.ts"
import type { Hosts } from "../../support/Hosts.ts"
import * as NetworkClosing from "./NetworkClosing.ts"
import * as NetworkListening from "./NetworkListening.ts"
import * as NetworkStream from "./NetworkStream.ts"
import * as NetworkUdp from "./NetworkUdp.ts"

/** Registers one test. */
export type Test = (name: string, body: () => Effect.Effect<void, unknown, Hosts | Scope.Scope>) => void

/** A network to test, and what it has beside TCP and UDP over IPv4; what it lacks is skipped. */
export interface Subject {
  readonly name: string
  /** Built anew for every test. */
  readonly layer: Layer.Layer<Hosts, unknown>
  /** Whether its sockets are the kernel's: then no test may leave one behind. */
  readonly real: boolean
  /** How a test is run. Default `it.live`; a network with a clock of its own runs it on that. */
  readonly run?: ((name: string, body: () => Effect.Effect<void, unknown, Scope.Scope>) => void) | undefined
  readonly ipv6?: Ipv6 | undefined
  /** Paths of the file system to listen on. */
  readonly unix?: UnixPaths | undefined
  /** Where a broadcast goes that sockets bound to 0.0.0.0 hear. */
  readonly broadcast?: string | undefined
  readonly multicast?: Multicast | undefined
  /** The same on an interface that the host can keep from hearing itself: a loopback interface hears itself always. */
  readonly silence?: Multicast | undefined
  readonly reusePort?: true | undefined
}

/** The IPv6 addresses of the hosts. */
export interface Ipv6 {
  readonly server: string
  readonly client: string
}

/** A group, and the interface both hosts reach it through. */
export interface Multicast {
  readonly group: string
  readonly interface: string
}

export interface UnixPaths {
  /** An empty directory that goes with the scope. */
  readonly directory: Effect.Effect<string, never, Scope.Scope>
  /** Leaves a socket file there as a server that was killed does. */
  readonly stale: (path: string) => Effect.Effect<void>
  readonly file: (path: string) => Effect.Effect<void>
  readonly exists: (path: string) => Effect.Effect<boolean>
}

const given = <A>(feature: A | undefined, what: string, register: (feature: A) => void) =>
  feature === undefined ? it.skip(`${what}: this network has none`, () => {}) : register(feature)

/** Runs the whole suite on one network. */
export const suite = (subject: Subject) => {
  const run = subject.run ?? ((name, body) => it.live(name, body))
  const test: Test = (name, body) =>
    run(name, () => {
      const alone = Effect.suspend(body).pipe(Effect.scoped, Effect.provide(subject.layer, { local: true }))
      return subject.real ? Handles.assertNoLeaks(alone) : alone
    })
  describe(subject.name, () => {
    describe("listening and connecting", () => {
      NetworkListening.suite(test)
      given(subject.reusePort, "reusePort", () => NetworkListening.reusePort(test))
      given(subject.ipv6, "IPv6", ({ server }) => NetworkListening.ipv6(server, test))
      given(subject.unix, "paths", (paths) => NetworkListening.unix(paths, test))
    })
    describe("streams", () => NetworkStream.suite(test))
    describe("closing", () => {
      NetworkClosing.reset(test)
      NetworkClosing.suite(test)
      NetworkClosing.lastWords(test)
    })
    describe("datagrams", () => {
      NetworkUdp.suite(test)
      NetworkUdp.buffers(test)
      given(subject.reusePort, "reusePort", () => NetworkUdp.reusePort(test))
      given(subject.ipv6, "IPv6", (hosts) => NetworkUdp.ipv6(hosts, test))
      given(subject.broadcast, "broadcast", (address) => NetworkUdp.broadcast(address, test))
      given(subject.multicast, "multicast", (multicast) => NetworkUdp.multicast(multicast, test))
      given(subject.silence, "multicast without loopback", (multicast) => NetworkUdp.silence(multicast, test))
    })
  })
}
