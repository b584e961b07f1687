/**
 * Conversion to and from effect's `Socket`, `SocketServer` and `DatagramSocket`.
 *
 * The types of `Network` have more: addresses, RST, counters, half-close in both directions. A parameter or an
 * approximation replaces what an effect socket lacks, as each function documents. Errors are translated both ways and
 * keep the platform's error as cause; converting an error there and back gives the original.
 *
 * **Example** (A client written with effect's Socket)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { Interop, Network, NodeNetwork } from "effect-inet/network"
 *
 * const program = Effect.gen(function* () {
 *   const listener = yield* (yield* Network.Network).listen({ port: 0 })
 *   const socket = yield* Interop.dial(listener.address)
 *   const { pull } = yield* socket.reader
 *   const server = yield* listener.accept
 *   yield* server.write("hello")
 *   const [chunk] = yield* pull
 *   new TextDecoder().decode(chunk as Uint8Array) // => "hello"
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(NodeNetwork.layer)))
 * ```
 */
export * from "./InteropDatagram.ts"
export * from "./InteropServer.ts"
export * from "./InteropSocket.ts"
