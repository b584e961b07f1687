/** The options of a run, validated and in the form that a dispatcher needs. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as ByteEstimate from "./ByteEstimate.ts"
import type * as DispatcherEvent from "./dispatcher/DispatcherEvent.ts"
import type { EncodedPacket } from "./EncodedPacket.ts"
import { FarmError, InvalidOptions, WrongJob } from "./FarmError.ts"
import type { RunSettings } from "./FarmOptions.ts"
import type { SizedPacket, Work } from "./Job.ts"
import type { PacketSource } from "./PacketSource.ts"
import type { RetryDelay } from "./RetryDelay.ts"
import type { Worker } from "./Worker.ts"

const invalid = (message: string) => new FarmError({ reason: new InvalidOptions({ message }) })

const nameOf = ({ name, version }: { readonly name: string; readonly version: number }) => `${name} ${version}`

/** Returns the error of a worker that has loaded another job. */
export const wrongJob = (work: { readonly name: string; readonly version: number }, { job, name }: Worker) =>
  nameOf(job) === nameOf(work)
    ? undefined
    : new FarmError({ reason: new WrongJob({ worker: name, has: nameOf(job), wanted: nameOf(work) }) })

const durations = { lease: "30 seconds", timeout: "1 second", targetDuration: "100 millis" } as const

/** Returns the error of invalid options. */
export const problemOf = (settings: RunSettings, work: Pick<Work<never, never>, "transfer">) => {
  for (const name of ["maxAttempts", "packetSize", "bufferSize", "bufferBytes"] as const) {
    const value = settings[name] ?? 1
    if (Number.isInteger(value) && value > 0) continue
    return invalid(`invalid ${name} ${value}: must be a whole number, at least 1`)
  }
  for (const [name, fallback] of Object.entries(durations) as ReadonlyArray<[keyof typeof durations, Duration.Input]>) {
    const millis = Duration.toMillis(settings[name] ?? fallback)
    if (!(millis > 0)) return invalid(`invalid ${name} ${millis} ms: must be more than 0`)
  }
  const { verify = 0 } = settings
  if (!(verify >= 0 && verify <= 1)) return invalid(`invalid verify ${verify}: must be a fraction, 0 to 1`)
  if (verify > 0 && work.transfer?.packet !== undefined) {
    return invalid("invalid verify: the job moves its packets, so that two workers cannot have one; remove one of both")
  }
  return undefined
}

/** The parts of a run from which the options of its dispatcher are made. */
export interface Parts<Packet, Result> {
  readonly work: Work<Packet, Result>
  readonly source: PacketSource<Packet>
  readonly workers: ReadonlyArray<Worker>
  readonly mayJoin: boolean
  readonly settings: RunSettings
  readonly splitUnits: number
  readonly restored: ReadonlyArray<SizedPacket<EncodedPacket<Packet>>>
  readonly holdUntilConsumed: boolean
}

/** The size of the buffer of an ordered run or a stream, for each worker, unless it is given. */
const defaultBufferedPackets = 64

/** Makes the verification of a run; undefined if nothing is verified. */
export const verification = Effect.fnUntraced(function* <Packet, Result>({
  holdUntilConsumed,
  settings,
  work
}: Pick<Parts<Packet, Result>, "holdUntilConsumed" | "settings" | "work">) {
  const { verify = 0 } = settings
  if (verify === 0) return undefined
  const runSync = Effect.runSyncWith(yield* Effect.context<never>())
  const encode = Schema.encodeUnknownSync(work.result)
  const chosenHosts = new Set<string | undefined>()
  const verification: DispatcherEvent.Verification = {
    // The first packet of each host is, so that one that always lies is found.
    isChosen: (_, host) => chosenHosts.size < chosenHosts.add(host).size || runSync(Random.next) < verify,
    // A result of a host that lies may fit the schema and have no encoded form: it equals no other.
    isEqual: (one, two) => {
      try {
        return Equal.equals(encode(one), encode(two))
      } catch {
        return false
      }
    },
    holdsResults: !holdUntilConsumed
  }
  return verification
})

const limits = ({ holdUntilConsumed, settings }: Pick<Parts<never, never>, "holdUntilConsumed" | "settings">) => {
  const { bufferBytes, bufferSize, ordered = false } = settings
  const isBounded = ordered || holdUntilConsumed
  return {
    bufferSize: bufferSize ?? (isBounded ? defaultBufferedPackets : Number.POSITIVE_INFINITY),
    isBufferPerWorker: bufferSize === undefined,
    bufferBytes
  }
}

/** Without `bufferBytes` one packet of this number is measured, for the window of the workers. */
const packetsPerEstimate = 16

/** Makes the source of a dispatcher, whose packets are encoded. */
const nextPacket = <Packet, Result>({ settings, source, work }: Parts<Packet, Result>) => {
  const encode = Schema.encodeSync(work.packet)
  const isCounting = settings.bufferBytes !== undefined
  const buffersOf = work.transfer?.packet
  let count = 0
  return (size: number): DispatcherEvent.SplitPacket<EncodedPacket<Packet>> | "later" | undefined => {
    const next = source.next(size)
    if (next === undefined || next === "later") return next
    const { packet, units } = next
    if (!(units >= 1)) throw new Error(`invalid packet of ${units} units: \`next\` must return at least 1`)
    const encoded = encode(packet)
    const moved = buffersOf?.(packet)
    const transfer = moved === undefined || moved.length === 0 ? undefined : moved
    return {
      packet: { packet, encoded, transfer, origin: next },
      units,
      bytes: isCounting || count++ % packetsPerEstimate === 0 ? ByteEstimate.estimate(encoded) : 0,
      isMoved: transfer !== undefined
    }
  }
}

/** Makes the options of the dispatcher of a run. */
export const dispatcherOptions = <Packet, Result>(
  parts: Parts<Packet, Result>,
  retryDelay: RetryDelay | undefined,
  verify: DispatcherEvent.Verification | undefined
): DispatcherEvent.Options<EncodedPacket<Packet>> => {
  const { holdUntilConsumed, mayJoin, restored, settings, source, splitUnits, workers } = parts
  return {
    ...limits(parts),
    workers,
    mayJoin,
    nextPacket: nextPacket(parts),
    totalUnits: source.total === undefined ? undefined : Math.max(0, source.total - splitUnits),
    restored,
    leaseMillis: Duration.toMillis(settings.lease ?? durations.lease),
    timeoutMillis: settings.timeout === undefined ? undefined : Duration.toMillis(settings.timeout),
    maxAttempts: settings.maxAttempts ?? 3,
    retryDelayMillis: retryDelay?.next,
    skipsPoison: settings.onPoison === "skip",
    ordered: settings.ordered ?? false,
    holdUntilConsumed,
    targetMillis: Duration.toMillis(settings.targetDuration ?? durations.targetDuration),
    initialSize: source.initialSize,
    packetSize: settings.packetSize,
    verify
  }
}
