/** The run of a server process: everything that all servers do in the same way, from the start to the end. */
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as NetAddress from "effect/net/NetAddress"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as OtlpExport from "../../../admin/OtlpExport.ts"
import type * as ServiceState from "../../../admin/ServiceState.ts"
import * as NodeFiles from "../../../network/files/NodeFiles.ts"
import type * as Network from "../../../network/Network.ts"
import * as SystemResolver from "../../../network/names/SystemResolver.ts"
import * as NodeInheritedSockets from "../../../network/node/NodeInheritedSockets.ts"
import * as NodeNetwork from "../../../network/node/NodeNetwork.ts"
import * as NodeReservedListener from "../../../network/node/NodeReservedListener.ts"
import * as NodePrivileges from "../../../process/NodePrivileges.ts"
import * as NodeServiceManager from "../../../process/NodeServiceManager.ts"
import * as NodeStandardStreams from "../../../process/NodeStandardStreams.ts"
import { CaptureFailure, UsageError } from "../../common/CliErrors.ts"
import type * as operationsFlags from "../../common/operationsFlags.ts"
import * as ServerHost from "../../common/ServerHost.ts"
import { ShutdownSignal } from "../../common/Shutdown.ts"
import { CommandInput } from "../../common/settings/CommandInput.ts"
import * as logLevel from "../../common/settings/logLevel.ts"
import * as reload from "../../common/settings/reload.ts"
import type { Table } from "../../common/settings/settings.ts"
import * as descriptors from "./descriptors.ts"
import * as jsonLogger from "./jsonLogger.ts"
import * as NodeMisspelledVariables from "./NodeMisspelledVariables.ts"
import * as network from "./network.ts"
import type { Contents, Page } from "./page.ts"
import type { PageService } from "./pageService.ts"
import { announce, CannotServe, explainListenError } from "./serverMessages.ts"

/** Values of the flags that every server has. */
export type Operations = Partial<operationsFlags.Operations> &
  Pick<operationsFlags.Operations, "json"> & { readonly maxConnections?: number | undefined }

/** Default number of clients at a time. */
const defaultMaxConnections = 1_024

/** A process with one or several services. */
export interface Program<A, E, R> {
  readonly name: string
  /**
   * Starts the services, which show themselves on the page, if there is one. With `listen` it runs without root's
   * privileges, else it still has them.
   */
  readonly start: (page: Page | undefined) => Effect.Effect<A, E, R>
  /** Address that is bound for `start` while the process has the privileges. */
  readonly listen?: Network.ListenOptions | undefined
  /** True for several services: an inherited socket serves only the address that it has. Default false. */
  readonly exactAddresses?: boolean | undefined
  /** True for a service over UDP. Default false. */
  readonly isUdp?: boolean | undefined
  /** Clients that need file descriptors. Default: one for each of `maxConnections`. */
  readonly capacity?: descriptors.Capacity | undefined
  /** Flags of the services that the program runs, whose variables it reads, too. Default: none. */
  readonly serviceFlags?: ReadonlyArray<Table> | undefined
  /**
   * Continues the start without the privileges, and prints that the services are ready. `inherits` is true if another
   * process has bound sockets for this one.
   */
  readonly announce: (started: A, inherits: boolean, page: Page | undefined) => Effect.Effect<void, E, R>
  /** Runs until the end of the process. Default: until it is requested to end. */
  readonly serve?: ((started: A) => Effect.Effect<void, E, R>) | undefined
  /** States of the services, for the admin server and the service manager. */
  readonly states: Effect.Effect<ReadonlyArray<ServiceState.ServiceState>>
  /** The services for the page. */
  readonly contents: Contents
  /** True if the services run without a page that cannot be served, with a warning. Default false: it fails. */
  readonly isPageOptional?: boolean | undefined
  /** Emits when the states change, for the service manager. Default: they do not. */
  readonly changes?: ((started: A) => Stream.Stream<unknown>) | undefined
  /** Applies a configuration file that was read again, and returns the names of what it has changed. */
  readonly reload: (started: A) => reload.Change
  /** Runs before the services stop. */
  readonly stopping?: Effect.Effect<void> | undefined
}

const findIdentity = ({ group, user }: Operations): Effect.Effect<NodePrivileges.Identity | undefined, UsageError> => {
  if (user === undefined) {
    return group === undefined
      ? Effect.undefined
      : Effect.fail(new UsageError({ message: "--group needs --user: name the user to run as, too" }))
  }
  return Effect.mapError(
    NodePrivileges.find(user, group),
    ({ message }) => new UsageError({ message: `--user: ${message}` })
  )
}

/** Starts the admin server; its modules are loaded only then. */
const startAdmin = Effect.fnUntraced(function* (
  name: string,
  { host, port }: NonNullable<Operations["admin"]>,
  services: Program<never, never, never>["states"]
) {
  const { address } = yield* Effect.promise(() => import("./adminServer.ts")).pipe(
    Effect.flatMap(({ make }) => make({ host, port, services })),
    Effect.catch(explainListenError(`${name}: admin server`, port, "--admin"))
  )
  yield* Effect.logInfo(`admin server on http://${NetAddress.formatSocketAddress(address)}`)
})

/** Serves the page; its modules are loaded only then. Returns undefined without one. */
const startPage = Effect.fnUntraced(function* (
  { control = false, page: address, pageHost = [] }: Operations,
  { contents, isPageOptional = false, name }: Pick<Program<never, never, never>, "contents" | "isPageOptional" | "name">
) {
  if (address === undefined && control)
    return yield* new UsageError({ message: "--control needs --page: add it, or leave --control out" })
  if (address === "off" && control)
    yield* Effect.logWarning("--control has no effect with --page off: no page is served")
  if (address === undefined || address === "off") return undefined
  const { open } = yield* Effect.promise(() => import("./page.ts"))
  const opened = open({ address, control, hosts: pageHost }, contents).pipe(
    Effect.catchTag("NetworkError", explainListenError(`${name}: page`, address.port, "--page"))
  )
  const page: Page | undefined = yield* isPageOptional
    ? Effect.catchTag(opened, "CannotServe", ({ message }) =>
        Effect.as(
          Effect.logWarning(`${message}, or none with --page off; the services run without the page`),
          undefined
        )
      )
    : opened
  if (page?.isOpen === true) {
    const token = control ? "; who reads the traffic also gets the token, since it is not encrypted" : ""
    yield* Effect.logWarning(
      `the page is open to the network: it shows the services and the addresses of clients${token}`
    )
  }
  return page
})

/**
 * Starts the services as the user of `--user`. If `listen` is not the only socket that they bind, the user is changed
 * after the start.
 */
const startServices = Effect.fnUntraced(function* <A, E, R>(
  operations: Operations,
  { listen, name, ...program }: Program<A, E, R>,
  page: Page | undefined
) {
  const start = program.start(page)
  const identity = yield* findIdentity(operations)
  if (identity === undefined) return yield* start
  const drop = Effect.mapError(NodePrivileges.drop(identity), ({ message }) => new CannotServe({ message }))
  if (listen === undefined) return yield* Effect.tap(start, drop)
  const reserved = yield* NodeReservedListener.reserve(listen).pipe(
    Effect.provide(NodeNetwork.layer),
    Effect.catch(explainListenError(name, "port" in listen ? listen.port : 0, "--port"))
  )
  yield* drop
  return yield* Effect.provideService(start, NodeReservedListener.NodeReservedListener, reserved)
})

/** Fails if file descriptors for a client are missing. The one connection of inetd is open. */
const checkDescriptors = <A, E, R>(
  { maxConnections = defaultMaxConnections, stdio = false }: Operations,
  { capacity = { clients: maxConnections, descriptorsEach: 1 }, name }: Program<A, E, R>
) => (stdio ? Effect.void : descriptors.check(name, capacity))

const summaryOf = (states: ReadonlyArray<ServiceState.ServiceState>) =>
  states
    .map(({ address, name, state }) => `${name} ${state}${address === undefined ? "" : ` on ${address}`}`)
    .join(", ")

const jsonLogs = Logger.layer([Logger.withConsoleError(jsonLogger.format), Logger.tracerLogger])

const noLogs = Logger.layer([Logger.tracerLogger])

/** Returns where logs go. inetd passes the connection as stderr, too. */
const logsOf = ({ json, stdio = false }: Operations) =>
  stdio && NodeStandardStreams.stderrIsStdin() ? noLogs : json ? jsonLogs : Layer.empty

/** Fails if standard input is not the kind of socket that a service takes: it would bind its own port instead. */
export const checkStdin = (
  { isUdp = false, name }: Pick<Program<never, never, never>, "isUdp" | "name">,
  { unclaimed }: NodeInheritedSockets.Holder
) => {
  if ([...unclaimed].every(({ _tag }) => (_tag === "Udp") === isUdp)) return Effect.void
  const [found, fix] = isUdp
    ? ["not a UDP socket", "a UDP socket by dgram udp wait"]
    : ["a UDP socket", "a connection by stream tcp nowait"]
  const message = `${name}: cannot serve standard input: it is ${found}; inetd passes ${fix}`
  return Effect.fail(new CannotServe({ message }))
}

/** Returns the packets for the page, if there is one; its modules are loaded only then. */
const packetsOf = ({ page = "off" }: Operations) =>
  page === "off"
    ? Layer.empty
    : Layer.effect(
        network.PagePackets,
        Effect.flatMap(
          Effect.promise(() => import("./page.ts")),
          ({ makePackets }) => makePackets
        )
      )

/** Returns the network, the inherited sockets, and where logs, metrics and spans go. */
const layerOf = (
  program: Pick<Program<never, never, never>, "exactAddresses" | "isUdp" | "name">,
  operations: Operations
) => {
  const { exactAddresses, name } = program
  const inherited = operations.stdio
    ? Effect.tap(NodeInheritedSockets.fromStdin, (holder) => checkStdin(program, holder))
    : NodeInheritedSockets.fromEnvironment({ exactAddresses })
  return network.layer.pipe(
    Layer.provide(Layer.succeed(CaptureFailure, undefined)),
    Layer.provideMerge(Layer.suspend(() => packetsOf(operations))),
    Layer.provideMerge(Layer.effect(NodeInheritedSockets.InheritedSockets, inherited)),
    Layer.provideMerge(OtlpExport.layerConfig(name)),
    Layer.provideMerge(Layer.suspend(() => logsOf(operations)))
  )
}

/** Waits for the request to end, or for the end of the only connection. */
const untilRequested = Effect.raceFirst(Effect.flatten(ShutdownSignal), NodeInheritedSockets.closed)

/** Fails if Node would read a file of its resolver without an end: it does so when a server first listens. */
const checkResolver = (name: string) =>
  Effect.flatMap(Effect.provide(SystemResolver.findProblem(), NodeFiles.layer), (problem) =>
    problem === undefined ? Effect.void : Effect.fail(new CannotServe({ message: `${name}: ${problem}` }))
  )

/** Runs a program until the process is requested to end. */
export const run = <A, E extends { readonly message: string }, R>(operations: Operations, program: Program<A, E, R>) =>
  Effect.gen(function* () {
    const { admin } = operations
    const { announce, changes, name, serve = () => untilRequested, states, stopping = Effect.void } = program
    const manager = yield* NodeServiceManager.make
    yield* NodeMisspelledVariables.warn(program.serviceFlags ?? [])
    const inherits = (yield* NodeInheritedSockets.InheritedSockets).unclaimed.size > 0
    const started = yield* Effect.gen(function* () {
      yield* checkResolver(name)
      if (admin !== undefined) yield* startAdmin(name, admin, states)
      const page = yield* startPage(operations, program)
      const started = yield* startServices(operations, program, page)
      yield* checkDescriptors(operations, program)
      // From here on a signal ends the server in order, also if it comes before `serve` waits for it.
      yield* Effect.forkScoped(Effect.flatten(ShutdownSignal), { startImmediately: true })
      yield* announce(started, inherits, page)
      return started
    }).pipe(Effect.tapError(({ message }) => manager.status(message)))
    yield* NodeInheritedSockets.closeUnclaimed
    const ready = Effect.flatMap(states, (all) => manager.ready(summaryOf(all)))
    yield* ready
    if (changes !== undefined) {
      const report = Effect.flatMap(states, (all) => manager.status(summaryOf(all)))
      yield* Effect.forkScoped(Stream.runForEach(changes(started), () => report))
    }
    yield* Effect.forkScoped(reload.follow(program.reload(started), { before: manager.reloading, after: ready }))
    yield* serve(started)
    yield* stopping
    yield* manager.stopping
  }).pipe(Effect.scoped, logLevel.changeable, Effect.provide(layerOf(program, operations)))

/** Time that the stats of a service may take: they may come from a worker process that does not respond. */
const statsTimeout = "1 second"

/** Keeps the state of a service, for the admin server and the page. `values` are those of its flags. */
const trackState = Effect.fnUntraced(function* (name: string, values: PageService["values"]) {
  const sinceMillis = yield* Clock.currentTimeMillis
  const state = yield* Ref.make<ServiceState.ServiceState>({ name, state: "starting", restarts: 0, sinceMillis })
  const served = yield* Ref.make<ServerHost.Running | undefined>(undefined)
  const set = (change: Partial<ServiceState.ServiceState>) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Ref.update(state, (known) => ({ ...known, ...change, sinceMillis: now }))
    )
  const states = Effect.gen(function* () {
    const current = yield* Effect.flatMap(Ref.get(served), (running) => running?.stats ?? Effect.undefined).pipe(
      Effect.timeoutOrElse({ duration: statsTimeout, orElse: () => Effect.undefined })
    )
    return [{ ...(yield* Ref.get(state)), stats: current }]
  })
  const services = Effect.gen(function* () {
    const running = yield* Ref.get(served)
    const service: PageService = { ...(yield* Ref.get(state)), service: name, values, running }
    return [service]
  })
  const ready = (running: ServerHost.Running) =>
    Effect.andThen(
      Ref.set(served, running),
      set({ state: "ready", address: running.address && NetAddress.formatSocketAddress(running.address) })
    )
  return { states, services, ready, stopped: set({ state: "stopped" }) }
})

/** Parts of the run that differ between servers. */
export interface Options<A, E, R> {
  /** The only address that the service binds, which is then bound before the service starts as another user. */
  readonly listen?: Network.ListenOptions | undefined
  /** Clients that need file descriptors. Default: one for each of `maxConnections`. */
  readonly capacity?: descriptors.Capacity | undefined
  /** True for a service over UDP. Default false. */
  readonly isUdp?: boolean | undefined
  /** Continues the start without root's privileges, before the service is announced. */
  readonly open?: ((running: A) => Effect.Effect<void, E, R>) | undefined
  /** Prints the address. Default: one line or one JSON value. */
  readonly announce?: ((running: A) => Effect.Effect<void>) | undefined
  /** Runs until the end. Default: until the process is requested to end. */
  readonly serve?: ((running: A) => Effect.Effect<void, E, R>) | undefined
}

/** Applies the new settings of one service. */
const reloadOf =
  (service: string) =>
  (running: ServerHost.Running): reload.Change =>
  (after, current) =>
    reload.apply(service, after.flags, current, after.values, running)

/** Prints the address of a server, and the link to its page: the log has no token. */
const printAddress = (service: string, json: boolean, inherits: boolean, page: Page | undefined) =>
  Effect.fnUntraced(function* ({ address }: ServerHost.Running) {
    if (address !== undefined) yield* announce(service, address, json, inherits, page?.link)
    if (page !== undefined && !json) yield* Console.log(`page on ${page.link}`)
  })

/** Starts a server for `up`, which runs the process and prints what there is to print. */
const serveIn = <A extends ServerHost.Running, E, R, E2, R2>(
  { context, started }: ServerHost.ServerHost,
  start: Effect.Effect<A, E, R>,
  { open = () => Effect.void }: Options<A, E2, R2>
) =>
  Effect.gen(function* () {
    const running = yield* start
    yield* open(running)
    yield* started(running)
    return yield* Effect.never
  }).pipe(Effect.scoped, Effect.provideContext(context as Context.Context<Layer.Success<typeof network.layer>>))

/** Starts a server, announces it, and serves until the process is requested to end. */
export const serve = Effect.fnUntraced(function* <
  A extends ServerHost.Running,
  E extends { readonly message: string },
  R,
  E2 extends { readonly message: string } = never,
  R2 = never
>(service: string, operations: Operations, start: Effect.Effect<A, E, R>, options: Options<A, E2, R2> = {}) {
  const host = yield* ServerHost.CurrentHost
  if (host !== undefined) return yield* serveIn(host, start, options)
  const { values } = yield* CommandInput
  const { ready, services, states, stopped } = yield* trackState(service, values)
  const { json, stdio = false } = operations
  const program: Program<A, E | E2, R | R2 | Scope.Scope> = {
    name: service,
    start: (page) =>
      page === undefined
        ? start
        : Effect.tap(start, (running) => page.add({ name: service, service, values, running })),
    listen: options.listen,
    capacity: options.capacity,
    isUdp: options.isUdp,
    announce: Effect.fnUntraced(function* (running, inherits, page) {
      if (options.open !== undefined) yield* options.open(running)
      yield* ready(running)
      const print = options.announce ?? printAddress(service, json, inherits, page)
      // With --stdio, stdout is the connection.
      if (!stdio) yield* print(running)
      const isPrinted = !stdio && !json && options.announce === undefined
      if (page !== undefined && !isPrinted) yield* Effect.logInfo(`page on ${page.plainLink}`)
    }),
    serve: options.serve,
    states,
    contents: { services },
    reload: reloadOf(service),
    stopping: stopped
  }
  yield* run(operations, program)
})
