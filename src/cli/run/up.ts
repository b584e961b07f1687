/** All services in one process. A service that cannot start is logged, and the others run without it. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import * as BoardServer from "../../board/BoardServer.ts"
import * as GuessServer from "../../guess/GuessServer.ts"
import * as HangmanServer from "../../hangman/HangmanServer.ts"
import type { ScoreboardError } from "../../hangman/Scoreboard.ts"
import type * as Network from "../../network/Network.ts"
import type * as TcpServer from "../../network/TcpServer.ts"
import * as Rot13Server from "../../rot13/Rot13Server.ts"
import type * as ConcurrencyModel from "../../session/ConcurrencyModel.ts"
import type { SessionError } from "../../session/Session.ts"
import * as Broadcast from "../../status/transport/Broadcast.ts"
import * as Transport from "../../status/transport/Transport.ts"
import * as Table from "../../terminal/Table.ts"
import * as FileStore from "../../tftp/store/FileStore.ts"
import * as NodeFileStore from "../../tftp/store/NodeFileStore.ts"
import * as TftpServer from "../../tftp/TftpServer.ts"
import { ShutdownSignal } from "../common/Shutdown.ts"
import * as NodeInvocation from "./common/NodeInvocation.ts"
import * as network from "./common/network.ts"
import { announce, CannotServe, connectableHost, explainListenError } from "./common/serverMessages.ts"
import * as primesServe from "./primes/serve.ts"
import * as statusPeer from "./status/peer.ts"
import * as NodeSampleFolder from "./tftp/NodeSampleFolder.ts"

interface Input extends TcpServer.Limits {
  readonly host: string
  readonly rot13Port: number
  readonly hangmanPort: number
  readonly guessPort: number
  readonly boardPort: number
  readonly primesPort: number
  readonly tftpPort: number
  readonly tftpRoot: string | undefined
  readonly statusPort: number
  readonly json: boolean
}

/** A service of `up`, with a command that tries it. */
interface Service {
  readonly name: string
  readonly start: Effect.Effect<
    NetAddress.SocketAddress,
    CannotServe,
    FileSystem.FileSystem | Network.Network | Scope.Scope
  >
  readonly exampleCommand: (host: string, port: number) => string
}

/** Returns the address and limits that all TCP services share. */
const sharedOptions = ({ drain, host, idleTimeout, maxConnections, maxConnectionsPerPeer, writeTimeout }: Input) => ({
  drain,
  host,
  idleTimeout,
  maxConnections,
  maxConnectionsPerPeer,
  writeTimeout
})

const rot13 = (input: Input): Service => ({
  name: "rot13",
  start: Rot13Server.make({ ...sharedOptions(input), port: input.rot13Port }).pipe(
    Effect.map(({ address }) => address),
    Effect.catch(explainListenError("rot13", input.rot13Port, "--rot13-port"))
  ),
  exampleCommand: (host, port) => `printf 'Hello\\n' | nc -N ${host} ${port}`
})

const exampleCommands = {
  hangman: "nc HOST PORT",
  guess: "nc HOST PORT",
  board: "printf 'claim 1 2\\nboard\\n' | nc -N HOST PORT"
}

/** Creates the service of a game. */
const game = (
  name: "hangman" | "guess" | "board",
  input: Input,
  make: (
    options: ConcurrencyModel.Options
  ) => Effect.Effect<
    ConcurrencyModel.SessionServer,
    Network.NetworkError | SessionError | ScoreboardError,
    Network.Network | Scope.Scope
  >
): Service => {
  const port = input[`${name}Port`]
  return {
    name,
    start: make({ ...sharedOptions(input), port }).pipe(
      Effect.map(({ address }) => address),
      Effect.catch((error) =>
        error._tag === "NetworkError"
          ? explainListenError(name, port, `--${name}-port`)(error)
          : Effect.fail(new CannotServe({ message: `${name}: ${error.message}` }))
      )
    ),
    exampleCommand: (host, port) => exampleCommands[name].replace("HOST PORT", `${host} ${port}`)
  }
}

/** Creates the service of primes. The example requests 0 to 10,000,000: two 32-bit numbers in little-endian order. */
const primes = (input: Input): Service => ({
  name: "primes",
  start: Effect.map(
    primesServe.start({ ...sharedOptions(input), port: input.primesPort, threads: 2 }, "--primes-port"),
    ({ address }) => address
  ),
  exampleCommand: (host, port) => `printf '\\0\\0\\0\\0\\200\\226\\230\\0' | nc -N ${host} ${port} | od -An -td4`
})

const tftp = ({ drain, host, tftpPort, tftpRoot }: Input): Service => ({
  name: "tftp",
  start: Effect.gen(function* () {
    const store = yield* Effect.mapError(
      NodeFileStore.make({ root: tftpRoot ?? NodeSampleFolder.folder }),
      ({ message }) => new CannotServe({ message: `tftp: --tftp-root ${message}` })
    )
    const { address } = yield* TftpServer.make({ host, port: tftpPort, drain }).pipe(
      Effect.provideService(FileStore.FileStore, store),
      Effect.catch(explainListenError("tftp", tftpPort, "--tftp-port", "udp"))
    )
    return address
  }),
  exampleCommand: (host, port) => `curl -s tftp://${host}:${port}/${tftpRoot === undefined ? "hello.txt" : "FILE"}`
})

/** Creates the status peer, which is visible to the peers of this machine. */
const status = ({ statusPort: port }: Input): Service => ({
  name: "status",
  start: Effect.gen(function* () {
    const name = yield* statusPeer.nameOf("up")
    const transport = Broadcast.make({ port, addresses: [Broadcast.loopback] })
    yield* statusPeer.join({ name, transport, port, flag: "--status-port" })
    return NetAddress.inetAddressFromIpStringUnsafe(Broadcast.loopback, port)
  }).pipe(Effect.catchTag("UsageError", ({ message }) => Effect.fail(new CannotServe({ message })))),
  exampleCommand: (host, port) => {
    const portFlag = port === Transport.defaultPort ? "" : ` --port ${port}`
    return `${NodeInvocation.commandPrefix()} status --address ${host}${portFlag} --once`
  }
})

const services = (input: Input): ReadonlyArray<Service> => [
  rot13(input),
  game("hangman", input, HangmanServer.make),
  game("guess", input, GuessServer.make),
  game("board", input, BoardServer.make),
  primes(input),
  tftp(input),
  ...(input.statusPort === 0 ? [] : [status(input)])
]

export const up = Effect.fnUntraced(
  function* (input: Input) {
    const started = yield* Effect.forEach(services(input), (service) =>
      service.start.pipe(
        Effect.map((address) => ({ service, address: address as NetAddress.InetAddress })),
        Effect.catch((error) => Effect.as(Effect.logWarning(error.message), undefined))
      )
    )
    const running = started.filter((service) => service !== undefined)
    if (running.length === 0)
      return yield* new CannotServe({ message: "cannot start any service: the warnings above state the reasons" })
    for (const { address, service } of running) {
      if (input.json) yield* announce(service.name, address, true)
      else {
        const exampleCommand = service.exampleCommand(connectableHost(address), address.port)
        const cells = [service.name, NetAddress.formatInet(address), exampleCommand]
        yield* Console.log(Table.formatRow([Table.left(10), Table.left(22)], cells, " "))
      }
    }
    const scope =
      input.host === "127.0.0.1" ? "for this machine only (--host :: listens on all interfaces)" : `on ${input.host}`
    yield* Effect.logInfo(`${running.length} of ${started.length} services up ${scope}; Ctrl-C stops them`)
    yield* yield* ShutdownSignal
    yield* Effect.logInfo("waiting for requests in progress; a second Ctrl-C stops at once")
  },
  Effect.scoped,
  Effect.provide(network.layer)
)
