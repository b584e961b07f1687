import { assert, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import { Network } from "../../../src/network/Network.ts"
import * as Simulation from "../../../src/simulation/Simulation.ts"
import { suite } from "../../suites/network/Network.ts"
import { Hosts } from "../../support/Hosts.ts"

/** The simulation of the current test. */
class Current extends Context.Reference<Simulation.Simulation | undefined>("effect-inet/test/Current", {
  defaultValue: () => undefined
}) {}

/** Two hosts on one LAN. */
const hosts = Layer.effect(
  Hosts,
  Effect.gen(function* () {
    const simulation = (yield* Current)!
    const at = Effect.fnUntraced(function* (name: string) {
      const host = yield* simulation.host(name)
      const network = yield* Effect.provide(Network, host.layer)
      return { network, address: host.address }
    })
    return Hosts.of({ server: yield* at("server"), client: yield* at("client"), turn: Effect.sleep("1 millis") })
  })
)

suite({
  name: "SimNetwork",
  layer: hosts,
  real: false,
  run: (name, body) =>
    it.effect(name, () =>
      Effect.gen(function* () {
        const report = yield* Simulation.run((simulation) => Effect.provideService(body(), Current, simulation))
        if (Exit.isFailure(report.exit)) return yield* Effect.failCause(report.exit.cause)
        assert.deepStrictEqual(report.leaked, { sockets: 0, timers: 0 })
      })
    ),
  ipv6: { server: "fd00::1", client: "fd00::2" },
  broadcast: "10.0.255.255",
  multicast: { group: "239.1.2.3", interface: "eth0" },
  silence: { group: "239.1.2.3", interface: "eth0" },
  reusePort: true
})
