/** The `scan` command. */
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as PortScan from "../../../inspect/PortScan.ts"
import * as NodePortTest from "../../../inspect/scan/NodePortTest.ts"
import * as PortTest from "../../../inspect/scan/PortTest.ts"
import * as Monotonic from "../../../network/Monotonic.ts"
import { ServiceNames } from "../../../network/names/ServiceNames.ts"
import * as Quantity from "../../../network/Quantity.ts"
import * as NodeTerminal from "../../../terminal/NodeTerminal.ts"
import * as ProgressBar from "../../../terminal/ProgressBar.ts"
import { UsageError } from "../../common/CliErrors.ts"
import * as flags from "../../common/flags.ts"
import * as network from "../common/network.ts"
import * as format from "./format.ts"
import { probes } from "./probes.ts"
import * as targets from "./targets.ts"

interface Input {
  readonly hosts: ReadonlyArray<string>
  readonly ports: string | undefined
  readonly udp: boolean
  readonly open: boolean
  readonly noIdentify: boolean
  readonly remote: boolean
  readonly family: 4 | 6 | undefined
  readonly timeout: Duration.Duration | undefined
  readonly concurrency: number | undefined
  readonly rate: number | undefined
  readonly retries: number | undefined
  readonly json: boolean
  readonly greppable: boolean
}

const advice = "--remote: scan only hosts whose owner has agreed to it; elsewhere a scan may be against the law"

/** Fails for hosts other than this one without `--remote`, and says with it what one may scan. */
const checkRemote = Effect.fnUntraced(function* (found: ReadonlyArray<targets.Target>, isAllowed: boolean) {
  const remote = yield* targets.findRemote(found)
  if (remote === undefined) return
  if (isAllowed) return yield* Effect.logInfo(advice)
  const message = `${remote.address} is not an address of this host: scan others with --remote, and only where their owner has agreed`
  return yield* new UsageError({ message })
})

/** Width of a table that is not printed to a terminal. */
const unlimitedColumns = 1_000

const refreshMillis = 100

/** Makes the progress bar on standard error, if that is a terminal. */
const openBar = Effect.fnUntraced(function* () {
  const line = yield* NodeTerminal.openLine
  const now = yield* Monotonic.millis
  let drawnAt = Number.NEGATIVE_INFINITY
  const started = now()
  return {
    draw: (fraction: number, openPorts: number) =>
      Effect.suspend(() => {
        if (line === undefined) return Effect.void
        if (fraction === 1) return line.clear
        if (now() - drawnAt < refreshMillis) return Effect.void
        drawnAt = now()
        const left = fraction > 0 ? ((now() - started) * (1 - fraction)) / fraction : undefined
        const details = [`  ${openPorts} open  ${ProgressBar.formatEta(left)}`, ""]
        const width = NodeTerminal.columns() - 1
        return line.draw(ProgressBar.format({ title: "scan", fraction, details, width, maxBarWidth: 40 }))
      }),
    clear: Effect.suspend(() => {
      drawnAt = Number.NEGATIVE_INFINITY
      return line?.clear ?? Effect.void
    })
  }
})

/** Prints the events of a scan: JSON as it comes, other reports in the order in which the hosts were given. */
const makePrinter = Effect.fnUntraced(function* (input: Input, found: ReadonlyArray<targets.Target>) {
  const names = yield* ServiceNames
  const transport = input.udp ? "udp" : "tcp"
  const nameOf: format.NameOf = (port) =>
    Option.getOrElse(
      Option.map(names.getservbyport(port, transport), ({ name }) => name),
      () => ""
    )
  const isTerminal = yield* (yield* Stdio.Stdio).stdoutIsTerminal
  const bar = yield* openBar()
  const targetOf = new Map(found.map((target) => [target.address, target]))
  const ports = new Map<string, Array<PortScan.PortResult>>()
  const reports = new Map<string, string>()
  let printedHosts = 0
  let openPorts = 0
  const print = (text: string) => Effect.andThen(bar.clear, Console.log(text))
  /** Prints the reports that wait for no host before them. */
  const printReports = Effect.gen(function* () {
    while (true) {
      const address = found[printedHosts]?.address ?? ""
      const report = reports.get(address)
      if (report === undefined) return
      reports.delete(address)
      printedHosts++
      yield* print(report)
    }
  })
  const onPort = (result: PortScan.PortResult) => {
    if (result.verdict === "open") openPorts++
    if (input.open && !result.verdict.startsWith("open")) return Effect.void
    if (input.json) return print(JSON.stringify(format.portJson(result, targetOf.get(result.address)!, nameOf)))
    const own = ports.get(result.address) ?? []
    own.push(result)
    ports.set(result.address, own)
    return Effect.void
  }
  const onHost = (host: PortScan.HostResult) => {
    const target = targetOf.get(host.address)!
    if (input.json) return print(JSON.stringify(format.hostJson(host, target)))
    const report = { target, ports: ports.get(host.address) ?? [], counts: host.counts }
    ports.delete(host.address)
    const width = isTerminal ? NodeTerminal.columns() : unlimitedColumns
    const text = input.greppable
      ? format.greppable(report, nameOf)
      : `${format.text(report, nameOf, !input.noIdentify, input.open, width)}\n`
    reports.set(host.address, text)
    return printReports
  }
  return (event: PortScan.ScanEvent) => {
    switch (event._tag) {
      case "Port":
        return onPort(event)
      case "Host":
        return onHost(event)
      case "Progress":
        return bar.draw(event.fraction, openPorts)
    }
  }
})

const checkFlags = (input: Input) =>
  input.json && input.greppable
    ? Effect.fail(new UsageError({ message: "--json and --greppable cannot be combined: choose one" }))
    : Effect.void

/** Tests on sockets of this host, or over the network of --faults and --capture. */
const portTests = Layer.unwrap(
  Effect.gen(function* () {
    const faults = (yield* flags.Faults) ?? []
    const isObserved = faults.length > 0 || (yield* flags.Capture) !== undefined
    return isObserved ? PortTest.layer : NodePortTest.layer
  })
)

export const scan = Effect.fnUntraced(
  function* (input: Input) {
    yield* checkFlags(input)
    const transport = input.udp ? "udp" : "tcp"
    const ports = yield* targets.findPorts(input.ports, transport)
    const found = yield* targets.find(input.hosts, input.family)
    yield* checkRemote(found, input.remote)
    const now = yield* Monotonic.millis
    const started = now()
    const date = new Date(yield* Clock.currentTimeMillis).toISOString()
    const what = `${Quantity.format(found.length, "host")}, ${Quantity.format(ports.length, `${transport.toUpperCase()} port`)}`
    if (input.greppable) yield* Console.log(`# effect-inet scan of ${what} started ${date}`)
    const print = yield* makePrinter(input, found)
    const events = PortScan.scan({
      hosts: found.map(({ address }) => address),
      ports,
      transport,
      concurrency: input.concurrency,
      testsPerSecond: input.rate,
      timeout: input.timeout,
      retries: input.retries,
      identify: !input.noIdentify,
      probes
    })
    yield* Stream.runForEach(events, print)
    const seconds = ((now() - started) / 1_000).toFixed(2)
    const summary = `scanned ${what} in ${seconds} s`
    if (input.greppable) yield* Console.log(`# effect-inet ${summary}`)
    else if (!input.json) yield* Console.log(summary)
  },
  Effect.scoped,
  Effect.provide(portTests),
  Effect.provide(network.layer)
)
