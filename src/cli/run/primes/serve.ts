/** The program of `primes serve`. */
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Redacted from "effect/Redacted"
import type * as TcpServer from "../../../network/TcpServer.ts"
import type * as Kernels from "../../../primes/Kernels.ts"
import * as PrimeServer from "../../../primes/PrimeServer.ts"
import * as FarmSource from "../../../web/sources/FarmSource.ts"
import { UsageError } from "../../common/CliErrors.ts"
import * as runServer from "../common/runServer.ts"
import * as serverMessages from "../common/serverMessages.ts"
import * as statusPeer from "../status/peer.ts"
import * as crypto from "./crypto.ts"
import * as pool from "./pool.ts"

type Input = TcpServer.Limits &
  runServer.Operations & {
    readonly host: string
    readonly port: number
    readonly dialect: "course" | undefined
    readonly threads: number | undefined
    readonly kernel: Kernels.Name | undefined
    readonly key: string | undefined
    readonly announce: boolean
  }

/** The parameters of a prime server. */
interface Options extends TcpServer.Limits, Pick<PrimeServer.Options, "dialect" | "kernel" | "key"> {
  readonly host: string
  readonly port: number
  readonly threads: number | undefined
}

/** Starts a server; `flag` is the name of its port flag, for errors. */
export const start = ({ threads, ...options }: Options, flag: string) =>
  PrimeServer.make({ ...options, workers: pool.threads(threads) }).pipe(
    Effect.provide(crypto.layer(options.key)),
    Effect.map((server) => ({ ...server, page: FarmSource.make(options.service ?? "primes", server.runs) })),
    Effect.catch((error) =>
      error._tag === "NetworkError"
        ? serverMessages.explainListenError("primes", options.port, flag)(error)
        : Effect.fail(new serverMessages.CannotServe({ message: `primes: ${error.message}` }))
    )
  )

const warnIfOpen = ({ address }: { readonly address: NetAddress.SocketAddress }) =>
  NetAddress.isInetAddress(address) && !NetAddress.isLoopback(address.address)
    ? Effect.logWarning("any client that reaches this port can use the workers; set PRIMES_KEY to require a key")
    : Effect.void

/** Announces a server to farms on the network until the scope closes. */
const announce = Effect.fnUntraced(function* (address: NetAddress.SocketAddress, key: Redacted.Redacted | undefined) {
  if (!NetAddress.isInetAddress(address)) {
    return yield* new UsageError({ message: "--announce does not work with --unix: other machines cannot reach it" })
  }
  const Discovery = yield* Effect.promise(() => import("./discovery.ts"))
  const name = yield* statusPeer.nameOf(`${address.port}`)
  yield* Effect.mapError(
    Effect.provide(Discovery.announce(address, { name, key }), crypto.layer(key)),
    ({ message }) => new serverMessages.CannotServe({ message: `primes: --announce: ${message}` })
  )
})

export const serve = ({ key: secret, ...input }: Input) => {
  const key = secret === undefined ? undefined : Redacted.make(secret)
  const server = start({ ...input, key }, "--port")
  const checked = key === undefined ? Effect.tap(server, warnIfOpen) : server
  const announced = input.announce ? Effect.tap(checked, ({ address }) => announce(address, key)) : checked
  return runServer.serve("primes", input, announced, { listen: input })
}
