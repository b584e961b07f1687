/** The `listen` command: a server for any client over TCP, UDP or a unix socket. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as NetAddress from "effect/net/NetAddress"
import * as Scope from "effect/Scope"
import * as Stdio from "effect/Stdio"
import * as Network from "../../../network/Network.ts"
import * as AddressInfo from "../../../network/names/AddressInfo.ts"
import * as NodeInheritedSockets from "../../../network/node/NodeInheritedSockets.ts"
import * as TcpServer from "../../../network/TcpServer.ts"
import { UsageError } from "../../common/CliErrors.ts"
import { ShutdownSignal } from "../../common/Shutdown.ts"
import * as descriptors from "../common/descriptors.ts"
import * as runServer from "../common/runServer.ts"
import { explainListenError } from "../common/serverMessages.ts"
import { type CommonInput, conflict, operandsOf, sessionOptions } from "../connect/connect.ts"
import * as localEnd from "../connect/localEnd.ts"
import * as operands from "../connect/operands.ts"
import * as peerSocket from "../connect/peerSocket.ts"
import * as reporter from "../connect/reporter.ts"
import * as session from "../connect/session.ts"

/** Limits of a server that runs a command for each client. */
type Limits = Pick<
  TcpServer.Limits,
  | "maxConnections"
  | "maxConnectionsPerPeer"
  | "connectionsPerSecond"
  | "connectionsPerSecondPerPeer"
  | "allow"
  | "deny"
  | "writeTimeout"
  | "drain"
>

type Input = CommonInput & Limits & runServer.Operations & { readonly keepOpen: boolean }

/** Input and output of a server, for its sessions. */
interface Context {
  readonly input: Input
  readonly report: reporter.Reporter
  readonly commandArguments: ReadonlyArray<string>
}

const limitsOf = (input: Input): Limits => ({
  maxConnections: input.maxConnections,
  maxConnectionsPerPeer: input.maxConnectionsPerPeer,
  connectionsPerSecond: input.connectionsPerSecond,
  connectionsPerSecondPerPeer: input.connectionsPerSecondPerPeer,
  allow: input.allow,
  deny: input.deny,
  writeTimeout: input.writeTimeout,
  drain: input.drain
})

const conflictOfListen = (input: Input): string | undefined => {
  const isLimited = Object.values(limitsOf(input)).some((value) => value !== undefined)
  return isLimited && !(input.keepOpen && input.exec !== undefined)
    ? "limits of clients need --keep-open and --exec: otherwise there is one client at a time"
    : input.stdio === true && input.exec === undefined
      ? "--stdio needs --exec: standard input and output are the connection; give a command"
      : conflict(input)
}

/** Reports the address on standard error, or as an event. */
const announce = ({ report }: Context, address: NetAddress.SocketAddress) => {
  if (!report.flags.json) return reporter.notice(`listening on ${NetAddress.formatSocketAddress(address)}`)
  return report.event(
    NetAddress.isInetAddress(address)
      ? { event: "listening", address: NetAddress.formatHost(address), port: address.port }
      : { event: "listening", address: NetAddress.formatSocketAddress(address) }
  )
}

/** Resolves the address to listen on. */
const addressOf = Effect.fnUntraced(function* ({ input }: Context, { host, service }: operands.Operands) {
  const socktype = input.udp ? "dgram" : "stream"
  const [first] = yield* AddressInfo.getaddrinfo(host ?? "127.0.0.1", service, { socktype })
  return first.address
})

/** Explains the failure to bind an address. */
const explained = (options: Network.ListenOptions, protocol: "tcp" | "udp" = "tcp") =>
  Effect.catch(explainListenError("listen", "port" in options ? options.port : 0, "PORT", protocol))

/** Logs the failure of one client of many. */
const logFailure = <R>(effect: Effect.Effect<void, { readonly message: string }, R>) =>
  Effect.catch(effect, ({ message }) => Effect.logWarning(message))

/** Ignores that the peer has ended a session over standard input: only standard output is a matter of the server. */
const ignoreEndOfPeer =
  ({ stdio }: Input) =>
  <R>(running: Effect.Effect<void, session.SessionError, R>) =>
    Effect.catch(running, (error) => {
      const isOfPeer = error._tag === "NetworkError" || (error._tag === "UnsentInput" && error.cause !== undefined)
      return stdio === true && isOfPeer ? Effect.void : Effect.fail(error)
    })

/** Starts a command for each client, several at a time. */
const listenForCommands = Effect.fnUntraced(function* (context: Context, options: Network.ListenOptions) {
  const { commandArguments, input, report } = context
  // A command may be silent for any time: only --timeout limits it.
  const withoutIdleTimeout = (limits: TcpServer.Limits) => ({ ...limits, idleTimeout: Duration.infinity })
  const limits = { ...withoutIdleTimeout(limitsOf(input)), service: "listen" }
  const server = yield* TcpServer.make({ ...options, ...limits }, (connection) =>
    Effect.gen(function* () {
      const local = yield* localEnd.command(input.exec!, commandArguments)
      yield* session.run(peerSocket.ofConnection(connection), local, sessionOptions(input), report)
    }).pipe(Effect.scoped, ignoreEndOfPeer(input), logFailure)
  ).pipe(explained(options))
  const { address, stats } = server
  const reconfigure = (limits: TcpServer.Limits) => server.reconfigure(withoutIdleTimeout(limits))
  return { address, stats, reconfigure, serve: Effect.never }
})

/** Serves one client, or with `--keep-open` one after the other. */
const listenForStreams = Effect.fnUntraced(function* (context: Context, options: Network.ListenOptions) {
  const { commandArguments, input, report } = context
  const network = yield* Network.Network
  const standard = input.exec === undefined ? yield* localEnd.standard(input) : undefined
  const serve = Effect.fnUntraced(function* (connection: Network.Connection) {
    const local = standard ?? (yield* localEnd.command(input.exec!, commandArguments))
    yield* session.run(peerSocket.ofConnection(connection), local, sessionOptions(input), report)
  }, ignoreEndOfPeer(input))
  const listening = yield* Scope.fork(yield* Effect.scope)
  const { accept, address } = yield* Scope.provide(network.listen(options), listening).pipe(explained(options))
  // Without descriptors the network refuses single connections.
  const next = Effect.matchEffect(accept, {
    onSuccess: (connection) => logFailure(serve(connection)),
    onFailure: (error) => (error.reason === "NoDescriptors" ? Effect.logWarning(error.message) : Effect.fail(error))
  })
  // The listening socket closes with the first client, so that further ones are refused.
  const first = Effect.tap(accept, () => Scope.close(listening, Exit.void))
  const serveAll = input.keepOpen ? Effect.forever(Effect.scoped(next)) : Effect.scoped(Effect.flatMap(first, serve))
  return { address, serve: serveAll }
})

const listenForDatagrams = Effect.fnUntraced(function* (context: Context, address: NetAddress.InetAddress) {
  const { input, report } = context
  const { port } = address
  const listener = yield* explained({ port }, "udp")(peerSocket.listenUdp(address, input.keepOpen))
  const standard = yield* localEnd.standard(input)
  const serve = Effect.flatMap(listener.accept, (peer) => session.run(peer, standard, sessionOptions(input), report))
  return { address: listener.address, serve }
})

const start = Effect.fnUntraced(function* (context: Context, parsed: operands.Operands) {
  const { exec, keepOpen, udp, unix } = context.input
  const open = exec !== undefined && keepOpen ? listenForCommands : listenForStreams
  if (unix !== undefined) return yield* open(context, { path: unix })
  const address = yield* addressOf(context, parsed)
  if (udp) return yield* listenForDatagrams(context, address)
  return yield* open(context, { host: NetAddress.formatHost(address), port: address.port })
})

/** Descriptors of a client with a command: its socket, and the standard input and output of the command. */
const descriptorsPerCommand = 3

/** Returns the clients at a time. Datagrams of all senders arrive at one socket. */
const capacityOf = ({ exec, keepOpen, maxConnections, udp }: Input): descriptors.Capacity => {
  if (udp) return descriptors.unlimited
  if (exec === undefined) return { clients: 1, descriptorsEach: 1 }
  return { clients: keepOpen ? (maxConnections ?? 1_024) : 1, descriptorsEach: descriptorsPerCommand }
}

const untilRequested = Effect.flatten(ShutdownSignal)

export const listen = Effect.fnUntraced(function* (input: Input) {
  const conflict = conflictOfListen(input)
  if (conflict !== undefined) return yield* new UsageError({ message: conflict })
  // The port of a socket that is standard input does not matter.
  const given = operandsOf(input)
  const parsed = yield* Effect.mapError(
    Effect.fromResult(operands.ofListen(input.stdio === true && given.length === 0 ? ["0"] : given, input)),
    (message) => new UsageError({ message })
  )
  const { commandArguments } = parsed
  yield* localEnd.checkCommand(input.exec)
  const stdio = yield* Stdio.Stdio
  const context: Context = { input, report: yield* reporter.make(input), commandArguments }
  yield* runServer.serve("listen", input, start(context, parsed), {
    capacity: capacityOf(input),
    isUdp: input.udp,
    announce: ({ address }) => Effect.provideService(announce(context, address), Stdio.Stdio, stdio),
    serve: ({ serve }) =>
      Effect.raceFirst(
        input.keepOpen
          ? Effect.raceFirst(serve, NodeInheritedSockets.closed)
          : Effect.andThen(serve, NodeInheritedSockets.checkOutput),
        untilRequested
      )
  })
})
