/** Services in one process, each of which is started again if it fails. */

import * as Context from "effect/Context"
import type * as Command from "effect/cli/Command"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import type { Running } from "../../common/ServerHost.ts"
import { CommandInput, type Input as CommandLine } from "../../common/settings/CommandInput.ts"
import * as reload from "../../common/settings/reload.ts"
import * as settings from "../../common/settings/settings.ts"
import * as runServer from "../common/runServer.ts"
import { CannotServe } from "../common/serverMessages.ts"
import * as instance from "./instance.ts"
import * as plan from "./plan.ts"
import * as report from "./report.ts"
import { type Requirements, services, type Values } from "./services.ts"
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

/**
 * Applies new options to an instance, and returns what has changed. One that has failed for good starts anew if they
 * differ from those of its last start; one that waits for its next start takes them then.
 */
const change = Effect.fnUntraced(function* (
  group: instance.Group,
  plans: instance.Plans,
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
    yield* group.add(yield* instance.make(after, plans))
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
const follow = Effect.fnUntraced(function* (
  group: instance.Group,
  plans: instance.Plans,
  after: CommandLine,
  current: Values
) {
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
      yield* group.add(yield* instance.make(one, plans))
      changed.push(`+${name}`)
      continue
    }
    changed.push(...(yield* change(group, plans, known.get(name)!, one)))
  }
  return { names: changed, values: own.values }
})

export const up = Effect.fnUntraced(function* (input: Input) {
  const planned = yield* plan.make(yield* CommandInput)
  if (input.check) return yield* report.printPlan(planned, input.json)
  const plans = yield* instance.makePlans(planned)
  const environment = yield* Effect.context<Command.Environment | Requirements>()
  const started = yield* Ref.make<instance.Group | undefined>(undefined)
  const states = Effect.flatMap(Ref.get(started), (group) =>
    group === undefined ? Effect.succeed([]) : Effect.flatMap(group.instances, report.states)
  )
  const start = Effect.gen(function* () {
    const group: instance.Group = yield* supervisor.make<Running, never>({ schedule: scheduleOf(input) })
    yield* Ref.set(started, group)
    yield* Effect.forEach(planned, (one) => Effect.flatMap(instance.make(one, plans), group.add), {
      concurrency: "unbounded",
      discard: true
    })
    const instances = [...(yield* group.instances).values()]
    if (!instances.some(({ phase }) => phase === "ready")) {
      return yield* new CannotServe({ message: "cannot start any service: the warnings above state the reasons" })
    }
    return group
  })
  yield* runServer.run(input, {
    name: "up",
    exactAddresses: true,
    serviceFlags: Object.values(services).map(({ flags }) => flags),
    start,
    ...report.make(plans, input.json),
    states,
    changes: (group) => group.changes,
    // The services of the run, such as its loggers, win over those of the command.
    reload: (group) => (after, current) =>
      Effect.updateContext(follow(group, plans, after, current), (run: Context.Context<never>) =>
        Context.merge(environment, run)
      ),
    stopping: input.json
      ? Effect.void
      : Effect.logInfo("waiting for requests in progress; a second Ctrl-C stops at once")
  })
})
