/** Notes of a check in the record of a run, beside the events of the network. */
import * as Effect from "effect/Effect"
import type * as Explanation from "../explain/Explanation.ts"
import type * as Recording from "../Recording.ts"
import type * as Simulation from "../Simulation.ts"

const recorders = new WeakMap<Simulation.Simulation, Recording.Recorder>()

/** Attaches the recorder of a run to its simulation. */
export const attach = (simulation: Simulation.Simulation, record: Recording.Recorder): void => {
  recorders.set(simulation, record)
}

/** Records a note of a host, as a log line of a level of its own. */
export const add = (
  simulation: Simulation.Simulation,
  note: { readonly at: number; readonly host: string; readonly level: string; readonly message: string }
): void => recorders.get(simulation)?.({ _tag: "Log", ...note })

/** Collects the names and the addresses of the hosts that a scenario adds. */
export const observeHosts = (
  simulation: Simulation.Simulation,
  hosts: Array<Explanation.Host>
): Simulation.Simulation => ({
  ...simulation,
  host: (name, options) =>
    Effect.map(simulation.host(name, options), (host) => {
      hosts.push({ name, addresses: [host.address] })
      return host
    })
})
