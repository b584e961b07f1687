import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Pull from "effect/Pull"
import * as Network from "../../src/network/Network.ts"

/** A host of a test: its network and its address, an IP literal. */
export interface Host {
  readonly network: Network.Network["Service"]
  readonly address: string
}

/** Hosts of a test: two of a simulated LAN, or the same one twice. */
export class Hosts extends Context.Service<
  Hosts,
  {
    readonly server: Host
    readonly client: Host
    /** Lets the network proceed: one turn of the event loop, or a moment of virtual time. */
    readonly turn: Effect.Effect<void>
  }
>()("effect-inet/test/Hosts") {
  /** Server and client on one host, by its loopback address. */
  static readonly one = <E>(layer: Layer.Layer<Network.Network, E>, address = "127.0.0.1"): Layer.Layer<Hosts, E> =>
    Layer.effect(
      Hosts,
      Effect.map(Network.Network, (network) => {
        const host = { network, address }
        return Hosts.of({ server: host, client: host, turn: Effect.yieldNow })
      })
    ).pipe(Layer.provide(layer))
}

/** Opens a listener of the server and a connection to it; returns both ends. */
export const pair = Effect.gen(function* () {
  const { client, server } = yield* Hosts
  const listener = yield* server.network.listen({ host: server.address, port: 0 })
  const near = yield* client.network.connect(listener.address)
  const far = yield* listener.accept
  return { listener, near, far }
})

/** Lets the network proceed until the condition holds. */
export const until = Effect.fnUntraced(function* (condition: () => boolean) {
  const { turn } = yield* Hosts
  while (!condition()) yield* turn
}, Effect.timeout("30 seconds"))

/** Lets the network proceed for `count` turns. */
export const turns = Effect.fnUntraced(function* (count: number) {
  const { turn } = yield* Hosts
  for (let i = 0; i < count; i++) yield* turn
})

/**
 * Returns the result of an operation: `Success`, `Done`, or the reason of its error. An operation that hangs fails the
 * test.
 */
export const outcome = <A, R>(effect: Effect.Effect<A, Network.NetworkError | Cause.Done, R>) =>
  Effect.match(effect, {
    onSuccess: () => "Success" as const,
    onFailure: (error) => (Cause.isDone(error) ? ("Done" as const) : error.reason)
  }).pipe(Effect.timeout("30 seconds"))

/** Reads all bytes until the peer's FIN. */
export const readAll = Effect.fnUntraced(function* (connection: Pick<Network.Connection, "pull">) {
  const chunks: Array<Uint8Array> = []
  yield* Effect.forever(Effect.map(connection.pull, (bytes) => chunks.push(bytes))).pipe(
    Pull.catchDone(() => Effect.void)
  )
  return Buffer.concat(chunks)
})

/** Reads at least `length` bytes. */
export const read = Effect.fnUntraced(function* (connection: Pick<Network.Connection, "pull">, length: number) {
  let bytes = Buffer.alloc(0)
  while (bytes.length < length) bytes = Buffer.concat([bytes, yield* connection.pull])
  return bytes
})

/** Returns pseudorandom bytes, in which lost or repeated pieces are noticed. */
export const pseudoRandomBytes = (length: number, seed = 1): Uint8Array => {
  const bytes = new Uint8Array(length)
  for (let i = 0, state = seed; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    bytes[i] = state >>> 24
  }
  return bytes
}
