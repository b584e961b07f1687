/** Concurrency models by name, and the check of the flags that belong to them. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as LoadableModel from "../../../session/ConcurrencyModel.ts"
import { UsageError } from "../../common/CliErrors.ts"
import * as flags from "../../common/flags.ts"
import type { ModelName } from "../../common/modelFlags.ts"

/** Flags that choose the model. */
export interface Input {
  readonly model: ModelName | undefined
  readonly pool: number | undefined
  readonly threads: number | undefined
  readonly perClient: boolean
  readonly workerTimeout: Duration.Duration | undefined
}

/** Loaders of the models. Only the chosen one is imported. */
const load: Readonly<Record<ModelName, (input: Input) => Promise<LoadableModel.WorkerModel>>> = {
  iterative: async () => (await import("../../../session/Iterative.ts")).model,
  fibers: async () => (await import("../../../session/Fibers.ts")).model,
  select: async () => (await import("../../../session/Select.ts")).model,
  processes: async ({ pool, workerTimeout }) =>
    (await import("../../../session/NodeProcesses.ts")).model({ pool, workerTimeout }),
  threads: async ({ perClient, threads, workerTimeout }) =>
    (await import("../../../session/NodeThreads.ts")).model({ perClient, threads, workerTimeout })
}

/** A shorter time would kill workers that only wait for a processor. */
const minWorkerTimeoutMillis = 1_000

/** Workers that have sockets of their own: faults and captures of this process do not apply to them. */
const workersWithSockets = ({ model, perClient }: Input) =>
  model === "processes" ? "child processes" : model === "threads" && !perClient ? "worker threads" : undefined

/** Loads the model. Fails if a flag belongs to another model; warns if faults or a capture miss its workers. */
export const choose = Effect.fnUntraced(function* (input: Input) {
  const name = input.model ?? "fibers"
  for (const [flag, models, isGiven] of [
    ["--pool", ["processes"], input.pool !== undefined],
    ["--threads", ["threads"], input.threads !== undefined],
    ["--per-client", ["threads"], input.perClient],
    ["--worker-timeout", ["processes", "threads"], input.workerTimeout !== undefined]
  ] as const) {
    if (!isGiven || models.some((model) => model === name)) continue
    return yield* new UsageError({
      message: `${flag} needs --model ${models.join(" or ")}, but the model is ${name}: remove ${flag} or change --model`
    })
  }
  if (input.perClient && input.threads !== undefined) {
    return yield* new UsageError({
      message: "--per-client serves each client in a thread of its own: remove --threads, or --per-client"
    })
  }
  if (input.workerTimeout !== undefined && Duration.toMillis(input.workerTimeout) < minWorkerTimeoutMillis) {
    return yield* new UsageError({
      message: `--worker-timeout ${Duration.toMillis(input.workerTimeout)}ms is too short: at least 1s`
    })
  }
  const where = workersWithSockets(input)
  const watched = [
    ...(((yield* flags.Faults) ?? []).length > 0 ? ["--faults"] : []),
    ...((yield* flags.Capture) === undefined ? [] : ["--capture"])
  ]
  if (where !== undefined && watched.length > 0) {
    yield* Effect.logWarning(`${watched.join(" and ")} will not apply to the clients: they are served in ${where}`)
  }
  return yield* Effect.promise(() => load[name](input))
})
