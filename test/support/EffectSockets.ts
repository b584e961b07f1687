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

/** Registers a test of conversions on real sockets, which must close all of them. */
export const test = <E>(name: string, body: () => Effect.Effect<void, E, Network.Network | Hosts | Scope.Scope>) =>
  it.live(name, () =>
    Handles.assertNoLeaks(Effect.suspend(body).pipe(Effect.scoped, Effect.timeout("30 seconds"), Effect.provide(layer)))
  )

/** Returns the end of an effect socket: the tag, and the close code or the reason of the `NetworkError`. */
export const endOf = <A, R>(effect: Effect.Effect<A, Socket.SocketError, R>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => {
    if (reason._tag === "SocketCloseError") return `${reason._tag} ${reason.code} ${reason.closeReason ?? ""}`.trimEnd()
    return `${reason._tag} ${reason.cause instanceof Network.NetworkError ? reason.cause.reason : ""}`.trimEnd()
  })

/** Decodes a batch as text. */
export const text = (chunks: ReadonlyArray<Uint8Array | string>) =>
  chunks.map((chunk) => (typeof chunk === "string" ? chunk : Buffer.from(chunk).toString())).join("")

/** Converts an address for Node. */
export const inet = (address: NetAddress.SocketAddress) => {
  assert.isTrue(NetAddress.isInetAddress(address))
  const { port } = address as NetAddress.InetAddress
  return { host: "127.0.0.1", port }
}
