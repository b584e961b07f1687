/** Concurrency models by name, and the check of the flags that belong to them. */
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
}

/** Loaders of the models. Only the chosen one is imported. */
const load: Readonly<Record<ModelName, (input: Input) => Promise<LoadableModel.WorkerModel>>> = {
  iterative: async () => (await import("../../../session/Iterative.ts")).model,
  fibers: async () => (await import("../../../session/Fibers.ts")).model,
  select: async () => (await import("../../../session/Select.ts")).model,
  processes: async ({ pool }) => (await import("../../../session/NodeProcesses.ts")).model({ pool }),
  threads: async ({ threads }) => (await import("../../../session/NodeThreads.ts")).model({ threads })
}

const workerNouns: Readonly<Partial<Record<ModelName, string>>> = {
  processes: "child processes",
  threads: "worker threads"
}

/** Loads the model. Fails if a flag belongs to another model; warns if faults or a capture miss its workers. */
export const choose = Effect.fnUntraced(function* (input: Input) {
  const name = input.model ?? "fibers"
  for (const [flag, of, given] of [
    ["--pool", "processes", input.pool],
    ["--threads", "threads", input.threads]
  ] as const) {
    if (given === undefined || name === of) continue
    return yield* new UsageError({
      message: `${flag} needs --model ${of}, but the model is ${name}: remove ${flag} or change --model`
    })
  }
  const where = workerNouns[name]
  const watched = [
    ...(((yield* flags.Faults) ?? []).length > 0 ? ["--faults"] : []),
    ...((yield* flags.Capture) === undefined ? [] : ["--capture"])
  ]
  if (where !== undefined && watched.length > 0) {
    yield* Effect.logWarning(`${watched.join(" and ")} will not apply to the clients: they are served in ${where}`)
  }
  return yield* Effect.promise(() => load[name](input))
})
