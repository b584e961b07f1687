/** An instance of a service in the process of `up`: the program of its command, with a host instead of a process. */
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Ref from "effect/Ref"
import { CurrentHost, type Running } from "../../common/ServerHost.ts"
import * as settings from "../../common/settings/settings.ts"
import * as statusPeer from "../status/peer.ts"
import type { PlannedInstance } from "./plan.ts"
import { type Requirements, services, shownAddress } from "./services.ts"
import type * as supervisor from "./supervisor.ts"

/** The group of all instances. */
export type Group = supervisor.Supervisor<Running, never>

/** The plan of each instance by name; a restart takes the options that it has then. */
export type Plans = Ref.Ref<ReadonlyMap<string, PlannedInstance>>

/** Names the instance, and the option to change instead of the flag of a command: several services have the same. */
const explain = (message: string, { found, name, service }: PlannedInstance) =>
  settings.nameOrigins(`${name === service ? "" : `${name}: `}${message}`, found, (option) => {
    if (name !== service) return `up.services.${name}.${option}`
    return option === "port" ? `--${name}-port` : `--${service === "tftp" && option === "root" ? "tftp-root" : option}`
  })

/** Creates the instance. It shares the network of the caller. */
export const make = Effect.fnUntraced(function* ({ name }: PlannedInstance, plans: Plans) {
  const context = yield* Effect.context<Requirements>()
  const instance: supervisor.Instance<Running, never> = {
    name,
    run: (ready) =>
      Effect.gen(function* () {
        const planned = (yield* Ref.get(plans)).get(name)
        if (planned === undefined) return yield* Effect.never
        const { service, values } = planned
        const program = yield* Effect.promise(services[service]!.load)
        // Two peers of one host have different names.
        const own = service === "status" ? { name: yield* statusPeer.nameOf(name === "status" ? "up" : name) } : {}
        const started = (running: Running) => {
          const { address } = running
          const shown = address === undefined ? undefined : shownAddress(service, address, values)
          return ready({ ...running, address: shown }, shown === undefined ? "" : NetAddress.formatSocketAddress(shown))
        }
        yield* program({ ...values, ...own }).pipe(
          Effect.provideService(CurrentHost, { started, context }),
          Effect.provideContext(context),
          Effect.mapError((error) => ({ message: explain(error.message, planned) }))
        )
      })
  }
  return instance
})
