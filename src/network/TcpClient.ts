/**
 * Connecting by name: the addresses of a host and service are tried in turn without waiting for the slow ones, and the
 * first connection wins (Happy Eyeballs, RFC 8305).
 */
import * as Arr from "effect/Array"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Latch from "effect/Latch"
import type * as Dns from "effect/net/Dns"
import * as NetAddress from "effect/net/NetAddress"
import * as Scope from "effect/Scope"
import { type Connection, Network, NetworkError } from "./Network.ts"
import * as AddressInfo from "./names/AddressInfo.ts"
import type { ServiceNames } from "./names/ServiceNames.ts"

/** How an attempt to connect ended. @category models @since 0.1.0 */
export interface Attempt {
  readonly address: NetAddress.InetAddress
  readonly error: NetworkError
}

/** A message stays readable, however many addresses a name server has sent. */
const maxListedAttempts = 4

const describeAttempts = (attempts: ReadonlyArray<Attempt>): string => {
  const first = attempts.slice(0, maxListedAttempts).map(({ error }) => error.message)
  const more = attempts.length > maxListedAttempts ? [`and ${attempts.length - maxListedAttempts} more addresses`] : []
  return [...first, ...more].join("; ")
}

/** Every address was tried and failed. @category errors @since 0.1.0 */
export class AllFailed extends Data.TaggedClass("AllFailed")<{ readonly attempts: ReadonlyArray<Attempt> }> {
  get message(): string {
    return describeAttempts(this.attempts)
  }
}

/**
 * The time was over; attempts that were still open then, or not begun, are listed with `TimedOut`.
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

/** No connection came about; the attempts are in the order of the addresses. @category errors @since 0.1.0 */
export class TcpClientError extends Data.TaggedError("TcpClientError")<{ readonly reason: AllFailed | TimedOut }> {
  override get message(): string {
    return this.reason.message
  }
}

/** How the race is run. @category models @since 0.1.0 */
export interface RaceOptions {
  /**
   * Time from one attempt to the next, unless it fails before. Default 250 ms; held between 10 ms and 2 s (RFC 8305,
   * section 5).
   */
  readonly attemptDelay?: Duration.Input | undefined
  /** The family to begin with. Default: that of the first address. */
  readonly firstFamily?: 4 | 6 | undefined
  /** Time for all attempts together. Default 30 s. */
  readonly timeout?: Duration.Input | undefined
}

/** Whom to connect to. @category models @since 0.1.0 */
export interface Options extends RaceOptions {
  /** A name, an IP literal, or left out: this host. */
  readonly host?: string | undefined
  /** A service name or a port. */
  readonly service: string | number
  /** Hints for `getaddrinfo`; the socket type is always stream. */
  readonly hints?: Omit<AddressInfo.Hints, "socktype" | "protocol" | "passive" | "canonicalName"> | undefined
}

/**
 * Reorders addresses so that the families take turns, beginning with the given one or that of the first address; within
 * a family the order stays (RFC 8305, section 4).
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
 * Connects to the first of several addresses that answers. An attempt starts when the one before it has failed, or has
 * been going for the attempt delay; the first to succeed wins, and the others are interrupted and closed before it is
 * returned. The connection closes with the scope.
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
  const delay = Duration.clamp(Duration.fromInputUnsafe(attemptDelay), { minimum: minAttemptDelay, maximum: maxAttemptDelay })
  const ordered = interleave(addresses, firstFamily)
  const failures: Array<NetworkError | undefined> = []
  const openScopes = new Set<Scope.Closeable>()
  const winner = yield* Deferred.make<{ readonly connection: Connection; readonly scope: Scope.Scope }, TcpClientError>()

  const attempt = Effect.fnUntraced(function* (index: number, failed: Latch.Latch) {
    const scope = yield* Scope.fork(parentScope)
    openScopes.add(scope)
    yield* Effect.matchEffect(Scope.provide(network.connect(ordered[index]!), scope), {
      onFailure: (error) => {
        failures[index] = error
        return failed.open
      },
      onSuccess: (connection) => Deferred.succeed(winner, { connection, scope })
    })
  })
  const attempts = () =>
    ordered.map((address, index) => ({
      address,
      error: failures[index] ?? new NetworkError({ reason: "TimedOut", address })
    }))
  const tryAll = Effect.gen(function* () {
    const running = yield* FiberSet.make()
    for (const index of ordered.keys()) {
      const failed = Latch.makeUnsafe()
      const fiber = Effect.onError(attempt(index, failed), (cause) => Deferred.failCause(winner, cause))
      yield* FiberSet.run(running, fiber)
      yield* Effect.raceFirst(Effect.sleep(delay), failed.await)
    }
    yield* FiberSet.awaitEmpty(running)
    yield* Deferred.fail(winner, new TcpClientError({ reason: new AllFailed({ attempts: attempts() }) }))
    return yield* Effect.never
  })
  // Two attempts may succeed at once: whatever is open in the end and is not the winner's goes.
  const closeAllExcept = (kept: Scope.Scope | undefined) =>
    Effect.forEach(openScopes, (scope) => (scope === kept ? Effect.void : Scope.close(scope, Exit.void)), { discard: true })

  const limit = Duration.fromInputUnsafe(timeout)
  const { connection } = yield* Effect.raceFirst(tryAll, Deferred.await(winner)).pipe(
    Effect.scoped,
    Effect.timeoutOrElse({
      duration: limit,
      orElse: () => new TcpClientError({ reason: new TimedOut({ after: limit, attempts: attempts() }) })
    }),
    Effect.onExit((exit) => closeAllExcept(Exit.isSuccess(exit) ? exit.value.scope : undefined))
  )
  return connection
})

/**
 * Connects to a service of a host by their names. Fails with `AddressInfoError` where they have no addresses, else as
 * `connectAny`.
 *
 * @category connecting
 * @since 0.1.0
 */
export const connect = Effect.fnUntraced(function* ({
  hints,
  host,
  service,
  ...race
}: Options): Effect.fn.Return<
  Connection,
  AddressInfo.AddressInfoError | TcpClientError,
  Dns.Dns | Network | ServiceNames | Scope.Scope
> {
  const found = yield* AddressInfo.getaddrinfo(host, service, { ...hints, socktype: "stream" })
  return yield* connectAny(
    Arr.map(found, ({ address }) => address),
    race
  )
})
