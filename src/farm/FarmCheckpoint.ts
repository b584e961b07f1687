/** What a checkpoint holds: the answer so far, how far the input is cut, and the packets that are cut and not done. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Cut } from "./dispatcher/DispatcherEvent.ts"
import { Checkpoint as Bad, FarmError } from "./FarmError.ts"
import type { Parcel } from "./FarmRun.ts"
import type { Job, Kept, Splitter } from "./Job.ts"

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
  readonly cut: number
  readonly open: ReadonlyArray<Cut<Parcel<Packet>>>
  readonly output: Output
}

const shown = (text: string) => (text.length > 60 ? `${text.slice(0, 60)}...` : text)

/** How runs of one job on one input are written and read. @category constructors @since 0.1.0 */
export const make = <Input, Packet, Result, Output>(
  job: Job<Input, Packet, Result, Output>,
  kept: Kept<Input, Output>,
  input: Input,
  path: string
) => {
  const wanted = JSON.stringify(Schema.encodeSync(kept.input)(input))
  const refuse = (detail: string) => Effect.fail(new FarmError({ reason: new Bad({ path, detail }) }))

  const write = ({ cut, open, output }: State<Packet, Output>): string =>
    JSON.stringify({
      farm: 1,
      job: job.name,
      version: job.version,
      input: JSON.parse(wanted),
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
    if (found !== wanted) return `is a checkpoint for ${shown(found)}, not ${shown(wanted)}: name another file`
    const packet = Schema.decodeUnknownSync(job.packet)
    return {
      cut: saved.cut,
      open: saved.open.map(([units, encoded]) => ({ units, packet: { packet: packet(encoded), encoded } })),
      output: Schema.decodeUnknownSync(kept.output)(saved.output)
    }
  }

  const read = (text: string): Effect.Effect<State<Packet, Output>, FarmError> =>
    Effect.try({ try: () => decodeAll(text), catch: (cause) => cause }).pipe(
      Effect.matchEffect({
        onSuccess: (state) => (typeof state === "string" ? refuse(state) : Effect.succeed(state)),
        onFailure: () => refuse("is no checkpoint of a farm: name another file, or remove it")
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
      return at === cut ? Effect.void : refuse(`cannot be resumed: the job's split gave ${at} units instead of ${cut}`)
    })

  return { read, skip, write }
}
