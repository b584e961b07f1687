import * as Os from "node:os"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Capture from "../../../src/capture/Capture.ts"
import * as CaptureWriter from "../../../src/capture/CaptureWriter.ts"
import * as Network from "../../../src/network/Network.ts"
import * as NodeNetwork from "../../../src/network/node/NodeNetwork.ts"
import type { ObservedPacket } from "../../../src/network/Packet.ts"
import type { FaultPlan } from "../../../src/simulation/faults/FaultPlan.ts"
import * as FaultPlanSyntax from "../../../src/simulation/faults/FaultPlanSyntax.ts"
import * as Impairment from "../../../src/simulation/impairment/Impairment.ts"
import { suite } from "../../suites/network/Network.ts"
import { Hosts } from "../../support/Hosts.ts"

const isLinux = process.platform === "linux"
const hasIpv6 = Object.values(Os.networkInterfaces()).some((all) => all?.some(({ address }) => address === "::1"))

const plans: Readonly<Record<string, FaultPlan>> = {
  "an empty plan": [],
  "a plan that nothing matches": FaultPlanSyntax.parseUnsafe("drop=#1000000.., chunk=#1000000.., partition=192.0.2.1|*")
}

/** Impairs a network by a plan; the second plan is also captured, which must make no difference. */
const layer = (plan: FaultPlan) =>
  Layer.effect(
    Network.Network,
    Effect.gen(function* () {
      const recording = CaptureWriter.make()
      const tap = (sighting: ObservedPacket) => {
        recording.tap(sighting)
        recording.take()
      }
      const observer = plan.length === 0 ? undefined : { tap, wrap: Capture.wrap }
      return yield* Impairment.wrap(yield* Network.Network, Result.getOrThrow(Impairment.make(plan)), { observer })
    })
  ).pipe(Layer.provide(NodeNetwork.layer))

for (const [name, plan] of Object.entries(plans)) {
  suite({
    name: `NodeNetwork, impaired by ${name}`,
    layer: Hosts.one(layer(plan)),
    real: true,
    ipv6: hasIpv6 ? { server: "::1", client: "::1" } : undefined,
    broadcast: isLinux ? "127.255.255.255" : undefined,
    multicast: { group: "239.255.71.5", interface: "127.0.0.1" },
    reusePort: isLinux ? true : undefined
  })
}
