/**
 * The content of a checkpoint: the output so far, the units split off, and the packets that are not finished. It is one
 * line of JSON that begins with its version and a checksum of the rest, so that a damaged one is refused.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as TerminalText from "../network/TerminalText.ts"
import * as ByteEstimate from "./ByteEstimate.ts"
import * as CheckpointText from "./checkpoint/CheckpointText.ts"
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
  /** Does the same with a text in parts of about a megabyte: no turn of the event loop is long. Default: `write`. */
  readonly writeParts?: ((parts: ReadonlyArray<string>) => Effect.Effect<void, FarmError>) | undefined
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

/** The text before the state, with the version and the checksum. */
const header = /^\{"farm":(\d+),(?:"sum":"([0-9a-f]{8})","state":)?/

/** Formats the text of a checkpoint from the parts of its state. */
const format = (state: Iterable<string>) =>
  Effect.map(CheckpointText.takeText(state), ({ parts, sum }) => [
    `{"farm":${version},"sum":"${sum}","state":${parts[0] ?? ""}`,
    ...parts.slice(1),
    "}\n"
  ])

/** Parses the text of a checkpoint; returns the reason if it is not one, or is damaged. */
const parse = Effect.fnUntraced(function* (text: string): Effect.fn.Return<SavedState | string, unknown> {
  const [start, found, sum] = header.exec(text) ?? []
  if (start === undefined) return "not a farm checkpoint; name another file"
  if (Number(found) !== version) {
    return `format ${found} of another version, not ${version}; continue it with that version, or remove it`
  }
  const end = text.trimEnd()
  const state = end.slice(start.length, -1)
  if (sum === undefined || !end.endsWith("}}")) return "the checkpoint is truncated; remove it to begin anew"
  const { sum: actual } = yield* CheckpointText.takeText(CheckpointText.split(state))
  if (actual !== sum) return `the checkpoint is damaged (checksum ${actual}, not ${sum}); remove it to begin anew`
  return yield* Effect.try({
    try: () => Schema.decodeUnknownSync(CheckpointFile)(JSON.parse(text)).state,
    catch: (cause) => cause
  })
})

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

/** The conversions of one job and one input. */
interface Codecs<Packet, Output> {
  readonly job: { readonly name: string; readonly version: number }
  readonly kind: Kind
  readonly inputJson: string
  /** Of packets as `Job.packet` encodes them. */
  readonly packets: ReturnType<typeof jsonOf<unknown>>
  readonly decodePacket: (encoded: unknown) => Packet
  readonly outputs: ReturnType<typeof jsonOf<Output>>
}

/** Writes what is around the packets. `merge` may change the output later, and the run the list of skipped ones. */
const aroundPackets = <Output>(
  { inputJson, job, kind, outputs, packets }: Omit<Codecs<unknown, Output>, "decodePacket">,
  { output, skipped, splitUnits }: State<unknown, Output>
): readonly [before: string, after: string] => {
  const owner = JSON.stringify({ kind, job: job.name, version: job.version } satisfies Partial<SavedState>)
  const rest = JSON.stringify({
    skipped: skipped.map(({ attempts, id, packet }) => ({ id, packet: packets.encode(packet), attempts })),
    output: output === undefined ? null : outputs.encode(output)
  } satisfies Partial<SavedState>)
  return [`${owner.slice(0, -1)},"input":${inputJson},"cut":${splitUnits},"open":[`, `],${rest.slice(1)}`]
}

/** Writes a state in parts. The packets, which nobody changes, are written only when they are taken. */
function* stateParts(
  [before, after]: readonly [before: string, after: string],
  packets: Codecs<unknown, unknown>["packets"],
  { unfinished }: Pick<State<unknown, unknown>, "unfinished">
): Generator<string> {
  yield* CheckpointText.split(before)
  for (const [index, { packet, units }] of unfinished.entries()) {
    yield `${index === 0 ? "" : ","}[${units},`
    yield* CheckpointText.json(packets.encode(packet.encoded))
    yield "]"
  }
  yield* CheckpointText.split(after)
}

/** Returns the owner of a checkpoint, if that is not this run. */
const otherOwner = (
  { inputJson, job, kind }: Pick<Codecs<unknown, unknown>, "inputJson" | "job" | "kind">,
  saved: SavedState
) => {
  if (`${saved.job} ${saved.version}` !== `${job.name} ${job.version}`) {
    return `job ${saved.job} ${saved.version}, not ${job.name} ${job.version}`
  }
  const found = JSON.stringify(saved.input)
  if (found !== inputJson) return `input ${quoted(found)}, not ${quoted(inputJson)}`
  return saved.kind === kind ? undefined : `a ${saved.kind}, not a ${kind}`
}

function* unfinishedOf<Packet>(
  { decodePacket, packets }: Pick<Codecs<Packet, unknown>, "decodePacket" | "packets">,
  { open }: SavedState
): Generator<SizedPacket<EncodedPacket<Packet>>> {
  for (const [units, json] of open) {
    const encoded = packets.decode(json)
    yield { units, packet: { packet: decodePacket(encoded), encoded } }
  }
}

/** Reads the state of a text; returns the reason if it has none of this run. Fails with what a codec throws. */
const decodeState = Effect.fnUntraced(function* <Packet, Output>(
  codecs: Codecs<Packet, Output>,
  text: string
): Effect.fn.Return<State<Packet, Output> | string, unknown> {
  const saved = yield* parse(text)
  if (typeof saved === "string") return saved
  const other = otherOwner(codecs, saved)
  if (other !== undefined) return `belongs to ${other}; name another file`
  const { kind, outputs, packets } = codecs
  const charsOf = ({ packet }: SizedPacket<EncodedPacket<Packet>>) => ByteEstimate.estimate(packet.encoded)
  const unfinished = yield* CheckpointText.takeAll(unfinishedOf(codecs, saved), charsOf)
  return yield* Effect.try({
    try: () => ({
      splitUnits: saved.cut,
      unfinished,
      skipped: saved.skipped.map((one) => new PoisonPacket({ ...one, packet: packets.decode(one.packet) })),
      output: kind === "run" ? outputs.decode(saved.output) : undefined
    }),
    catch: (cause) => cause
  })
})

/** Makes the reader and writer of checkpoints for one job and one input. @category constructors @since 0.1.0 */
export const make = <Input, Packet, Result, Output>(
  job: Job<Input, Packet, Result, Output>,
  { input: inputCodec, output: outputCodec }: CheckpointCodecs<Input, Output>,
  { input, kind, path }: Owner<Input>
) => {
  const codecs: Codecs<Packet, Output> = {
    ...{ job, kind, inputJson: JSON.stringify(jsonOf(inputCodec).encode(input)) },
    ...{ packets: jsonOf(Schema.toEncoded(job.packet)), decodePacket: Schema.decodeUnknownSync(job.packet) },
    outputs: jsonOf(outputCodec)
  }
  const fail = (detail: string) => Effect.fail(new FarmError({ reason: new CheckpointFailed({ path, detail }) }))
  return {
    read: (text: string): Effect.Effect<State<Packet, Output>, FarmError> =>
      Effect.matchEffect(decodeState(codecs, text), {
        onSuccess: (state) => (typeof state === "string" ? fail(state) : Effect.succeed(state)),
        onFailure: () => fail("not a farm checkpoint, or a damaged one; name another file, or remove this one")
      }),
    /** Writes a state as it is when this is called, in parts of a text. Fails with what a codec throws. */
    write: (state: State<Packet, Output>): Effect.Effect<ReadonlyArray<string>, unknown> =>
      Result.match(
        Result.try(() => aroundPackets(codecs, state)),
        {
          onSuccess: (around) => format(stateParts(around, codecs.packets, state)),
          onFailure: (cause) => Effect.fail(cause)
        }
      )
  }
}
