import type * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import * as Scope from "effect/Scope"
import { type Connection, Network, NetworkError } from "../../src/network/Network.ts"
import * as TcpClient from "../../src/network/TcpClient.ts"

/** Scripted result of an attempt to connect. */
export interface AttemptScript {
  /** An uninterruptible attempt succeeds, and cannot be interrupted before that. */
  readonly kind: "answers" | "fails" | "hangs" | "uninterruptible" | "dies"
  /** Duration of the attempt in milliseconds. */
  readonly after: number
  /** Duration of closing in milliseconds. */
  readonly closing?: number
}

/** A network that runs script N for the address with port N, and records attempts and open connections. */
export const makeScriptedNetwork = (scripts: ReadonlyArray<AttemptScript>) => {
  const begun: Array<{ readonly port: number; readonly at: number }> = []
  const open = new Set<number>()
  let pending = 0
  const connect = (remote: NetAddress.SocketAddress) => {
    const { port } = remote as NetAddress.InetAddress
    const { after, closing = 0, kind } = scripts[port]!
    const dial = Effect.gen(function* () {
      begun.push({ port, at: yield* Clock.currentTimeMillis })
      pending++
      if (kind === "hangs") return yield* Effect.never
      if (after > 0) yield* Effect.sleep(after)
      if (kind === "dies") return yield* Effect.die("a bug")
      if (kind === "fails") return yield* new NetworkError({ reason: "Refused", address: remote })
      open.add(port)
      return { remote } as Connection
    }).pipe(
      Effect.onInterrupt(() => Effect.sleep(closing)),
      Effect.ensuring(Effect.sync(() => void pending--))
    )
    const close = Effect.andThen(
      Effect.sleep(closing),
      Effect.sync(() => void open.delete(port))
    )
    return Effect.acquireRelease(dial, () => close, { interruptible: kind !== "uninterruptible" })
  }
  const unused = () => Effect.die("not part of this test")
  const network = {
    connect,
    listen: unused,
    udp: unused,
    interfaces: Effect.succeed([]),
    availableSockets: () => Infinity
  }
  return { begun, open, pending: () => pending, layer: Layer.succeed(Network, network) }
}

/** An address of the given family for each port. */
export const addressesOf = (families: ReadonlyArray<4 | 6>) =>
  families.map((family, port) =>
    NetAddress.inetAddressFromIpStringUnsafe(family === 4 ? "192.0.2.1" : "2001:db8::1", port)
  ) as unknown as Arr.NonEmptyReadonlyArray<NetAddress.InetAddress>

export const portOf = (connection: Connection) => (connection.remote as NetAddress.InetAddress).port

/** Starts a race of all scripts and returns what to observe. */
export const run = Effect.fnUntraced(function* (
  scripts: ReadonlyArray<AttemptScript>,
  options: TcpClient.RaceOptions = {}
) {
  const fake = makeScriptedNetwork(scripts)
  const scope = yield* Scope.make()
  const start = yield* Clock.currentTimeMillis
  let returned: number | undefined
  const fiber = yield* TcpClient.connectAny(addressesOf(scripts.map(() => 4)), options).pipe(
    Effect.onExit(() =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        returned = now - start
      })
    ),
    Effect.provide(fake.layer),
    Scope.provide(scope),
    Effect.forkChild({ startImmediately: true })
  )
  return {
    ...fake,
    begun: () => fake.begun.map(({ at, port }) => [port, at - start]),
    scope,
    fiber,
    returned: () => returned
  }
})
