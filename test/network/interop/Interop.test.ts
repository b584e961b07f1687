import * as NodeDatagramSocket from "@effect/platform-node/NodeDatagramSocket"
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as NodeSocketServer from "@effect/platform-node/NodeSocketServer"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import type * as Endpoint from "../../../src/network/Endpoint.ts"
import * as Interop from "../../../src/network/interop/Interop.ts"
import * as Network from "../../../src/network/Network.ts"
import * as NodeNetwork from "../../../src/network/node/NodeNetwork.ts"
import * as NetworkClosing from "../../suites/network/NetworkClosing.ts"
import * as NetworkStream from "../../suites/network/NetworkStream.ts"
import * as NetworkUdp from "../../suites/network/NetworkUdp.ts"
import type { Test } from "../../suites/network/Subject.ts"
import * as Handles from "../../support/Handles.ts"
import { Hosts } from "../../support/Hosts.ts"

const testOn =
  (layer: Layer.Layer<Hosts>): Test =>
  (name, body) =>
    it.live(name, () =>
      Handles.assertNoLeaks(Effect.suspend(body).pipe(Effect.scoped, Effect.provide(layer, { local: true })))
    )

const unknown = NetAddress.inetAddressUnsafe(NetAddress.ipv4Unspecified, 0)

const inet = (address: NetAddress.SocketAddress) => {
  assert.isTrue(NetAddress.isInetAddress(address))
  return address as NetAddress.InetAddress
}

const parse = ({ address, port }: Endpoint.Endpoint) =>
  Effect.mapError(
    Effect.fromResult(NetAddress.inetAddressFromIpString(address, port)),
    (cause) => new Network.NetworkError({ reason: "InvalidAddress", cause })
  )

/** effect's Node sockets as a `Network`. */
const foreign: Network.Network["Service"] = {
  listen: Effect.fnUntraced(function* (options) {
    assert.isTrue("port" in options)
    const { keepAlive: _, ...where } = options as Network.TcpListenOptions
    const server = yield* Effect.orDie(NodeSocketServer.make({ ...where, allowHalfOpen: true, noDelay: true }))
    const remote = Effect.map(NodeSocket.NetSocket, ({ remoteAddress, remotePort }) =>
      NetAddress.inetAddressFromIpStringUnsafe(remoteAddress!, remotePort!)
    ) as Effect.Effect<NetAddress.SocketAddress>
    return yield* Interop.fromSocketServer(server, { remote })
  }),
  connect: Effect.fnUntraced(function* (remote) {
    const { address, port } = inet(remote)
    const host = NetAddress.formatIp(address)
    const socket = yield* NodeSocket.makeNet({ host, port, allowHalfOpen: true, noDelay: true })
    return yield* Interop.fromSocket(socket, { local: unknown, remote })
  }),
  udp: Effect.fnUntraced(function* ({ host, port, remote, reuseAddress }, onDatagram, onError) {
    const address = remote && (yield* parse(remote))
    const socket = yield* NodeDatagramSocket.make({
      bind: { address: host, port },
      reuseAddress,
      ...(address === undefined ? {} : { connect: address }),
      onError: (error) => onError?.(Interop.fromDatagramError(error, address))
    })
    return yield* Interop.fromDatagramSocket(socket, onDatagram, onError)
  }),
  interfaces: Effect.succeed([]),
  availableSockets: () => Number.POSITIVE_INFINITY
}

/** `NodeNetwork` converted to effect's sockets and back. */
const thereAndBack = Layer.effect(
  Network.Network,
  Effect.gen(function* () {
    const network = yield* Network.Network
    return Network.Network.of({
      ...network,
      listen: (options) =>
        Effect.flatMap(network.listen(options), (listener) =>
          Interop.fromSocketServer(Interop.toSocketServer(listener))
        ),
      connect: (remote) =>
        Interop.dial(remote).pipe(
          Effect.flatMap((socket) => Interop.fromSocket(socket, { local: unknown, remote })),
          Effect.provideService(Network.Network, network)
        ),
      udp: (options, onDatagram, onError) =>
        Interop.toDatagramSocket(options, {
          onError: (error) => onError?.(Interop.fromDatagramError(error))
        }).pipe(
          Effect.flatMap((socket) => Interop.fromDatagramSocket(socket, onDatagram, onError)),
          Effect.provideService(Network.Network, network)
        )
    })
  })
).pipe(Layer.provide(NodeNetwork.layer))

describe("Interop: effect's sockets as a Network", () => {
  const test = testOn(Hosts.one(Layer.succeed(Network.Network, foreign)))
  NetworkStream.suite(test)
  NetworkClosing.suite(test)
  NetworkUdp.suite(test)
})

describe("Interop: a Network converted to effect's sockets and back", () => {
  const test = testOn(Hosts.one(thereAndBack))
  NetworkStream.suite(test)
  NetworkClosing.reset(test)
  NetworkClosing.suite(test)
  NetworkClosing.lastWords(test)
  NetworkUdp.suite(test)
  NetworkUdp.ephemeralPorts(test)
})
