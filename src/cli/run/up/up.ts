/** Services in one process, each of which is started again if it fails. */

import * as Context from "effect/Context"
import type * as Command from "effect/cli/Command"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as pageFlags from "../../common/pageFlags.ts"
import type { Running } from "../../common/ServerHost.ts"
import { CommandInput, type Input as CommandLine } from "../../common/settings/CommandInput.ts"
import * as reload from "../../common/settings/reload.ts"
import * as settings from "../../common/settings/settings.ts"
import type { Values } from "../common/knownServices.ts"
import type { Page, Refusal } from "../common/page.ts"
import type { PageService } from "../common/pageService.ts"
import * as runServer from "../common/runServer.ts"
import { CannotServe } from "../common/serverMessages.ts"
import * as instance from "./instance.ts"
import * as plan from "./plan.ts"
import * as report from "./report.ts"
import { type Requirements, services } from "./services.ts"
import * as supervisor from "./supervisor.ts"

interface Input extends runServer.Operations {
  readonly restartDelay: Duration.Duration | undefined
  readonly maxRestartDelay: Duration.Duration | undefined
  readonly maxRestarts: number | undefined
  readonly check: boolean
}

const scheduleOf = ({ maxRestartDelay, maxRestarts, restartDelay }: Input) =>
  supervisor.backoff({
    firstDelayMillis: Duration.toMillis(restartDelay ?? "500 millis"),
    maxDelayMillis: Duration.toMillis(maxRestartDelay ?? "30 seconds"),
    maxRestarts
  })

/** The instances of the process, and the page that shows them. */
interface Instances {
  readonly group: instance.Group
  readonly plans: instance.Plans
  readonly page: Page | undefined
}

/**
 * Applies new options to an instance, and returns what has changed. One that has failed for good starts anew if they
 * differ from those of its last start; one that waits for its next start takes them then.
 */
const change = Effect.fnUntraced(function* (
  { group, page, plans }: Instances,
  before: plan.PlannedInstance,
  after: plan.PlannedInstance
) {
  const { name, service, values } = after
  const { phase, running } = (yield* group.instances).get(name) ?? {}
  const { flags } = services[service]!
  const current = (yield* Ref.get(plans.current)).get(name) ?? before.values
  const changedSince = (old: Values) => {
    const { limits, others } = reload.compare(old, values)
    return [...limits, ...others].map((key) => `${name}.${settings.nameOf(flags, key)}`)
  }
  if (phase === "restarting") return changedSince(before.values)
  if (phase === "failed") {
    if (changedSince(current).length === 0) return []
    yield* group.remove(name)
    yield* group.add(yield* instance.make(after, plans, page))
    return [`+${name}`]
  }
  const applied = yield* reload
    .apply(name, flags, current, values, running)
    .pipe(
      Effect.catch((message) =>
        Effect.as(Effect.logError(`${name} keeps its old settings: ${message}`), { names: [], values: current })
      )
    )
  yield* Ref.update(plans.current, (all) => new Map(all).set(name, applied.values))
  return applied.names.map((option) => `${name}.${option}`)
})

/** Starts and stops instances so that those of a plan run. Returns what has changed. */
const follow = Effect.fnUntraced(function* (instances: Instances, after: CommandLine, current: Values) {
  const { group, page, plans } = instances
  const planned = yield* Effect.mapError(plan.make(after), ({ message }) => message)
  const own = yield* reload.apply("up", after.flags, current, after.values)
  const changed: Array<string> = [...own.names]
  const known = yield* Ref.get(plans.planned)
  const isSame = ({ name, service }: plan.PlannedInstance) => known.get(name)?.service === service
  for (const [name] of known) {
    if (planned.some((one) => one.name === name && isSame(one))) continue
    yield* group.remove(name)
    changed.push(`-${name}`)
  }
  yield* Ref.set(plans.planned, new Map(planned.map((one) => [one.name, one])))
  for (const one of planned) {
    const { name } = one
    if (!isSame(one)) {
      yield* group.add(yield* instance.make(one, plans, page))
      changed.push(`+${name}`)
      continue
    }
    changed.push(...(yield* change(instances, known.get(name)!, one)))
  }
  return { names: changed, values: own.values }
})

/** Returns the instances for the page, with the options of their last start. */
const pageServices = Effect.fnUntraced(function* (
  group: instance.Group,
  plans: instance.Plans
): Effect.fn.Return<ReadonlyArray<PageService>> {
  const planned = yield* Ref.get(plans.planned)
  const current = yield* Ref.get(plans.current)
  return [...(yield* group.instances).values()].map(({ name, phase, ...one }) => {
    const { service = name, values = {} } = planned.get(name) ?? {}
    return { ...one, name, state: phase, service, values: current.get(name) ?? values }
  })
})

const refuse = (reason: Refusal["reason"], message: string) => Effect.fail<Refusal>({ reason, message })

/** Starts an instance again for a visitor of the page. */
const restart = Effect.fnUntraced(function* (
  group: instance.Group | undefined,
  name: string
): Effect.fn.Return<void, Refusal> {
  if (group === undefined || !(yield* group.instances).has(name))
    return yield* refuse("NotFound", `no service runs as ${JSON.stringify(name)}`)
  yield* Effect.logInfo(`${name} is restarted from the page`)
  const after = yield* group.restart(name)
  if (after === undefined) return yield* refuse("Busy", `${name} is being restarted or stopped: wait until it has`)
  if (after.phase === "ready") return
  const { lastError = "it has not started yet" } = after
  return yield* refuse("Unavailable", `${name} does not serve: ${lastError}`)
})

export const up = Effect.fnUntraced(function* (input: Input) {
  const planned = yield* plan.make(yield* CommandInput)
  if (input.check) return yield* report.printPlan(planned, input)
  const plans = yield* instance.makePlans(planned)
  const environment = yield* Effect.context<Command.Environment | Requirements>()
  const started = yield* Ref.make<instance.Group | undefined>(undefined)
  /** Reads from the group, once it has started. */
  const fromGroup = <A>(read: (group: instance.Group) => Effect.Effect<ReadonlyArray<A>>) =>
    Effect.flatMap(Ref.get(started), (group) => (group === undefined ? Effect.succeed([]) : read(group)))
  const start = Effect.fnUntraced(function* (page: Page | undefined) {
    const group: instance.Group = yield* supervisor.make<Running, never>({ schedule: scheduleOf(input) })
    yield* Ref.set(started, group)
    yield* Effect.forEach(planned, (one) => Effect.flatMap(instance.make(one, plans, page), group.add), {
      concurrency: "unbounded",
      discard: true
    })
    const instances = [...(yield* group.instances).values()]
    if (!instances.some(({ phase }) => phase === "ready")) {
      return yield* new CannotServe({ message: "cannot start any service: the warnings above state the reasons" })
    }
    const running: Instances = { group, plans, page }
    return running
  })
  const output = report.make(plans, input.json)
  yield* runServer.run(
    { ...input, page: input.page ?? pageFlags.defaultAddress },
    {
      name: "up",
      exactAddresses: true,
      serviceFlags: Object.values(services).map(({ flags }) => flags),
      start,
      announce: ({ group }, inherits, page) => output.announce(group, inherits, page),
      serve: ({ group }) => output.serve(group),
      states: fromGroup((group) => Effect.flatMap(group.instances, report.states)),
      contents: {
        services: fromGroup((group) => pageServices(group, plans)),
        restart: (name) => Effect.flatMap(Ref.get(started), (group) => restart(group, name))
      },
      isPageOptional: true,
      changes: ({ group }) => group.changes,
      // The services of the run, such as its loggers, win over those of the command.
      reload: (instances) => (after, current) =>
        Effect.updateContext(follow(instances, after, current), (run: Context.Context<never>) =>
          Context.merge(environment, run)
        ),
      stopping: input.json
        ? Effect.void
        : Effect.logInfo("waiting for requests in progress; a second Ctrl-C stops at once")
    }
  )
})
