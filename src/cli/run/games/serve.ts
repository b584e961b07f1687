/** Runs a game server: chooses the concurrency model, announces the address, waits for the shutdown signal. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Network from "../../../network/Network.ts"
import type * as ConcurrencyModel from "../../../session/ConcurrencyModel.ts"
import { ShutdownSignal } from "../../common/Shutdown.ts"
import * as network from "../common/network.ts"
import { announce, explainListenError } from "../common/serverMessages.ts"
import * as concurrencyModel from "./concurrencyModel.ts"

interface Input extends concurrencyModel.Input {
  readonly port: number
  readonly json: boolean
}

/** Removes undefined options, so that the defaults of the service apply. */
export const withoutUndefined = <A extends object>(options: A) =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    readonly [K in keyof A]: Exclude<A[K], undefined>
  }

/** Serves until the process receives a shutdown signal. */
export const serve = Effect.fnUntraced(
  function* <E, R>(
    service: string,
    input: Input,
    make: (
      model: ConcurrencyModel.WorkerModel
    ) => Effect.Effect<ConcurrencyModel.SessionServer, E | Network.NetworkError, Network.Network | Scope.Scope | R>
  ) {
    const model = yield* concurrencyModel.choose(input)
    const server = yield* make(model).pipe(
      Effect.catchIf(isNetworkError, explainListenError(service, input.port, "--port"))
    )
    yield* announce(service, server.address, input.json)
    yield* yield* ShutdownSignal
  },
  Effect.scoped,
  Effect.provide(network.layer)
)

const isNetworkError = (error: unknown): error is Network.NetworkError =>
  (error as { readonly _tag?: unknown })._tag === "NetworkError"
