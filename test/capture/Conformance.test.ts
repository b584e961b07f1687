import * as Os from "node:os"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Capture from "../../src/capture/Capture.ts"
import * as CaptureWriter from "../../src/capture/CaptureWriter.ts"
import * as Network from "../../src/network/Network.ts"
import * as NodeNetwork from "../../src/network/node/NodeNetwork.ts"
import { suite } from "../suites/network/Network.ts"
import { Hosts } from "../support/Hosts.ts"

/** The host's network with a tap that encodes all packets and discards the result. */
const layer = Layer.effect(
  Network.Network,
  Effect.gen(function* () {
    const writer = CaptureWriter.make()
    return yield* Capture.wrap(yield* Network.Network, (packet) => {
      writer.tap(packet)
      writer.take()
    })
  })
).pipe(Layer.provide(NodeNetwork.layer))

const isLinux = process.platform === "linux"
const hasIpv6 = Object.values(Os.networkInterfaces()).some((all) => all?.some(({ address }) => address === "::1"))

suite({
  name: "NodeNetwork, captured",
  layer: Hosts.one(layer),
  real: true,
  ipv6: hasIpv6 ? { server: "::1", client: "::1" } : undefined,
  broadcast: isLinux ? "127.255.255.255" : undefined,
  multicast: { group: "239.255.71.4", interface: "127.0.0.1" },
  reusePort: isLinux ? true : undefined
})
