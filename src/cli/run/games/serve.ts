/** What the servers of games have in common: the model, the first line, the end. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Network from "../../../network/Network.ts"
import type * as ConcurrencyModel from "../../../session/ConcurrencyModel.ts"
import { Stop } from "../../common/Shutdown.ts"
import * as network from "../common/network.ts"
import { announce, explain } from "../common/serverMessages.ts"
import * as gameModel from "./concurrencyModel.ts"

interface Input extends gameModel.Input {
  readonly port: number
  readonly json: boolean
}

/** Options without those that were not given, so that a service's own defaults hold. */
export const given = <A extends object>(options: A) =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    readonly [K in keyof A]: Exclude<A[K], undefined>
  }

/** Serves until the process is told to end. */
export const serve = Effect.fnUntraced(
  function* <E, R>(
    service: string,
    input: Input,
    make: (
      model: ConcurrencyModel.LoadableModel
    ) => Effect.Effect<ConcurrencyModel.SessionServer, E | Network.NetworkError, Network.Network | Scope.Scope | R>
  ) {
    const model = yield* gameModel.choose(input)
    const server = yield* make(model).pipe(Effect.catchIf(isNetworkError, explain(service, input.port, "--port")))
    yield* announce(service, server.address, input.json)
    yield* yield* Stop
  },
  Effect.scoped,
  Effect.provide(network.layer)
)

const isNetworkError = (error: unknown): error is Network.NetworkError =>
  (error as { readonly _tag?: unknown })._tag === "NetworkError"
