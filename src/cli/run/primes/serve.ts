/** The program of `primes serve`. */
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Redacted from "effect/Redacted"
import type * as TcpServer from "../../../network/TcpServer.ts"
import type * as Kernels from "../../../primes/Kernels.ts"
import * as PrimeServer from "../../../primes/PrimeServer.ts"
import * as runServer from "../common/runServer.ts"
import * as serverMessages from "../common/serverMessages.ts"
import * as pool from "./pool.ts"

type Input = TcpServer.Limits &
  runServer.Operations & {
    readonly host: string
    readonly port: number
    readonly dialect: "course" | undefined
    readonly threads: number | undefined
    readonly kernel: Kernels.Name | undefined
    readonly key: string | undefined
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

export const serve = ({ key, ...input }: Input) => {
  const server = start({ ...input, key: key === undefined ? undefined : Redacted.make(key) }, "--port")
  const checked = key === undefined ? Effect.tap(server, warnIfOpen) : server
  return runServer.serve("primes", input, checked, { listen: input })
}
