/** Runs a game server with a concurrency model. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Network from "../../../network/Network.ts"
import type * as ConcurrencyModel from "../../../session/ConcurrencyModel.ts"
import { UsageError } from "../../common/CliErrors.ts"
import * as runServer from "../common/runServer.ts"
import * as serverMessages from "../common/serverMessages.ts"
import * as concurrencyModel from "./concurrencyModel.ts"

/** Flags of a game server that its service does not use. */
export type Input = concurrencyModel.Input & runServer.Operations

interface Options extends Input {
  readonly host?: string | undefined
  readonly port: number
}

/** Removes undefined options, so that the defaults of the service apply. */
export const withoutUndefined = <A extends object>(options: A) =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    readonly [K in keyof A]: Exclude<A[K], undefined>
  }

/** Fails if threads, which bind the port themselves, would have to bind one that is reserved for root. */
const checkPort = ({ model, perClient, port, user }: Options) =>
  model === "threads" && !perClient && user !== undefined && port > 0 && port < 1_024
    ? Effect.fail(
        new UsageError({
          message: `--user needs another --model for port ${port}: each thread binds the port, as the user, from 1024 on`
        })
      )
    : Effect.void

/** Serves until the process receives a shutdown signal. */
export const serve = <E extends { readonly message: string }, R>(
  service: string,
  input: Options,
  make: (
    model: ConcurrencyModel.WorkerModel
  ) => Effect.Effect<ConcurrencyModel.SessionServer, E | Network.NetworkError, Network.Network | Scope.Scope | R>
) =>
  runServer.serve(
    service,
    input,
    Effect.andThen(checkPort(input), Effect.flatMap(concurrencyModel.choose(input), make)).pipe(
      Effect.catchIf(isNetworkError, serverMessages.explainListenError(service, input.port, "--port"))
    ),
    { listen: input, capacity: capacityOf(input) }
  )

/** Descriptors of a client with a worker of its own: channel and output of the process; those of the thread. */
const descriptorsOfWorker = { processes: 2, threads: 5 }

/** Clients of a server with a worker for each, which has at most 100 by default; undefined without. */
const capacityOf = ({ maxConnections: clients = 100, model, perClient, pool }: Options) =>
  model === "processes" && pool === undefined
    ? { clients, descriptorsEach: descriptorsOfWorker.processes }
    : model === "threads" && perClient
      ? { clients, descriptorsEach: descriptorsOfWorker.threads }
      : undefined

const isNetworkError = (error: unknown): error is Network.NetworkError =>
  (error as { readonly _tag?: unknown })._tag === "NetworkError"
