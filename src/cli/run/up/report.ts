/** The output of `up`, and the states of its services for the admin server. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import type * as ServiceState from "../../../admin/ServiceState.ts"
import * as Table from "../../../terminal/Table.ts"
import * as pageFlags from "../../common/pageFlags.ts"
import type { Running } from "../../common/ServerHost.ts"
import { ShutdownSignal } from "../../common/Shutdown.ts"
import { tryItOf } from "../common/knownServices.ts"
import type { Page } from "../common/page.ts"
import type * as runServer from "../common/runServer.ts"
import { summarize } from "../common/serverMessages.ts"
import type { Group, Plans } from "./instance.ts"
import * as plan from "./plan.ts"
import type * as supervisor from "./supervisor.ts"

type Instances = supervisor.Table<Running>
type Instance = supervisor.Supervised<Running>

/** Options that are the address of an instance. */
const addressOptions: ReadonlySet<string> = new Set(["host", "port", "unix"])

/** A line of the plan. */
interface PlannedLine {
  readonly name: string
  readonly service: string
  readonly address: string
  readonly options: Readonly<Record<string, string>>
}

/** Returns the line of the page; none without a page. */
const pageLine = ({ control = false, page = pageFlags.defaultAddress, pageHost = [] }: runServer.Operations) => {
  if (page === "off") return []
  const options = {
    ...(control ? { control: "true" } : {}),
    ...(pageHost.length > 0 ? { "page-host": pageHost.join(",") } : {})
  }
  return [{ name: "page", service: "page", address: plan.formatAddress(page), options }]
}

/** Prints the instances that would run, and then the page. */
export const printPlan = (planned: ReadonlyArray<plan.PlannedInstance>, operations: runServer.Operations) => {
  const instances = planned.map((one): PlannedLine => {
    const { name, service } = one
    return { name, service, address: plan.addressOf(one), options: plan.optionsOf(one) }
  })
  return Effect.forEach(
    [...instances, ...pageLine(operations)],
    ({ address, name, options, service }) => {
      if (operations.json) return Console.log(JSON.stringify({ name, service, address, options }))
      const others = Object.entries(options).filter(([option]) => !addressOptions.has(option))
      const shown = others.map(([option, value]) => `${option}=${value}`)
      const widths = [Table.left(10), Table.left(8), Table.left(22)]
      return Console.log(Table.formatRow(widths, [name, service, address, shown.join(" ")], " ").trimEnd())
    },
    { discard: true }
  )
}

/** Time that the stats of one service may take. */
const statsTimeout = "1 second"

/** Returns the states for the admin server, with the stats of each service. */
export const states = (instances: Instances): Effect.Effect<ReadonlyArray<ServiceState.ServiceState>> =>
  Effect.forEach(
    instances.values(),
    ({ address, lastError, name, phase, restarts, running, sinceMillis }) =>
      Effect.map(
        (running?.stats ?? Effect.undefined).pipe(
          Effect.timeoutOrElse({ duration: statsTimeout, orElse: () => Effect.undefined })
        ),
        (stats): ServiceState.ServiceState => ({ name, state: phase, address, restarts, lastError, sinceMillis, stats })
      ),
    { concurrency: "unbounded" }
  )

/** Returns the JSON of a change. */
const toJson = ({ lastError, name, phase, restarts, running }: Instance) => {
  const address = running?.address
  const place =
    address === undefined
      ? {}
      : NetAddress.isInetAddress(address)
        ? { address: NetAddress.formatHost(address), port: address.port }
        : { path: address.path }
  return JSON.stringify({ service: name, state: phase, ...place, restarts, lastError })
}

/** Returns the instances whose phase has changed. */
const changedBetween = (before: Instances, after: Instances) =>
  [...after.values()].filter((one) => {
    const old = before.get(one.name)
    return old === undefined || old.phase !== one.phase || old.restarts !== one.restarts
  })

const log = (one: Instance) =>
  one.phase === "ready"
    ? Effect.logInfo(`${one.name} is ready${one.address === "" ? "" : ` on ${one.address}`}, restarts: ${one.restarts}`)
    : Effect.void

/** Prints a line of the start: a name, its address, and what to do with it. */
const printRow = (name: string, address: string, tryIt: string) =>
  Console.log(Table.formatRow([Table.left(10), Table.left(22)], [name, address, tryIt], " "))

/** Prints the address of the page, and the link to it. */
const announcePage = ({ address, link }: Page, json: boolean) =>
  json
    ? Console.log(
        JSON.stringify({
          ...{ service: "page", state: "ready", address: NetAddress.formatHost(address), port: address.port },
          ...{ restarts: 0, link }
        })
      )
    : printRow("page", NetAddress.formatInet(address), link)

/** Data that the start prints besides the services. */
interface Surroundings {
  /** True if another process has bound sockets for this one. */
  readonly inherits: boolean
  readonly page: Page | undefined
}

/** Prints the services that are ready, each with a command that tries it, and then the link to the page. */
const announce = Effect.fnUntraced(function* (
  table: Instances,
  plans: Plans,
  json: boolean,
  { inherits, page }: Surroundings
) {
  const instances = [...table.values()]
  const known = yield* Ref.get(plans.planned)
  const ready = instances.filter(({ phase }) => phase === "ready")
  for (const one of instances) {
    const address = one.running?.address
    const planned = known.get(one.name)
    if (json) yield* Console.log(toJson(one))
    else if (address !== undefined && planned !== undefined) {
      const tryIt = tryItOf(planned.service, address, planned.values)!
      yield* printRow(one.name, NetAddress.formatSocketAddress(address), tryIt)
    }
  }
  if (page !== undefined) yield* announcePage(page, json)
  const addresses = ready.flatMap(({ running }) => running?.address ?? [])
  const summary = summarize(addresses, `${ready.length} of ${instances.length} services`, inherits)
  yield* Effect.logInfo(`${summary}; Ctrl-C stops them`)
})

/** Returns the functions that print a group: its services once they have started, and then their changes. */
export const make = (plans: Plans, json: boolean) => {
  let printed: Instances = new Map()
  const printChanges = Effect.fnUntraced(function* (after: Instances) {
    const changed = changedBetween(printed, after)
    printed = after
    for (const one of changed) yield* json ? Console.log(toJson(one)) : log(one)
  })
  return {
    announce: Effect.fnUntraced(function* (group: Group, inherits: boolean, page: Page | undefined) {
      printed = yield* group.instances
      yield* announce(printed, plans, json, { inherits, page })
    }),
    serve: Effect.fnUntraced(function* (group: Group) {
      yield* Effect.raceFirst(Stream.runForEach(group.changes, printChanges), yield* ShutdownSignal)
    })
  }
}
