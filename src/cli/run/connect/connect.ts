/** The `connect` command: a client for any server over TCP, UDP or a unix socket. */
import * as Console from "effect/Console"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Network from "../../../network/Network.ts"
import * as AddressInfo from "../../../network/names/AddressInfo.ts"
import * as TcpClient from "../../../network/TcpClient.ts"
import { UsageError } from "../../common/CliErrors.ts"
import * as network from "../common/network.ts"
import * as localEnd from "./localEnd.ts"
import * as operands from "./operands.ts"
import * as peerSocket from "./peerSocket.ts"
import * as reporter from "./reporter.ts"
import * as session from "./session.ts"

/** Flags of both commands. */
export interface CommonInput extends reporter.OutputFlags {
  readonly host: string | undefined
  readonly service: string | undefined
  readonly commandArguments: ReadonlyArray<string>
  readonly unix: string | undefined
  readonly udp: boolean
  readonly crlf: boolean
  readonly halfClose: boolean
  readonly exec: string | undefined
  readonly timeout: Duration.Duration | undefined
}

interface Input extends CommonInput {
  readonly zero: boolean
  readonly family: 4 | 6 | undefined
}

/** Returns the operands in the order of the command line. */
export const operandsOf = ({ commandArguments, host, service }: CommonInput): ReadonlyArray<string> =>
  [host, service, ...commandArguments].filter((operand) => operand !== undefined)

/** Returns the reason why flags of both commands cannot be combined, or undefined. */
export const conflict = ({ exec, halfClose, udp, unix }: CommonInput): string | undefined => {
  if (udp && unix !== undefined) return "--udp and --unix cannot be combined: choose one"
  if (udp && halfClose) return "--half-close needs TCP or a unix socket: UDP has no end of a direction"
  if (udp && exec !== undefined) return "--exec needs TCP or a unix socket: UDP has no end that would end the command"
  return exec !== undefined && halfClose
    ? "--exec always sends the end of the command: leave --half-close out"
    : undefined
}

/** Returns the options of a session. */
export const sessionOptions = ({ crlf, exec, halfClose, timeout }: CommonInput): session.Options => ({
  endsWith: exec !== undefined ? "input" : halfClose ? "both" : "peer",
  crlf,
  idleTimeout: timeout
})

const conflictOfConnect = (input: Input): string | undefined => {
  const others = input.udp || input.exec !== undefined || input.halfClose || input.crlf || input.hex
  return input.zero && others
    ? "--zero sends nothing: of the other flags it takes --json, --unix, --family and --timeout"
    : conflict(input)
}

const hintsOf = ({ family }: Input) => (family === undefined ? {} : { family })

const openStream = Effect.fnUntraced(function* (input: Input, { host, service }: operands.Operands) {
  if (input.unix === undefined) {
    return yield* TcpClient.connect({ host, service: service!, hints: hintsOf(input), timeout: input.timeout })
  }
  const network = yield* Network.Network
  return yield* network.connect(NetAddress.unixPathAddress(input.unix))
})

const openUdp = Effect.fnUntraced(function* (input: Input, host: string, service: string) {
  const [first] = yield* AddressInfo.getaddrinfo(host, service, { ...hintsOf(input), socktype: "dgram" })
  return yield* peerSocket.connectUdp(first.address)
})

/** Tests that a server accepts connections. */
const probe = (input: Input, parsed: operands.Operands) =>
  openStream(input, parsed).pipe(
    Effect.matchEffect({
      onSuccess: ({ remote }) => {
        const address = NetAddress.formatSocketAddress(remote)
        return Console.log(input.json ? JSON.stringify({ open: true, address }) : `${address} is open`)
      },
      onFailure: (error) =>
        Effect.andThen(
          input.json ? Console.log(JSON.stringify({ open: false, reason: error.message })) : Effect.void,
          Effect.fail(error)
        )
    })
  )

export const connect = Effect.fnUntraced(
  function* (input: Input) {
    const conflict = conflictOfConnect(input)
    if (conflict !== undefined) return yield* new UsageError({ message: conflict })
    const parsed = yield* Effect.mapError(
      Effect.fromResult(operands.ofConnect(operandsOf(input), input)),
      (message) => new UsageError({ message })
    )
    if (input.zero) return yield* probe(input, parsed)
    yield* localEnd.checkCommand(input.exec)
    const report = yield* reporter.make(input)
    const peer = input.udp
      ? yield* openUdp(input, parsed.host!, parsed.service!)
      : peerSocket.ofConnection(yield* openStream(input, parsed))
    const local =
      input.exec === undefined
        ? yield* localEnd.standard(input)
        : yield* localEnd.command(input.exec, parsed.commandArguments)
    yield* session.run(peer, local, sessionOptions(input), report)
  },
  Effect.scoped,
  Effect.provide(network.layer)
)
