/** Types of the test suite for implementations of `Network`. */
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Hosts } from "../../support/Hosts.ts"

/** Registers a test. */
export type Test = (name: string, body: () => Effect.Effect<void, unknown, Hosts | Scope.Scope>) => void

/** A network to test, with its features beside TCP and UDP over IPv4; tests of missing features are skipped. */
export interface Subject {
  readonly name: string
  /** Layer of the network, built for every test. */
  readonly layer: Layer.Layer<Hosts, unknown>
  /** True if its sockets are the kernel's: then each test must close all of them. */
  readonly real: boolean
  /** Runs a test. Default `it.live`; a network with its own clock runs it on that. */
  readonly run?: ((name: string, body: () => Effect.Effect<void, unknown, Scope.Scope>) => void) | undefined
  readonly ipv6?: Ipv6 | undefined
  /** Helpers for listening on paths of the file system. */
  readonly unix?: UnixPaths | undefined
  /** Broadcast address for sockets bound to 0.0.0.0. */
  readonly broadcast?: string | undefined
  readonly multicast?: Multicast | undefined
  /** Multicast on an interface where loopback can be disabled: a loopback interface always delivers to this host. */
  readonly silence?: Multicast | undefined
  readonly reusePort?: true | undefined
}

/** IPv6 addresses of the hosts. */
export interface Ipv6 {
  readonly server: string
  readonly client: string
}

/** A multicast group, and the interface through which both hosts reach it. */
export interface Multicast {
  readonly group: string
  readonly interface: string
}

export interface UnixPaths {
  /** An empty directory, removed with the scope. */
  readonly directory: Effect.Effect<string, never, Scope.Scope>
  /** Creates a socket file as left by a killed server. */
  readonly stale: (path: string) => Effect.Effect<void>
  readonly file: (path: string) => Effect.Effect<void>
  readonly exists: (path: string) => Effect.Effect<boolean>
}
