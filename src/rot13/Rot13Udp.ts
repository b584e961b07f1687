/**
 * Rot13 over UDP: one datagram is answered by one datagram.
 *
 * **Example** (One datagram)
 *
 * ```ts
 * import * as Deferred from "effect/Deferred"
 * import * as Effect from "effect/Effect"
 * import { Network, NodeNetwork } from "effect-inet/network"
 * import { Rot13Udp } from "effect-inet/rot13"
 *
 * const program = Effect.gen(function* () {
 *   const server = yield* Rot13Udp.serve({ port: 0 })
 *   const reply = yield* Deferred.make<string>()
 *   const client = yield* (yield* Network.Network).udp({}, (bytes) =>
 *     Deferred.doneUnsafe(reply, Effect.succeed(new TextDecoder().decode(bytes)))
 *   )
 *   yield* client.send(new TextEncoder().encode("Hello"), { address: "127.0.0.1", port: server.local.port })
 *   yield* Deferred.await(reply) // => "Uryyb"
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(NodeNetwork.layer)))
 * ```
 */
import * as Effect from "effect/Effect"
import * as Network from "../network/Network.ts"
import * as Rot13 from "./Rot13.ts"

/**
 * Answers every datagram with its rotation until the scope closes. The reply is as long as the request, so a forged
 * sender address does not amplify traffic.
 *
 * @category constructors
 * @since 0.1.0
 */
export const serve = Effect.fnUntraced(function* (options: Network.UdpOptions, letters: Rot13.Case = "both") {
  const network = yield* Network.Network
  const socket: Network.UdpSocket = yield* network.udp(options, (bytes, from) =>
    socket.sendUnsafe(Rot13.rotate(bytes, letters), from)
  )
  return socket
})
