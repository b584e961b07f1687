/** The `impair` command: runs the proxy, prints its statistics, and changes its plan. */
import * as Console from "effect/Console"
import type * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as NetAddress from "effect/net/NetAddress"
import * as Stream from "effect/Stream"
import * as Network from "../../../network/Network.ts"
import * as AddressInfo from "../../../network/names/AddressInfo.ts"
import type { FaultPlan } from "../../../simulation/faults/FaultPlan.ts"
import * as FaultPlanSyntax from "../../../simulation/faults/FaultPlanSyntax.ts"
import * as Impairment from "../../../simulation/impairment/Impairment.ts"
import * as ImpairProxy from "../../../simulation/impairment/ImpairProxy.ts"
import { UsageError } from "../../common/CliErrors.ts"
import * as flags from "../../common/flags.ts"
import { dissectors } from "../common/dissectors.ts"
import * as network from "../common/network.ts"
import * as runServer from "../common/runServer.ts"
import { announce, explainListenError } from "../common/serverMessages.ts"
import * as controlSocket from "./controlSocket.ts"
import * as planFile from "./planFile.ts"
import * as statistics from "./statistics.ts"

interface Input extends runServer.Operations {
  readonly listen: flags.Endpoint
  readonly to: flags.Endpoint
  readonly plan: FaultPlan | undefined
  readonly planFile: string | undefined
  readonly controlSocket: string | undefined
  readonly seed: number
  readonly udp: boolean
  readonly tcp: boolean
  readonly interval: Duration.Duration | undefined
  readonly quiet: boolean
}

/** A running proxy with its impairment. */
interface Running {
  readonly impairment: Impairment.Impairment
  readonly proxy: ImpairProxy.ImpairProxy
}

const transportsOf = ({ tcp, udp }: Input): ReadonlyArray<"udp" | "tcp"> =>
  udp === tcp ? ["udp", "tcp"] : [udp ? "udp" : "tcp"]

/** Checks that there is one plan: that of the flag, or the file. */
const checkPlan = ({ plan, planFile: path }: Input) => {
  const message =
    plan === undefined && path === undefined
      ? "no plan: give --plan PLAN, such as drop=10%, or --plan-file FILE"
      : plan !== undefined && path !== undefined
        ? "give --plan or --plan-file, not both"
        : undefined
  return message === undefined ? Effect.void : Effect.fail(new UsageError({ message }))
}

/** Returns the address of the server. A name may have both families; that of the proxy's own address is preferred. */
const resolve = Effect.fnUntraced(function* ({ listen, to }: Input) {
  const family = listen.host.includes(":") ? 6 : 4
  const isName = !/^[\d.]+$|:/.test(to.host)
  const [server] = yield* AddressInfo.getaddrinfo(to.host, to.port, isName ? { family } : {})
  return server.address
})

/** Replaces the plan, and logs the counts of the old one. Checks nothing: the plan is one of this network. */
const replacePlan = (impairment: Impairment.Impairment, plan: FaultPlan) =>
  Effect.suspend(() => {
    const before = impairment.summary() || "none"
    impairment.replace(plan)
    return Effect.logInfo(`plan changed: ${FaultPlanSyntax.format(plan) || "no faults"}; faults until now: ${before}`)
  })

/** Returns what a reload changes: the plan of the file, or that of the configuration. */
const reloadOf = (
  { planFile: path }: Input,
  impairment: Impairment.Impairment,
  services: Context.Context<FileSystem.FileSystem>
) => ({
  limitKeys: new Set(path === undefined ? ["plan"] : []),
  reconfigure: (limits: object) =>
    "plan" in limits && limits.plan !== undefined ? replacePlan(impairment, limits.plan as FaultPlan) : Effect.void,
  reread:
    path === undefined
      ? Effect.succeed([])
      : Effect.gen(function* () {
          const plan = yield* Effect.provideContext(planFile.read(path), services)
          const isSame = FaultPlanSyntax.format(plan) === FaultPlanSyntax.format(impairment.plan)
          if (isSame && !impairment.isHealed) return []
          yield* replacePlan(impairment, plan)
          return ["plan-file"]
        })
})

/** Prints the statistics: in the log when they change or at an interval, as JSON at an interval and the end. */
const report = Effect.fnUntraced(function* (input: Input, { impairment, proxy }: Running) {
  const { interval, json, quiet, seed } = input
  const hasUdp = transportsOf(input).includes("udp")
  const lineOf = (stats: ImpairProxy.Stats) => statistics.line(impairment, stats, hasUdp)
  let lastLine = lineOf(yield* proxy.stats)
  const log = (stats: ImpairProxy.Stats) =>
    Effect.suspend(() => {
      lastLine = lineOf(stats)
      return quiet ? Effect.void : Effect.logInfo(lastLine)
    })
  const print = (event: "stats" | "end") => (stats: ImpairProxy.Stats) =>
    Effect.flatMap(statistics.value(event, impairment, stats, seed), (value) => Console.log(JSON.stringify(value)))
  const each = (stats: ImpairProxy.Stats) => {
    if (interval !== undefined) return json ? print("stats")(stats) : log(stats)
    return lineOf(stats) === lastLine ? Effect.void : log(stats)
  }
  const every = interval ?? "1 second"
  yield* Effect.forkScoped(
    Stream.runForEach(interval === undefined ? proxy.statsEvery(every) : Stream.drop(proxy.statsEvery(every), 1), each)
  )
  const end = (stats: ImpairProxy.Stats) => (json ? Effect.andThen(log(stats), print("end")(stats)) : log(stats))
  return Effect.flatMap(proxy.stats, end)
})

/** Serves the control socket, if there is one. */
const serveControl = ({ controlSocket: path, seed }: Input, { impairment, proxy }: Running) =>
  path === undefined
    ? Effect.void
    : Effect.catch(
        controlSocket.listen(path, {
          replace: (plan) => replacePlan(impairment, plan),
          heal: Effect.suspend(() => {
            impairment.heal()
            return Effect.logInfo("faults ended by the control socket")
          }),
          stats: Effect.flatMap(proxy.stats, (stats) => statistics.value("stats", impairment, stats, seed))
        }),
        explainListenError("impair", 0, "--control-socket")
      )

/** Starts the proxy and all that goes with it. */
const start = Effect.fnUntraced(function* (input: Input) {
  const { listen, seed } = input
  const transports = transportsOf(input)
  yield* checkPlan(input)
  // That of a file follows in `open`.
  const { plan = [] } = input
  const server = yield* resolve(input)
  const impairment = yield* Effect.fromResult(Impairment.make(plan, { seed, dissectors, changeable: true }))
  const capture = yield* network.CapturedNetwork
  const hasPlan = plan.length > 0 || input.planFile !== undefined
  const isBoth = hasPlan && capture === undefined && (yield* flags.Capture) !== undefined
  if (isBoth) yield* Effect.logWarning("the capture marks only the faults of --faults, not those of --plan")
  let reportEnd: Effect.Effect<void> = Effect.void
  // Printed last, when the proxy has drained.
  yield* Effect.addFinalizer(() => reportEnd)
  const { observer, network: beneath } = capture ?? { network: yield* Network.Network }
  const proxy = yield* ImpairProxy.make(impairment, { listen, to: server, transports, observer }).pipe(
    Effect.provideService(Network.Network, beneath),
    Effect.catch(({ reason, transport }) => explainListenError("impair", listen.port, "--listen", transport)(reason))
  )
  const notice = statistics.bufferNotice(proxy.receiveBufferBytes, ImpairProxy.receiveBufferBytes)
  if (notice !== undefined && !input.quiet) yield* Effect.logInfo(notice)
  const running: Running = { impairment, proxy }
  const pageStats = Effect.map(proxy.stats, (stats) => statistics.pageStats(impairment, stats))
  const reload = reloadOf(input, impairment, yield* Effect.context<FileSystem.FileSystem>())
  /** Opens the files, as the user of the proxy. */
  const open = Effect.gen(function* () {
    if (input.planFile !== undefined) {
      const read = Effect.mapError(planFile.read(input.planFile), (message) => new UsageError({ message }))
      impairment.replace(yield* read)
    }
    yield* Effect.provideService(serveControl(input, running), Network.Network, beneath)
    reportEnd = yield* report(input, running)
  })
  return { ...proxy, ...reload, open, pageStats, server, transports }
})

export const impair = (input: Input) =>
  runServer.serve("impair", input, start(input), {
    // A client of TCP has a connection on each side of the proxy.
    open: ({ open }) => open,
    capacity: { clients: 1_024, descriptorsEach: input.udp && !input.tcp ? 1 : 2 },
    announce: ({ address, server, transports }) =>
      input.json
        ? announce("impair", address, true)
        : Console.log(
            `impair on ${NetAddress.formatInet(address)} (${transports.join(", ")}), to ${NetAddress.formatInet(server)}`
          )
  })
