/** The `listen` command: a server for any client over TCP, UDP or a unix socket. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Scope from "effect/Scope"
import * as Network from "../../../network/Network.ts"
import * as AddressInfo from "../../../network/names/AddressInfo.ts"
import * as TcpServer from "../../../network/TcpServer.ts"
import { UsageError } from "../../common/CliErrors.ts"
import { ShutdownSignal } from "../../common/Shutdown.ts"
import * as network from "../common/network.ts"
import { explainListenError } from "../common/serverMessages.ts"
import { type CommonInput, conflict, operandsOf, sessionOptions } from "../connect/connect.ts"
import * as localEnd from "../connect/localEnd.ts"
import * as operands from "../connect/operands.ts"
import * as peerSocket from "../connect/peerSocket.ts"
import * as reporter from "../connect/reporter.ts"
import * as session from "../connect/session.ts"

interface Input extends CommonInput {
  readonly keepOpen: boolean
  readonly maxConnections: number | undefined
}

/** Input and output of a server, for its sessions. */
interface Context {
  readonly input: Input
  readonly report: reporter.Reporter
  readonly commandArguments: ReadonlyArray<string>
}

const conflictOfListen = (input: Input): string | undefined =>
  input.maxConnections !== undefined && !(input.keepOpen && input.exec !== undefined)
    ? "--max-connections needs --keep-open and --exec: otherwise there is one client at a time"
    : conflict(input)

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

/** Explains the failure to bind an address; the error of a unix socket has its path. */
const explained = (options: Network.ListenOptions, protocol: "tcp" | "udp" = "tcp") =>
  Effect.catch(
    Effect.fnUntraced(function* (error: Network.NetworkError) {
      if ("path" in options) return yield* Effect.fail(error)
      return yield* explainListenError("listen", options.port, "PORT", protocol)(error)
    })
  )

/** Logs the failure of one client of many. */
const logFailure = <R>(effect: Effect.Effect<void, { readonly message: string }, R>) =>
  Effect.catch(effect, ({ message }) => Effect.logWarning(message))

/** Starts a command for each client, several at a time. */
const serveCommands = Effect.fnUntraced(function* (context: Context, options: Network.ListenOptions) {
  const { commandArguments, input, report } = context
  const limits: TcpServer.Limits = {
    maxConnections: input.maxConnections,
    // A command may be silent for any time: only --timeout limits it.
    idleTimeout: Duration.infinity,
    service: "listen"
  }
  const server = yield* TcpServer.make({ ...options, ...limits }, (connection) =>
    Effect.gen(function* () {
      const local = yield* localEnd.command(input.exec!, commandArguments)
      yield* session.run(peerSocket.ofConnection(connection), local, sessionOptions(input), report)
    }).pipe(Effect.scoped, logFailure)
  ).pipe(explained(options))
  yield* announce(context, server.address)
  return yield* Effect.never
})

/** Serves one client, or with `--keep-open` one after the other. */
const serveStreams = Effect.fnUntraced(function* (context: Context, options: Network.ListenOptions) {
  const { commandArguments, input, report } = context
  const network = yield* Network.Network
  const standard = input.exec === undefined ? yield* localEnd.standard(input) : undefined
  const serve = Effect.fnUntraced(function* (connection: Network.Connection) {
    const local = standard ?? (yield* localEnd.command(input.exec!, commandArguments))
    yield* session.run(peerSocket.ofConnection(connection), local, sessionOptions(input), report)
  })
  const whole = yield* Effect.scope
  const listen = Effect.tap(explained(options)(network.listen(options)), ({ address }) => announce(context, address))
  if (!input.keepOpen) {
    // The listening socket closes with the first client, so that further ones are refused.
    const first = Effect.flatMap(listen, ({ accept }) => Scope.provide(accept, whole))
    return yield* serve(yield* Effect.scoped(first))
  }
  const { accept } = yield* listen
  // Without descriptors the network refuses single connections.
  const next = Effect.matchEffect(accept, {
    onSuccess: (connection) => logFailure(serve(connection)),
    onFailure: (error) => (error.reason === "NoDescriptors" ? Effect.logWarning(error.message) : Effect.fail(error))
  })
  return yield* Effect.forever(Effect.scoped(next))
})

const serveDatagrams = Effect.fnUntraced(function* (context: Context, address: NetAddress.InetAddress) {
  const { input, report } = context
  const { port } = address
  const listener = yield* explained({ port }, "udp")(peerSocket.listenUdp(address, input.keepOpen))
  const standard = yield* localEnd.standard(input)
  yield* announce(context, listener.address)
  const peer = yield* listener.accept
  yield* session.run(peer, standard, sessionOptions(input), report)
})

const serve = Effect.fnUntraced(function* (context: Context, parsed: operands.Operands) {
  const { exec, keepOpen, udp, unix } = context.input
  const start = exec !== undefined && keepOpen ? serveCommands : serveStreams
  if (unix !== undefined) return yield* start(context, { path: unix })
  const address = yield* addressOf(context, parsed)
  if (udp) return yield* serveDatagrams(context, address)
  return yield* start(context, { host: NetAddress.formatHost(address), port: address.port })
})

export const listen = Effect.fnUntraced(
  function* (input: Input) {
    const conflict = conflictOfListen(input)
    if (conflict !== undefined) return yield* new UsageError({ message: conflict })
    const parsed = yield* Effect.mapError(
      Effect.fromResult(operands.ofListen(operandsOf(input), input)),
      (message) => new UsageError({ message })
    )
    const { commandArguments } = parsed
    const context: Context = { input, report: yield* reporter.make(input), commandArguments }
    const shutdown = yield* ShutdownSignal
    yield* Effect.raceFirst(serve(context, parsed), shutdown)
  },
  Effect.scoped,
  Effect.provide(network.layer)
)
