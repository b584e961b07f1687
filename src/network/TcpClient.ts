/**
 * Connecting by name with Happy Eyeballs (RFC 8305): overlapping attempts to all addresses of a host, of which the
 * first to connect wins.
 */
import * as Arr from "effect/Array"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import type * as Dns from "effect/net/Dns"
import * as NetAddress from "effect/net/NetAddress"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Monotonic from "./Monotonic.ts"
import { type Connection, Network, NetworkError } from "./Network.ts"
import * as AddressInfo from "./names/AddressInfo.ts"
import * as HappyEyeballs from "./names/HappyEyeballs.ts"
import type { ServiceNames } from "./names/ServiceNames.ts"

/** A failed attempt to connect. @category models @since 0.1.0 */
export interface Attempt {
  readonly address: NetAddress.InetAddress
  readonly error: NetworkError
}

/** Bound on the addresses in a message, since a name server may send thousands. */
const maxListedAttempts = 4

const describeAttempts = (attempts: ReadonlyArray<Attempt>): string => {
  const first = attempts.slice(0, maxListedAttempts).map(({ error }) => error.message)
  const more = attempts.length > maxListedAttempts ? [`and ${attempts.length - maxListedAttempts} more addresses`] : []
  return [...first, ...more].join("; ")
}

/** Reason: all attempts failed. @category errors @since 0.1.0 */
export class AllFailed extends Data.TaggedClass("AllFailed")<{ readonly attempts: ReadonlyArray<Attempt> }> {
  get message(): string {
    return describeAttempts(this.attempts)
  }
}

/**
 * Reason: the timeout expired. Attempts still open or not started are listed with `TimedOut`.
 *
 * @category errors
 * @since 0.1.0
 */
export class TimedOut extends Data.TaggedClass("TimedOut")<{
  readonly after: Duration.Duration
  readonly attempts: ReadonlyArray<Attempt>
}> {
  get message(): string {
    return `no connection within ${Duration.format(this.after)}: ${describeAttempts(this.attempts)}`
  }
}

/** Failure to connect; the attempts are in the order of the addresses. @category errors @since 0.1.0 */
export class TcpClientError extends Data.TaggedError("TcpClientError")<{ readonly reason: AllFailed | TimedOut }> {
  override get message(): string {
    return this.reason.message
  }
}

/** Options for the race of attempts. @category models @since 0.1.0 */
export interface RaceOptions {
  /**
   * Delay between two attempts, cut short if the first one fails. Default 250 ms; clamped to 10 ms to 2 s (RFC 8305,
   * section 5).
   */
  readonly attemptDelay?: Duration.Input | undefined
  /** Family of the first attempt. Default: that of the first address. */
  readonly firstFamily?: 4 | 6 | undefined
  /** Timeout for all attempts together. Default 30 s. */
  readonly timeout?: Duration.Input | undefined
}

/** Server to connect to. @category models @since 0.1.0 */
export interface Options extends RaceOptions {
  /** Name or IP literal. Default: this host. */
  readonly host?: string | undefined
  /** Service name or port number. */
  readonly service: string | number
  /** Hints for `getaddrinfo`, with socket type stream. */
  readonly hints?: Omit<AddressInfo.Hints, "socktype" | "protocol" | "passive" | "canonicalName"> | undefined
}

/**
 * Alternates the address families, starting with the given one or that of the first address (RFC 8305, section 4).
 * Within a family the order stays.
 *
 * @category sorting
 * @since 0.1.0
 */
export const interleave = (
  addresses: ReadonlyArray<NetAddress.InetAddress>,
  firstFamily?: 4 | 6
): ReadonlyArray<NetAddress.InetAddress> => {
  const isFirst = (address: NetAddress.InetAddress) =>
    firstFamily === undefined ? address._tag === addresses[0]?._tag : NetAddress.isFamily(address, `IPv${firstFamily}`)
  const preferred = addresses.filter(isFirst)
  const others = addresses.filter((address) => !isFirst(address))
  const rounds = Math.max(preferred.length, others.length)
  return Array.from({ length: rounds }, (_, i) => [...preferred.slice(i, i + 1), ...others.slice(i, i + 1)]).flat()
}

const minAttemptDelay = Duration.millis(10)
const maxAttemptDelay = Duration.seconds(2)

/**
 * Connects to the first address that answers.
 *
 * An attempt starts when the previous one has failed, or after the attempt delay. The first to succeed wins; the others
 * are interrupted and closed before it is returned. The connection closes with the scope.
 *
 * @category connecting
 * @since 0.1.0
 */
export const connectAny = Effect.fnUntraced(function* (
  addresses: Arr.NonEmptyReadonlyArray<NetAddress.InetAddress>,
  { attemptDelay = 250, firstFamily, timeout = "30 seconds" }: RaceOptions = {}
): Effect.fn.Return<Connection, TcpClientError, Network | Scope.Scope> {
  const network = yield* Network
  const parentScope = yield* Effect.scope
  const delay = Duration.clamp(Duration.fromInputUnsafe(attemptDelay), {
    minimum: minAttemptDelay,
    maximum: maxAttemptDelay
  })
  const ordered = interleave(addresses, firstFamily)
  const rules = { addressCount: ordered.length, attemptDelayMillis: Duration.toMillis(delay) }
  const failures: Array<NetworkError | undefined> = []
  const opened = new Map<number, { readonly connection?: Connection; readonly scope: Scope.Closeable }>()
  const events = yield* Queue.unbounded<HappyEyeballs.Event>()

  const attempt = Effect.fnUntraced(function* (index: number) {
    const scope = yield* Scope.fork(parentScope)
    opened.set(index, { scope })
    const exit = yield* Effect.result(Scope.provide(network.connect(ordered[index]!), scope))
    if (Result.isFailure(exit)) failures[index] = exit.failure
    else opened.set(index, { scope, connection: exit.success })
    yield* Queue.offer(events, { _tag: Result.isFailure(exit) ? "Failed" : "Connected", attempt: index })
  })
  const attempts = () =>
    ordered.map((address, index) => ({
      address,
      error: failures[index] ?? new NetworkError({ reason: "TimedOut", address })
    }))
  const race = Effect.gen(function* () {
    const running = yield* FiberSet.make()
    const now = yield* Monotonic.millis
    let state = HappyEyeballs.initial
    let event: HappyEyeballs.Event = { _tag: "Due" }
    while (true) {
      const [next, actions] = HappyEyeballs.step(state, event, rules, now())
      state = next
      for (const action of actions) {
        if (action._tag === "Win") return opened.get(action.attempt)!
        if (action._tag === "GiveUp")
          return yield* new TcpClientError({ reason: new AllFailed({ attempts: attempts() }) })
        const started = Effect.onError(attempt(action.attempt), (cause) => Queue.failCause(events, cause))
        yield* FiberSet.run(running, started)
      }
      const due = Effect.as(Effect.sleep(state.dueMillis - now()), { _tag: "Due" } as const)
      const ended = Queue.take(events)
      event = yield* Number.isFinite(state.dueMillis) ? Effect.raceFirst(ended, due) : ended
    }
  })
  // Two attempts may succeed at once: every connection but the winner is closed.
  const closeAllExcept = (kept: Scope.Scope | undefined) =>
    Effect.forEach(opened.values(), ({ scope }) => (scope === kept ? Effect.void : Scope.close(scope, Exit.void)), {
      discard: true
    })

  const limit = Duration.fromInputUnsafe(timeout)
  const { connection } = yield* race.pipe(
    Effect.scoped,
    Effect.timeoutOrElse({
      duration: limit,
      orElse: () => new TcpClientError({ reason: new TimedOut({ after: limit, attempts: attempts() }) })
    }),
    Effect.onExit((exit) => closeAllExcept(Exit.isSuccess(exit) ? exit.value.scope : undefined))
  )
  return connection!
})

/**
 * Connects to a service of a host, both given by name. Fails with `AddressInfoError` if the names have no addresses,
 * else as `connectAny`.
 *
 * **Example** (Connecting to localhost)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as NetAddress from "effect/net/NetAddress"
 * import { Network, NodeServices, TcpClient } from "effect-inet/network"
 *
 * const program = Effect.gen(function* () {
 *   const listener = yield* (yield* Network.Network).listen({ port: 0 })
 *   const port = NetAddress.isInetAddress(listener.address) ? listener.address.port : 0
 *   const connection = yield* TcpClient.connect({ host: "localhost", service: port, timeout: "5 seconds" })
 *   connection.remote.toString() // => `127.0.0.1:${port}`
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
 * ```
 *
 * @category connecting
 * @since 0.1.0
 */
export const connect = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<
  Connection,
  AddressInfo.AddressInfoError | TcpClientError,
  Dns.Dns | Network | ServiceNames | Scope.Scope
> {
  const { hints, host, service, ...race } = options
  const found = yield* AddressInfo.getaddrinfo(host, service, { ...hints, socktype: "stream" })
  return yield* connectAny(
    Arr.map(found, ({ address }) => address),
    race
  )
})
