/** What a checkpoint holds: the answer so far, how far the input is cut, and the packets that are cut and not done. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { EncodedPacket } from "./EncodedPacket.ts"
import { CheckpointFailed as Bad, FarmError } from "./FarmError.ts"
import type { CheckpointCodecs, Job, SizedPacket, Splitter } from "./Job.ts"

/** Where a run keeps what it needs to go on after its death. @category models @since 0.1.0 */
export interface Checkpoint {
  /** In errors. */
  readonly path: string
  /** `undefined` where there is none. */
  readonly read: Effect.Effect<string | undefined, FarmError>
  /** Replaces it as a whole: whoever reads finds the old one or the new one. */
  readonly write: (text: string) => Effect.Effect<void, FarmError>
  readonly remove: Effect.Effect<void, FarmError>
}

const Saved = Schema.Struct({
  farm: Schema.Literal(1),
  job: Schema.String,
  version: Schema.Number,
  input: Schema.Unknown,
  cut: Schema.Int,
  open: Schema.Array(Schema.Tuple([Schema.Int, Schema.Unknown])),
  output: Schema.Unknown
})

/** A run as it is saved. @category models @since 0.1.0 */
export interface State<Packet, Output> {
  readonly splitUnits: number
  readonly unfinished: ReadonlyArray<SizedPacket<EncodedPacket<Packet>>>
  readonly output: Output
}

const truncated = (text: string) => (text.length > 60 ? `${text.slice(0, 60)}...` : text)

/** How runs of one job on one input are written and read. @category constructors @since 0.1.0 */
export const make = <Input, Packet, Result, Output>(
  job: Job<Input, Packet, Result, Output>,
  kept: CheckpointCodecs<Input, Output>,
  input: Input,
  path: string
) => {
  const inputJson = JSON.stringify(Schema.encodeSync(kept.input)(input))
  const fail = (detail: string) => Effect.fail(new FarmError({ reason: new Bad({ path, detail }) }))

  const write = ({ splitUnits: cut, unfinished: open, output }: State<Packet, Output>): string =>
    JSON.stringify({
      farm: 1,
      job: job.name,
      version: job.version,
      input: JSON.parse(inputJson),
      cut,
      open: open.map(({ packet, units }) => [units, packet.encoded]),
      output: Schema.encodeSync(kept.output)(output)
    } satisfies typeof Saved.Type)

  const decodeAll = (text: string) => {
    const saved = Schema.decodeUnknownSync(Saved)(JSON.parse(text))
    if (`${saved.job} ${saved.version}` !== `${job.name} ${job.version}`) {
      return `is a checkpoint of the job ${saved.job} ${saved.version}, not ${job.name} ${job.version}: name another file`
    }
    const found = JSON.stringify(saved.input)
    if (found !== inputJson)
      return `is a checkpoint for ${truncated(found)}, not ${truncated(inputJson)}: name another file`
    const packet = Schema.decodeUnknownSync(job.packet)
    return {
      splitUnits: saved.cut,
      unfinished: saved.open.map(([units, encoded]) => ({ units, packet: { packet: packet(encoded), encoded } })),
      output: Schema.decodeUnknownSync(kept.output)(saved.output)
    }
  }

  const read = (text: string): Effect.Effect<State<Packet, Output>, FarmError> =>
    Effect.try({ try: () => decodeAll(text), catch: (cause) => cause }).pipe(
      Effect.matchEffect({
        onSuccess: (state) => (typeof state === "string" ? fail(state) : Effect.succeed(state)),
        onFailure: () => fail("is no checkpoint of a farm: name another file, or remove it")
      })
    )

  /** Brings a new splitter to where the old one was. */
  const skip = (splitter: Splitter<Packet>, cut: number): Effect.Effect<void, FarmError> =>
    Effect.suspend(() => {
      let at = 0
      while (at < cut) {
        const next = splitter.next(cut - at)
        if (next === undefined) break
        at += next.units
      }
      return at === cut ? Effect.void : fail(`cannot be resumed: the job's split gave ${at} units instead of ${cut}`)
    })

  return { read, skip, write }
}
