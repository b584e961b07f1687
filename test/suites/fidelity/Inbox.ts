/** Sockets that record what happens to them, and results as plain values, for scenarios. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Endpoint from "../../../src/network/Endpoint.ts"
import type { NetworkError, UdpOptions, UdpSocket } from "../../../src/network/Network.ts"
import type { Host } from "./Fidelity.ts"

/** A UDP socket with the texts and the errors that it received. */
export interface Inbox {
  readonly socket: UdpSocket
  readonly port: number
  readonly texts: Array<string>
  /** Senders of the texts, in the same order. */
  readonly from: Array<Endpoint.Endpoint>
  readonly errors: Array<string>
}

/** Opens a UDP socket on the host; default address: that of the host. */
export const open = Effect.fnUntraced(function* (host: Host, options: UdpOptions = {}) {
  const texts: Array<string> = []
  const from: Array<Endpoint.Endpoint> = []
  const errors: Array<string> = []
  const socket = yield* host.network.udp(
    { host: host.address, ...options },
    (bytes, sender) => {
      texts.push(Buffer.from(bytes).toString("latin1"))
      from.push({ address: sender.address, port: sender.port })
    },
    ({ reason }) => errors.push(reason)
  )
  return { socket, port: socket.local.port, texts, from, errors } satisfies Inbox
})

/** Sends a text from a socket; returns `Success` or the reason of the failure. */
export const send = ({ socket }: Inbox, text: string, address?: string, port = 0) =>
  outcome(
    socket.send(new Uint8Array(Buffer.from(text, "latin1")), address === undefined ? undefined : { address, port })
  )

/** Returns `Success`, `Done`, or the reason of the failure; an operation that hangs fails the scenario. */
export const outcome = <A, R>(
  effect: Effect.Effect<A, NetworkError | Cause.Done, R>
): Effect.Effect<string, Cause.TimeoutError, R> =>
  Effect.match(effect, {
    onSuccess: () => "Success",
    onFailure: (error) => (Cause.isDone(error) ? "Done" : error.reason)
  }).pipe(Effect.timeout("30 seconds"))

/** Returns the address of a socket without its port. */
export const addressOf = (local: NetAddress.SocketAddress): string =>
  NetAddress.isInetAddress(local) ? NetAddress.formatIp(local.address) : NetAddress.formatSocketAddress(local)

/** Sends datagrams of `size` bytes at once, before the receiver can take one. */
export const burst = (
  { socket }: Inbox,
  to: Inbox,
  count: number,
  size: number,
  address = addressOf(to.socket.local)
) => {
  const bytes = new Uint8Array(size)
  for (let i = 0; i < count; i++) socket.sendUnsafe(bytes, { address, port: to.port })
}
