/** Listeners and connections of scenarios, and their results as plain values. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import * as Scope from "effect/Scope"
import type { Connection, Listener, NetworkError, TcpListenOptions } from "../../../src/network/Network.ts"
import type { Host, Hosts } from "./Fidelity.ts"

/** Listens on a host, by default on its address and an ephemeral port. */
export const listen = (host: Host, options: Partial<TcpListenOptions> = {}) =>
  host.network.listen({ host: host.address, port: 0, ...options })

/** Listens in a scope of its own, which `close` closes. */
export const listenFor = (host: Host, options: Partial<TcpListenOptions> = {}) => owned(listen(host, options))

/** Acquires a resource in a scope of its own, which `close` closes. */
export const owned = Effect.fnUntraced(function* <A, E, R>(acquire: Effect.Effect<A, E, R>) {
  const scope = yield* Scope.fork(yield* Effect.scope)
  const it = yield* Scope.provide(acquire, scope)
  return { it, close: Scope.close(scope, Exit.void) }
})

export const portOf = (address: NetAddress.SocketAddress): number =>
  NetAddress.isInetAddress(address) ? address.port : 0

/** Connects from a host to an IP literal. */
export const connect = ({ network }: Host, address: string, port: number) =>
  network.connect(NetAddress.inetAddressFromIpStringUnsafe(address, port))

/** Returns `Success`, or the reason for which a connection from the host fails. */
export const tryConnect = (host: Host, address: string, port: number) =>
  Effect.match(Effect.scoped(connect(host, address, port)), {
    onSuccess: () => "Success",
    onFailure: ({ reason }) => reason
  }).pipe(Effect.timeout("30 seconds"))

/** Returns `Success`, or the reason for which the host cannot listen; the listener is closed again. */
export const tryListen = (host: Host, options: Partial<TcpListenOptions>) =>
  Effect.match(Effect.scoped(listen(host, options)), { onSuccess: () => "Success", onFailure: ({ reason }) => reason })

/** Repeats what returns `Success` if a port is free, at most three times: another connection may be in TIME_WAIT. */
export const anyOf = Effect.fnUntraced(function* <E, R>(attempt: Effect.Effect<string, E, R>) {
  const first = yield* attempt
  if (first === "Success") return first
  const second = yield* attempt
  return second === "Success" ? second : yield* attempt
})

/** A connection of a scenario: its ends, and effects that close them. */
export interface Ends {
  readonly listener: Listener
  readonly near: Connection
  readonly far: Connection
  readonly closeNear: Effect.Effect<void>
  readonly closeFar: Effect.Effect<void>
}

/** Connects `a` to a listener of `b`. */
export const connected = Effect.fnUntraced(function* (
  { a, b }: Pick<Hosts, "a" | "b">,
  options: Partial<TcpListenOptions> = {},
  to = b.address
) {
  const listener = yield* listen(b, options)
  const near = yield* owned(connect(a, to, portOf(listener.address)))
  const far = yield* owned(listener.accept)
  return { listener, near: near.it, far: far.it, closeNear: near.close, closeFar: far.close } satisfies Ends
})

const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1")

/** Returns what a pull returns: a text, `<Done>`, or the reason of its failure in angle brackets. */
export const pull = (connection: Pick<Connection, "pull">) =>
  Effect.match(connection.pull, {
    onSuccess: textOf,
    onFailure: (error) => `<${Cause.isDone(error) ? "Done" : error.reason}>`
  }).pipe(Effect.timeout("30 seconds"))

/** Pulls until the input ends or fails; returns the whole text, and how it ended. */
export const rest = Effect.fnUntraced(function* (connection: Pick<Connection, "pull">) {
  for (let text = ""; ; ) {
    const next = yield* pull(connection)
    text += next
    if (next.startsWith("<")) return text
  }
})

/** Pulls a text of the given length. */
export const take = Effect.fnUntraced(function* (connection: Pick<Connection, "pull">, length: number) {
  let text = ""
  while (text.length < length) text += textOf(yield* connection.pull)
  return text
})

/** Starts an effect that the scenario awaits later. */
export const start = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkChild(effect, { startImmediately: true })

/** Writes until a write fails, and returns the reason. */
export const writeUntilFailure = ({ settle }: Pick<Hosts, "settle">, connection: Connection) =>
  Effect.gen(function* () {
    while (true) {
      yield* connection.write("more")
      yield* settle
    }
  }).pipe(
    Effect.match({ onSuccess: () => "Success", onFailure: ({ reason }: NetworkError) => reason }),
    Effect.timeout("30 seconds")
  )

/** Waits until the condition holds. */
export const until = ({ settle }: Pick<Hosts, "settle">, holds: () => boolean) =>
  Effect.gen(function* () {
    while (!holds()) yield* settle
  }).pipe(Effect.timeout("30 seconds"))

/** Returns the address of an end without its port. */
export const hostOf = (address: NetAddress.SocketAddress): string =>
  NetAddress.isInetAddress(address) ? NetAddress.formatIp(address.address) : NetAddress.formatSocketAddress(address)

/** Returns the addresses that both ends report, without ports, and true if the ports of both ends agree. */
export const addresses = ({ far, near }: Pick<Ends, "far" | "near">) => ({
  near: [hostOf(near.local), hostOf(near.remote)],
  far: [hostOf(far.local), hostOf(far.remote)],
  portsAgree:
    portOf(near.local) === portOf(far.remote) && portOf(near.remote) === portOf(far.local) && portOf(near.local) > 0
})

export const join = Fiber.join

/** Returns more bytes than kernels and connections buffer between two ends. */
export const tooMuch = () => new Uint8Array(24 * 2 ** 20).fill(0x78)
