/**
 * The content of a checkpoint: the output so far, the units split off, and the packets that are not finished. It is one
 * line of JSON that begins with its version and a checksum of the rest, so that a damaged one is refused.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { crc32c } from "../network/server/Crc32c.ts"
import * as TerminalText from "../network/TerminalText.ts"
import type { EncodedPacket } from "./EncodedPacket.ts"
import { Attempt, CheckpointFailed, FarmError, PoisonPacket } from "./FarmError.ts"
import type { CheckpointCodecs, Job, SizedPacket } from "./Job.ts"

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
  /** Excludes other processes from the store until the scope closes; it fails if one has it. Default: none. */
  readonly lock?: Effect.Effect<void, FarmError, Scope.Scope> | undefined
  /** The text written last, `undefined` if there is none. */
  readonly read: Effect.Effect<string | undefined, FarmError>
  /** Replaces the text atomically: a reader finds the old text or the new one. */
  readonly write: (text: string) => Effect.Effect<void, FarmError>
  readonly remove: Effect.Effect<void, FarmError>
}

/** The owner of a checkpoint: `Farm.run` or `Farm.stream`. @category models @since 0.1.0 */
export type Kind = "run" | "stream"

/** The version of the format. */
const version = 2

/** A checkpoint as JSON. `sum`: the CRC-32C of the JSON of `state`, as eight hexadecimal digits. */
const CheckpointFile = Schema.Struct({
  farm: Schema.Literal(version),
  sum: Schema.String,
  /**
   * `cut`: units split off. `open`: units and encoded packet of each unfinished one. `skipped`: the packets that were
   * given up. `output` is null for a stream.
   */
  state: Schema.Struct({
    kind: Schema.Literals(["run", "stream"]),
    job: Schema.String,
    version: Schema.Number,
    input: Schema.Unknown,
    cut: Schema.Int,
    open: Schema.Array(Schema.Tuple([Schema.Int, Schema.Unknown])),
    skipped: Schema.Array(
      Schema.Struct({ id: Schema.Number, packet: Schema.Unknown, attempts: Schema.Array(Attempt) })
    ),
    output: Schema.Unknown
  })
})

type SavedState = (typeof CheckpointFile.Type)["state"]

/** The state of a run. @category models @since 0.1.0 */
export interface State<Packet, Output> {
  /** Units that the source has split off. */
  readonly splitUnits: number
  /** Packets that are split off and not merged, or not consumed. */
  readonly unfinished: ReadonlyArray<SizedPacket<EncodedPacket<Packet>>>
  /** Packets that were given up. */
  readonly skipped: ReadonlyArray<PoisonPacket>
  /** The output so far; undefined for a stream. */
  readonly output: Output | undefined
}

const maxQuotedChars = 60

const quoted = (text: string) => TerminalText.truncate(text, maxQuotedChars)

const checksum = (text: string) => crc32c(new TextEncoder().encode(text)).toString(16).padStart(8, "0")

/** The text before the state, with the version and the checksum. */
const header = /^\{"farm":(\d+),(?:"sum":"([0-9a-f]{8})","state":)?/

const format = (state: string) => `{"farm":${version},"sum":"${checksum(state)}","state":${state}}\n`

/** Parses the text of a checkpoint; returns the reason if it is not one, or is damaged. */
const parse = (text: string): SavedState | string => {
  const [start, found, sum] = header.exec(text) ?? []
  if (start === undefined) return "not a farm checkpoint; name another file"
  if (Number(found) !== version) {
    return `format ${found} of another version, not ${version}; continue it with that version, or remove it`
  }
  const end = text.trimEnd()
  const state = end.slice(start.length, -1)
  if (sum === undefined || !end.endsWith("}}")) return "the checkpoint is truncated; remove it to begin anew"
  const actual = checksum(state)
  if (actual !== sum) return `the checkpoint is damaged (checksum ${actual}, not ${sum}); remove it to begin anew`
  return Schema.decodeUnknownSync(CheckpointFile)(JSON.parse(text)).state
}

/** The run or stream of a checkpoint. */
interface Owner<Input> {
  readonly input: Input
  readonly kind: Kind
  readonly path: string
}

/** Makes the conversion of a schema's values to JSON and back: dates, bigints, NaN and bytes keep their types. */
const jsonOf = <A>(schema: Schema.Codec<A, unknown>) => {
  const codec = Schema.toCodecJson(schema)
  return { encode: Schema.encodeSync(codec), decode: Schema.decodeUnknownSync(codec) }
}

/** Makes the reader and writer of checkpoints for one job and one input. @category constructors @since 0.1.0 */
export const make = <Input, Packet, Result, Output>(
  job: Job<Input, Packet, Result, Output>,
  codecs: CheckpointCodecs<Input, Output>,
  { input, kind, path }: Owner<Input>
) => {
  const inputJson = JSON.stringify(jsonOf(codecs.input).encode(input))
  const savedInput: unknown = JSON.parse(inputJson)
  const outputs = jsonOf(codecs.output)
  const packets = jsonOf(Schema.toEncoded(job.packet))
  const fail = (detail: string) => Effect.fail(new FarmError({ reason: new CheckpointFailed({ path, detail }) }))

  const write = ({ output, skipped, splitUnits, unfinished }: State<Packet, Output>): string =>
    format(
      JSON.stringify({
        ...{ kind, job: job.name, version: job.version, input: savedInput, cut: splitUnits },
        open: unfinished.map(({ packet, units }) => [units, packets.encode(packet.encoded)]),
        skipped: skipped.map(({ attempts, id, packet }) => ({ id, packet: packets.encode(packet), attempts })),
        output: output === undefined ? null : outputs.encode(output)
      } satisfies SavedState)
    )

  /** Returns the owner of a checkpoint, if that is not this run. */
  const otherOwner = (saved: SavedState) => {
    if (`${saved.job} ${saved.version}` !== `${job.name} ${job.version}`) {
      return `job ${saved.job} ${saved.version}, not ${job.name} ${job.version}`
    }
    const found = JSON.stringify(saved.input)
    if (found !== inputJson) return `input ${quoted(found)}, not ${quoted(inputJson)}`
    return saved.kind === kind ? undefined : `a ${saved.kind}, not a ${kind}`
  }

  const decodeAll = (text: string): State<Packet, Output> | string => {
    const saved = parse(text)
    if (typeof saved === "string") return saved
    const other = otherOwner(saved)
    if (other !== undefined) return `belongs to ${other}; name another file`
    const decode = Schema.decodeUnknownSync(job.packet)
    return {
      splitUnits: saved.cut,
      unfinished: saved.open.map(([units, json]) => {
        const encoded = packets.decode(json)
        return { units, packet: { packet: decode(encoded), encoded } }
      }),
      skipped: saved.skipped.map((one) => new PoisonPacket({ ...one, packet: packets.decode(one.packet) })),
      output: kind === "run" ? outputs.decode(saved.output) : undefined
    }
  }

  const read = (text: string): Effect.Effect<State<Packet, Output>, FarmError> =>
    Effect.try({ try: () => decodeAll(text), catch: (cause) => cause }).pipe(
      Effect.matchEffect({
        onSuccess: (state) => (typeof state === "string" ? fail(state) : Effect.succeed(state)),
        onFailure: () => fail("not a farm checkpoint, or a damaged one; name another file, or remove this one")
      })
    )

  return { read, write }
}
