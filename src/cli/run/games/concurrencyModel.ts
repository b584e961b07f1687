/** The model of a server by its name, and what it cannot do. */
import * as Effect from "effect/Effect"
import type * as LoadableModel from "../../../session/ConcurrencyModel.ts"
import * as flags from "../../common/flags.ts"
import type { ModelName } from "../../common/modelFlags.ts"
import { UsageError } from "../../common/Shutdown.ts"

/** What the command line says of the model. */
export interface Input {
  readonly model: ModelName | undefined
  readonly pool: number | undefined
  readonly threads: number | undefined
}

/** Only the one that is wanted is loaded. */
const load: Readonly<Record<ModelName, (input: Input) => Promise<LoadableModel.LoadableModel>>> = {
  iterative: async () => (await import("../../../session/Iterative.ts")).model,
  fibers: async () => (await import("../../../session/Fibers.ts")).model,
  select: async () => (await import("../../../session/Select.ts")).model,
  processes: async ({ pool }) => (await import("../../../session/NodeProcesses.ts")).model({ pool }),
  threads: async ({ threads }) => (await import("../../../session/NodeThreads.ts")).model({ threads })
}

const workers: Readonly<Partial<Record<ModelName, string>>> = {
  processes: "child processes",
  threads: "worker threads"
}

/** Fails where flags are for another model; says at once what faults and captures cannot follow. */
export const choose = Effect.fnUntraced(function* (input: Input) {
  const name = input.model ?? "fibers"
  for (const [flag, of, given] of [
    ["--pool", "processes", input.pool],
    ["--threads", "threads", input.threads]
  ] as const) {
    if (given === undefined || name === of) continue
    return yield* new UsageError({ message: `${flag} is for --model ${of}, not for ${name}: leave one out` })
  }
  const where = workers[name]
  const watched = [
    ...(((yield* flags.Faults) ?? []).length > 0 ? ["--faults"] : []),
    ...((yield* flags.Capture) === undefined ? [] : ["--capture"])
  ]
  if (where !== undefined && watched.length > 0) {
    yield* Effect.logWarning(`${watched.join(" and ")} cannot follow clients into ${where}: they stay as they are`)
  }
  return yield* Effect.promise(() => load[name](input))
})
