import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import type * as Socket from "effect/socket/Socket"
import * as Network from "../../src/network/Network.ts"
import * as NodeNetwork from "../../src/network/node/NodeNetwork.ts"
import * as Handles from "./Handles.ts"
import { Hosts } from "./Hosts.ts"

export const loopback = { host: "127.0.0.1", port: 0 }

const layer = Layer.mergeAll(NodeNetwork.layer, Hosts.one(NodeNetwork.layer))

/** A test of conversions on real sockets, which leaves none behind. */
export const test = <E>(name: string, body: () => Effect.Effect<void, E, Network.Network | Hosts | Scope.Scope>) =>
  it.live(name, () =>
    Handles.assertNoLeaks(Effect.suspend(body).pipe(Effect.scoped, Effect.timeout("10 seconds"), Effect.provide(layer)))
  )

/** What an effect socket said when it ended: the tag, and the code or the reason of our own error. */
export const endOf = <A, R>(effect: Effect.Effect<A, Socket.SocketError, R>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => {
    if (reason._tag === "SocketCloseError") return `${reason._tag} ${reason.code} ${reason.closeReason ?? ""}`.trimEnd()
    return `${reason._tag} ${reason.cause instanceof Network.NetworkError ? reason.cause.reason : ""}`.trimEnd()
  })

/** What a batch says. */
export const text = (chunks: ReadonlyArray<Uint8Array | string>) =>
  chunks.map((chunk) => (typeof chunk === "string" ? chunk : Buffer.from(chunk).toString())).join("")

/** Where Node is to connect. */
export const inet = (address: NetAddress.SocketAddress) => {
  assert.isTrue(NetAddress.isInetAddress(address))
  const { port } = address as NetAddress.InetAddress
  return { host: "127.0.0.1", port }
}
