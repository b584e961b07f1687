/** A host of a simulated network, with its programs. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type * as Dns from "effect/net/Dns"
import * as Scope from "effect/Scope"
import type { Network } from "../../network/Network.ts"
import type * as SimLan from "./SimLan.ts"
import type * as SimNetwork from "./SimNetwork.ts"

type OnHost = Network | Dns.Dns | Scope.Scope

/** A simulated host. @category models @since 0.1.0 */
export interface SimHost {
  readonly name: string
  /** First address of the host, as an IP literal. */
  readonly address: string
  /** The network of this host. A layer built before a crash stays disconnected after the restart. */
  readonly layer: Layer.Layer<Network | Dns.Dns>
  /** Runs an effect on this host and waits for its result; a crash interrupts the effect. */
  readonly run: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, Exclude<R, OnHost>>
  /**
   * Starts a program on this host, in the background. Returns once the program first waits; anything it does later may
   * not have happened yet. A restart after a crash starts the program again. A failure of the program fails the run.
   */
  readonly start: <E, R>(program: Effect.Effect<unknown, E, R>) => Effect.Effect<void, never, Exclude<R, OnHost>>
  /** Closes all sockets of the host without sending anything, then interrupts its programs. */
  readonly crash: Effect.Effect<void>
  /** Starts the programs again; does nothing if the host is up. */
  readonly restart: Effect.Effect<void>
  /** Pauses the host until a time, in nanoseconds since the start of the run; packets for it wait. */
  readonly pauseUntil: (time: number) => Effect.Effect<void>
}

/** Creates the programs' view of a node. @category constructors @since 0.1.0 */
export const make = (
  network: SimNetwork.SimNetwork,
  node: SimLan.Node,
  outer: Scope.Scope,
  onFailure: (cause: Cause.Cause<unknown>) => void
): SimHost => {
  const { clock } = network.lan
  const hostClock = clock.clockOf(() => node.pausedUntil)
  let lifetime = Scope.forkUnsafe(outer)
  let context = network.contextOf(node)
  const programs: Array<() => Effect.Effect<void>> = []

  const onHost = <A, E, R>(effect: Effect.Effect<A, E, R>, scope: Scope.Scope) =>
    effect.pipe(
      Effect.provideContext(context as Context.Context<Network | Dns.Dns>),
      Effect.provideService(Clock.Clock, hostClock),
      Effect.provideService(Scope.Scope, scope)
    ) as Effect.Effect<A, E, Exclude<R, OnHost>>

  const crash = Effect.suspend(() => {
    if (!node.up) return Effect.void
    node.up = false
    network.crash(node)
    return Scope.close(lifetime, Exit.void)
  })
  const restart = Effect.suspend(() => {
    if (node.up) return Effect.void
    node.up = true
    // A restarted host is not paused.
    node.pausedUntil = 0
    network.boot(node)
    context = network.contextOf(node)
    lifetime = Scope.forkUnsafe(outer)
    return Effect.forEach(programs, (startProgram) => startProgram(), { discard: true })
  })
  return {
    name: node.name,
    address: node.interfaces[0]?.literal ?? "127.0.0.1",
    layer: Layer.effectContext(Effect.sync(() => context)),
    run: (effect) =>
      Effect.suspend(() => {
        const scope = Scope.forkUnsafe(lifetime)
        const fiber = Effect.forkIn(onHost(effect, scope), lifetime, { startImmediately: true })
        return Effect.flatMap(fiber, joinAndClose(scope))
      }),
    start: (program) =>
      Effect.flatMap(Effect.context<never>(), (callerContext) =>
        Effect.suspend(() => {
          const reportingFailure = Effect.tapCause(program, (cause) =>
            Effect.sync(() => {
              if (!Cause.hasInterruptsOnly(cause)) onFailure(cause)
            })
          )
          const begin = () =>
            Effect.asVoid(
              Effect.forkIn(Effect.provideContext(onHost(reportingFailure, lifetime), callerContext), lifetime, {
                startImmediately: true
              })
            )
          programs.push(begin as () => Effect.Effect<void>)
          return begin() as Effect.Effect<void>
        })
      ),
    crash,
    restart,
    pauseUntil: (time) =>
      Effect.sync(() => {
        node.pausedUntil = time
      })
  }
}

const joinAndClose =
  (scope: Scope.Closeable) =>
  <A, E>(fiber: Fiber.Fiber<A, E>): Effect.Effect<A, E> =>
    Effect.onExit(Fiber.join(fiber), (exit) => Scope.close(scope, exit))
