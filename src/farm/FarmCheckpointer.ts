/** The checkpoint side of one run: locks and reads the store, and saves the state of the run at intervals. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as FarmCheckpoint from "./FarmCheckpoint.ts"
import { CheckpointFailed, errorText, FarmError, InvalidOptions, singleLine } from "./FarmError.ts"
import type { CheckpointOptions } from "./FarmOptions.ts"
import type { Job } from "./Job.ts"
import type { PacketSource } from "./PacketSource.ts"

/** The checkpoint side of one run. */
export interface Checkpointer<Packet, Output> {
  /** The state from which the run continues. */
  readonly resumed: FarmCheckpoint.State<Packet, Output> | undefined
  /** Waits for the end of the run, and writes its state at intervals until then. */
  readonly saveWhile: <A>(
    ended: Effect.Effect<A, FarmError>,
    state: () => FarmCheckpoint.State<Packet, Output> | undefined
  ) => Effect.Effect<A, FarmError>
}

const lineOf = (cause: unknown) => singleLine(errorText(cause))

/** Makes an effect that saves, and reports the same failure once, however often it happens. */
const reporting = (path: string, save: Effect.Effect<void, FarmError>) => {
  let warned: string | undefined
  return Effect.matchEffect(save, {
    onSuccess: () => {
      const wasFailing = warned !== undefined
      warned = undefined
      return wasFailing ? Effect.logInfo(`${path}: the checkpoint is saved again`) : Effect.void
    },
    onFailure: ({ message }) => {
      if (message === warned) return Effect.void
      warned = message
      return Effect.logWarning(message)
    }
  })
}

/** Locks and reads the store of a run, and advances the source to where the run continues. */
export const make = Effect.fnUntraced(function* <Input, Packet, Result, Output>(
  job: Job<Input, Packet, Result, Output>,
  input: Input,
  source: PacketSource<Packet>,
  { checkpoint, checkpointInterval = "5 seconds" }: CheckpointOptions,
  kind: FarmCheckpoint.Kind
): Effect.fn.Return<Checkpointer<Packet, Output>, FarmError, Scope.Scope> {
  if (checkpoint === undefined) return { resumed: undefined, saveWhile: (ended) => ended }
  const intervalMillis = Duration.toMillis(checkpointInterval)
  if (!(intervalMillis > 0)) {
    const message = `invalid checkpointInterval ${intervalMillis} ms: must be more than 0`
    return yield* new FarmError({ reason: new InvalidOptions({ message }) })
  }
  const { path, writeParts = (parts) => checkpoint.write(parts.join("")) } = checkpoint
  const fail = (detail: string) => new FarmError({ reason: new CheckpointFailed({ path, detail }) })
  if (job.checkpoint === undefined) {
    return yield* fail(`the job ${job.name} has no checkpoint codecs; define \`checkpoint\` in the job`)
  }
  const { checkpoint: codecs } = job
  const codec = yield* Effect.try({
    try: () => FarmCheckpoint.make(job, codecs, { input, kind, path }),
    catch: (cause) => fail(`cannot write the input: ${lineOf(cause)}; correct \`checkpoint\` in the job`)
  })
  yield* checkpoint.lock ?? Effect.void
  const text = yield* checkpoint.read
  const resumed = text === undefined ? undefined : yield* codec.read(text)
  if (resumed !== undefined) {
    const { splitUnits } = resumed
    const skipped = yield* Effect.mapError(source.skip(splitUnits), (cause) =>
      fail(`cannot resume: the source failed before unit ${splitUnits}: ${String(cause)}; remove the checkpoint`)
    )
    if (skipped !== splitUnits) {
      const where = `the source stopped at unit ${skipped}, the checkpoint at unit ${splitUnits}`
      return yield* fail(`cannot resume: ${where}; remove the checkpoint`)
    }
  }
  return {
    resumed,
    saveWhile: (ended, state) => {
      const save = Effect.suspend(() => {
        const now = state()
        if (now === undefined) return Effect.void
        const parts = Effect.mapError(codec.write(now), (cause) =>
          fail(`cannot write the state: ${lineOf(cause)}; packets and output must be JSON`)
        )
        return Effect.flatMap(parts, writeParts)
      })
      const saveOrWarn = reporting(path, save)
      const saving = Effect.forever(Effect.andThen(Effect.sleep(checkpointInterval), saveOrWarn))
      const running = Effect.onExit(Effect.raceFirst(ended, saving), (exit) =>
        Exit.isSuccess(exit) ? Effect.ignore(checkpoint.remove) : saveOrWarn
      )
      return Effect.andThen(save, running)
    }
  }
})
