/** An instance of a service in the process of `up`: the program of its command, with a host instead of a process. */
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Ref from "effect/Ref"
import * as Scope from "effect/Scope"
import { CurrentHost, type Running } from "../../common/ServerHost.ts"
import * as settings from "../../common/settings/settings.ts"
import type { Values } from "../common/knownServices.ts"
import type { Page } from "../common/page.ts"
import * as statusPeer from "../status/peer.ts"
import type { PlannedInstance } from "./plan.ts"
import { type Requirements, services, shownAddress } from "./services.ts"
import type * as supervisor from "./supervisor.ts"

/** The group of all instances. */
export type Group = supervisor.Supervisor<Running, never>

/** The options of all instances by name. */
export interface Plans {
  /** The plan of each instance; a restart takes the options that it has then. */
  readonly planned: Ref.Ref<ReadonlyMap<string, PlannedInstance>>
  /** The values of the last start of each instance, with the limits that a reload has changed since. */
  readonly current: Ref.Ref<ReadonlyMap<string, Values>>
}

/** Keeps the plans of instances that have not been started. */
export const makePlans = (planned: ReadonlyArray<PlannedInstance>): Effect.Effect<Plans> =>
  Effect.all({
    planned: Ref.make<ReadonlyMap<string, PlannedInstance>>(new Map(planned.map((one) => [one.name, one]))),
    current: Ref.make<ReadonlyMap<string, Values>>(new Map())
  })

/**
 * Returns the message of a failed program without the name of the service: the instance is named beside it. Flags of
 * its command are replaced by the options to change, since several services have the same.
 */
export const explain = (
  message: string,
  { found = new Map(), name, service }: Pick<PlannedInstance, "name" | "service"> & Partial<PlannedInstance>
) =>
  settings.nameOrigins(message.replace(new RegExp(`^${service}(?: relay)?: `), ""), found, (option) => {
    if (name !== service) return `up.services.${name}.${option}`
    return option === "port" ? `--${name}-port` : `--${service === "tftp" && option === "root" ? "tftp-root" : option}`
  })

/** Creates the instance, which shows itself on the page. It shares the network of the caller. */
export const make = Effect.fnUntraced(function* ({ name }: PlannedInstance, plans: Plans, page: Page | undefined) {
  const context = yield* Effect.context<Requirements>()
  const instance: supervisor.Instance<Running, never> = {
    name,
    run: (ready) =>
      Effect.gen(function* () {
        const planned = (yield* Ref.get(plans.planned)).get(name)
        if (planned === undefined) return yield* Effect.never
        const { service, values } = planned
        const scope = yield* Effect.scope
        yield* Ref.update(plans.current, (current) => new Map(current).set(name, values))
        const program = yield* Effect.promise(services[service]!.load)
        // Two peers of one host have different names; a relay has none.
        const isPeer = service === "status" && values.relay !== true
        const own = isPeer ? { name: yield* statusPeer.nameOf(name === "status" ? "up" : name) } : {}
        const started = Effect.fnUntraced(function* (running: Running) {
          const { address } = running
          const shown = address === undefined ? undefined : shownAddress(service, address, values)
          const visible: Running = { ...running, address: shown }
          if (page !== undefined) yield* Scope.provide(page.add({ name, service, values, running: visible }), scope)
          yield* ready(visible, shown === undefined ? "" : NetAddress.formatSocketAddress(shown))
        })
        // Metrics and logs of two instances of a service have their own names.
        yield* program({ ...values, ...own, service: name }).pipe(
          Effect.provideService(CurrentHost, { started, context }),
          Effect.provideContext(context),
          Effect.mapError((error) => ({ message: explain(error.message, planned) }))
        )
      }).pipe(Effect.scoped)
  }
  return instance
})
