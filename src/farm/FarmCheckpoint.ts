/** The content of a checkpoint: the output so far, the units split off, and the packets that are not finished. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { EncodedPacket } from "./EncodedPacket.ts"
import { CheckpointFailed, FarmError } from "./FarmError.ts"
import type { CheckpointCodecs, Job, SizedPacket, Splitter } from "./Job.ts"

/**
 * A store for the state of one run, from which a later run continues. `NodeCheckpoint.file` is one in a file.
 *
 * **Example** (Continuing an interrupted run from a checkpoint in memory)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { Farm, type FarmCheckpoint, NodeThreadWorkers } from "effect-inet/farm"
 * import { PrimeJob } from "effect-inet/primes"
 *
 * let saved: string | undefined
 * const checkpoint: FarmCheckpoint.Checkpoint = {
 *   path: "memory",
 *   read: Effect.sync(() => saved),
 *   write: (text) => Effect.sync(() => void (saved = text)),
 *   remove: Effect.sync(() => void (saved = undefined))
 * }
 * const workers = NodeThreadWorkers.make({ module: PrimeJob.module, threads: 1 })
 * const input = { from: 0, to: 100_000_000, kernel: "segmented" } as const
 * const run = Farm.run(PrimeJob.job, input, { workers, checkpoint, packetSize: 1_000_000 })
 *
 * await Effect.runPromise(Effect.timeoutOption(run, "200 millis"))
 * await Effect.runPromise(run) // => 5761455
 * saved // => undefined
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export interface Checkpoint {
  /** The path or name of the store, for error messages. */
  readonly path: string
  /** The text written last, `undefined` if there is none. */
  readonly read: Effect.Effect<string | undefined, FarmError>
  /** Replaces the text atomically: a reader finds the old text or the new one. */
  readonly write: (text: string) => Effect.Effect<void, FarmError>
  readonly remove: Effect.Effect<void, FarmError>
}

/** The JSON text of a checkpoint. `cut`: units split off; `open`: units and encoded packet of each unfinished one. */
const CheckpointFile = Schema.Struct({
  farm: Schema.Literal(1),
  job: Schema.String,
  version: Schema.Number,
  input: Schema.Unknown,
  cut: Schema.Int,
  open: Schema.Array(Schema.Tuple([Schema.Int, Schema.Unknown])),
  output: Schema.Unknown
})

/** The state of a run. @category models @since 0.1.0 */
export interface State<Packet, Output> {
  /** Units that the splitter has split off. */
  readonly splitUnits: number
  /** Packets that are split off and not merged. */
  readonly unfinished: ReadonlyArray<SizedPacket<EncodedPacket<Packet>>>
  readonly output: Output
}

const maxQuotedChars = 60

const truncated = (text: string) => (text.length > maxQuotedChars ? `${text.slice(0, maxQuotedChars)}...` : text)

/** Makes the reader and writer of checkpoints for one job and one input. @category constructors @since 0.1.0 */
export const make = <Input, Packet, Result, Output>(
  job: Job<Input, Packet, Result, Output>,
  codecs: CheckpointCodecs<Input, Output>,
  input: Input,
  path: string
) => {
  const inputJson = JSON.stringify(Schema.encodeSync(codecs.input)(input))
  const fail = (detail: string) => Effect.fail(new FarmError({ reason: new CheckpointFailed({ path, detail }) }))

  const write = ({ output, splitUnits, unfinished }: State<Packet, Output>): string =>
    JSON.stringify({
      farm: 1,
      job: job.name,
      version: job.version,
      input: JSON.parse(inputJson),
      cut: splitUnits,
      open: unfinished.map(({ packet, units }) => [units, packet.encoded]),
      output: Schema.encodeSync(codecs.output)(output)
    } satisfies typeof CheckpointFile.Type)

  const decodeAll = (text: string) => {
    const saved = Schema.decodeUnknownSync(CheckpointFile)(JSON.parse(text))
    if (`${saved.job} ${saved.version}` !== `${job.name} ${job.version}`) {
      return `belongs to job ${saved.job} ${saved.version}, not ${job.name} ${job.version}; name another file`
    }
    const found = JSON.stringify(saved.input)
    if (found !== inputJson) {
      return `belongs to input ${truncated(found)}, not ${truncated(inputJson)}; name another file`
    }
    const packet = Schema.decodeUnknownSync(job.packet)
    return {
      splitUnits: saved.cut,
      unfinished: saved.open.map(([units, encoded]) => ({ units, packet: { packet: packet(encoded), encoded } })),
      output: Schema.decodeUnknownSync(codecs.output)(saved.output)
    }
  }

  const read = (text: string): Effect.Effect<State<Packet, Output>, FarmError> =>
    Effect.try({ try: () => decodeAll(text), catch: (cause) => cause }).pipe(
      Effect.matchEffect({
        onSuccess: (state) => (typeof state === "string" ? fail(state) : Effect.succeed(state)),
        onFailure: () => fail("not a farm checkpoint, or a damaged one; name another file, or remove this one")
      })
    )

  /** Advances a new splitter by the units that were split off before. */
  const skip = (splitter: Splitter<Packet>, units: number): Effect.Effect<void, FarmError> =>
    Effect.suspend(() => {
      let skipped = 0
      while (skipped < units) {
        const next = splitter.next(units - skipped)
        if (next === undefined) break
        skipped += next.units
      }
      return skipped === units
        ? Effect.void
        : fail(
            `cannot resume: the splitter stopped at unit ${skipped}, the checkpoint at unit ${units}; remove the checkpoint`
          )
    })

  return { read, skip, write }
}
