/** Rot13 over UDP: a datagram in, a datagram out, borders kept. */
import * as Effect from "effect/Effect"
import * as Network from "../network/Network.ts"
import * as Rot13 from "./Rot13.ts"

/**
 * Answers every datagram with its rotation until the scope closes. An answer is as long as its question, so a forged
 * sender gains nothing by it.
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
