/**
 * Writer of a capture: takes encoded blocks from a source and writes them to a file, a ring of files or a pipe. It ends
 * at a limit, or when the destination fails. The source never waits for it.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as Scope from "effect/Scope"
import * as Signal from "../../network/Signal.ts"
import type { Block, BlockSource } from "./BlockQueue.ts"
import * as CaptureLimits from "./CaptureLimits.ts"
import * as Destination from "./Destination.ts"
import * as RingNames from "./RingNames.ts"

/** Limits of the files of a ring. */
interface Ring {
  /** Number of files that are kept; undefined for all. */
  readonly files: number | undefined
  readonly limits: CaptureLimits.Amounts
}

/** Options of an output. */
export interface Options {
  readonly ring?: Ring | undefined
  /** Limits of the whole capture. Default: none. */
  readonly stop?: CaptureLimits.Amounts | undefined
  /** Time that the end of the capture waits for the reader of a pipe. */
  readonly closeTimeout: Duration.Duration
  /** Runs once if a pipe has no reader yet. */
  readonly onWaiting: Effect.Effect<void>
  /** Adds the last blocks to the source, when the scope closes. */
  readonly finish: () => void
  /** Runs once at the end. */
  readonly onEnd: (ending: Ending) => Effect.Effect<void>
}

/** The end of a capture. */
export type Ending =
  | { readonly _tag: "Closed" }
  | { readonly _tag: "Limit"; readonly reached: CaptureLimits.Reached }
  | { readonly _tag: "Failure"; readonly detail: string }
  /** The reader of the pipe has not read everything in time; `hasReader` is false if none has opened it. */
  | { readonly _tag: "Stuck"; readonly hasReader: boolean; readonly lostPackets: number }

/** A running output. */
export interface CaptureOutput {
  /** Tells the writer that blocks wait. */
  readonly notify: () => void
  /** Returns true until a limit is reached, the destination fails or the scope closes. */
  readonly isOpen: () => boolean
  /** Waits for the end. */
  readonly ended: Effect.Effect<Ending>
  /** Returns the number of packets that were written. */
  readonly writtenPackets: () => number
}

/** Most bytes of a write: the memory beside the queue, and the part of a pipe that counts as one step. */
const maxWriteBytes = 262_144

/** The open file of a ring, or the only destination. */
interface OpenDestination extends Destination.Destination {
  readonly close: Effect.Effect<void>
}

/** The state of an output, which only its writing fiber changes. */
interface State {
  limits: CaptureLimits.State
  destination: OpenDestination
  /** Scope of all files. */
  readonly scope: Scope.Scope
  /** Blocks at the begin of each file. */
  header: ReadonlyArray<Uint8Array>
  headerBytes: number
  /** Paths of the files of the ring, the oldest first. */
  paths: ReadonlyArray<string>
  /** Number of packets that were taken from the source, and of those that were written. */
  takenPackets: number
  writtenPackets: number
}

/**
 * Opens a destination in a scope of its own, below that of all files. The scope of the caller would close a file of a
 * later time before it waits for the writer.
 */
const openScoped = Effect.fnUntraced(function* <A extends { readonly destination: Destination.Destination }, R>(
  all: Scope.Scope,
  open: Effect.Effect<A, Destination.DestinationError, R>
) {
  const scope = yield* Scope.fork(all)
  const { destination, ...rest } = yield* Scope.provide(open, scope)
  return { ...rest, destination: { ...destination, close: Scope.close(scope, Exit.void) } satisfies OpenDestination }
})

/** Opens the first destination and writes the header, which is on the disk then. */
const start = Effect.fnUntraced(function* (path: string, source: BlockSource, { onWaiting, ring }: Options) {
  const isRing = ring !== undefined
  if (isRing && path === Destination.stdoutPath)
    return yield* new Destination.DestinationError({ detail: "standard output cannot be a ring of files; name a file" })
  if (isRing && (yield* Destination.isPipe(path)))
    return yield* new Destination.DestinationError({ detail: "a pipe cannot be a ring of files; name a file" })
  const scope = yield* Scope.fork(yield* Effect.scope)
  const first = isRing ? RingNames.pathOf(path, 1, yield* Clock.currentTimeMillis) : path
  const { destination, sync } = yield* openScoped(scope, Destination.open(first, onWaiting))
  const state: State = {
    limits: CaptureLimits.initial,
    destination,
    scope,
    header: [],
    headerBytes: 0,
    paths: isRing ? [first] : [],
    takenPackets: 0,
    writtenPackets: 0
  }
  const blocks = source.take(maxWriteBytes)
  for (const block of blocks) addHeader(state, block)
  // The first write to a pipe waits for its reader.
  if (destination.isPipe) return { state, pending: blocks.map(({ bytes }) => bytes) }
  yield* destination.write(state.header)
  yield* sync
  return { state, pending: [] }
})

/** Counts a block without a packet, and keeps it for further files. */
const addHeader = (state: State, { bytes, kind }: Block) => {
  if (kind === "section") {
    state.header = []
    state.headerBytes = 0
  }
  if (kind !== "other") {
    state.header = [...state.header, bytes]
    state.headerBytes += bytes.length
  }
  state.limits = CaptureLimits.step({}, state.limits, { _tag: "Header", bytes: bytes.length })[0]
}

/** Ends the current file and begins the next one; the oldest file is removed first if the ring is complete. */
const rotate = Effect.fnUntraced(function* (self: State, path: string, source: BlockSource, ring: Ring) {
  yield* self.destination.write(source.trailer())
  yield* self.destination.close
  const oldest = self.paths.length === ring.files ? self.paths[0] : undefined
  const fs = yield* FileSystem.FileSystem
  if (oldest !== undefined) {
    // A file that another program has removed makes room, too.
    yield* Effect.ignore(fs.remove(oldest))
    self.paths = self.paths.slice(1)
  }
  const next = RingNames.pathOf(path, self.limits.files, yield* Clock.currentTimeMillis)
  const { destination } = yield* openScoped(self.scope, Destination.openFile(next))
  self.destination = destination
  self.paths = [...self.paths, next]
  // A disk without space for its header leaves no file behind that cannot be read.
  yield* Effect.tapError(destination.write(self.header), () => Effect.ignore(fs.remove(next)))
})

/** Writes blocks, and begins further files between them. Returns true if a limit has ended the capture. */
const writeBlocks = Effect.fnUntraced(function* (
  self: State,
  path: string,
  source: BlockSource,
  { ring, stop }: Options,
  blocks: ReadonlyArray<Block>
) {
  const limits = { file: ring?.limits, total: stop }
  let batch: Array<Uint8Array> = []
  let packets = 0
  const flush = Effect.suspend(() => {
    const [all, count] = [batch, packets]
    batch = []
    packets = 0
    return all.length === 0
      ? Effect.void
      : Effect.map(self.destination.write(all), () => {
          self.writtenPackets += count
        })
  })
  for (const block of blocks) {
    const { at, bytes, kind } = block
    if (kind !== "packet") {
      addHeader(self, block)
      batch.push(bytes)
      continue
    }
    const [headerBytes, trailerBytes] = [self.headerBytes, source.trailerBytes()]
    const event: CaptureLimits.Event = { _tag: "Packet", bytes: bytes.length, headerBytes, trailerBytes, at }
    const [next, actions] = CaptureLimits.step(limits, self.limits, event)
    self.limits = next
    for (const action of actions) {
      if (action === "Write") {
        self.takenPackets++
        batch.push(bytes)
        packets++
      } else {
        yield* flush
        if (action === "Stop") return true
        yield* rotate(self, path, source, ring!)
      }
    }
  }
  yield* flush
  return false
})

/** Services of a writer. */
type Requirements = FileSystem.FileSystem | Scope.Scope

/** The phase of an output, which the writing fiber and its owner share. */
interface Progress {
  phase: "open" | "ending" | "ended"
  isTimeOver: boolean
}

/** Writes blocks as they come, until the end of the capture, and then the statistics. */
const writeAll = Effect.fnUntraced(function* (
  self: State,
  progress: Progress,
  path: string,
  source: BlockSource,
  options: Options,
  changed: Signal.Signal
) {
  while (true) {
    // Read before the queue: blocks that are added later are not seen.
    const isLast = progress.phase === "ending"
    const blocks = source.take(maxWriteBytes)
    if (blocks.length > 0) {
      if (yield* writeBlocks(self, path, source, options, blocks)) break
    } else if (isLast) break
    else if (progress.isTimeOver) {
      self.limits = CaptureLimits.step({}, self.limits, { _tag: "TimeOut" })[0]
      break
    } else yield* changed.wait
  }
  yield* self.destination.write(source.trailer())
})

/** Returns how a writer has ended. */
const endingOf = (written: Effect.Effect<void, Destination.DestinationError, Requirements>, self: State) =>
  Effect.match(written, {
    onSuccess: (): Ending => {
      const { reached } = self.limits
      return reached === undefined ? { _tag: "Closed" } : { _tag: "Limit", reached }
    },
    onFailure: ({ detail }): Ending => ({ _tag: "Failure", detail })
  })

/** Opens a capture and writes it until its end. The source has the header of the file. */
export const open = Effect.fnUntraced(function* (path: string, source: BlockSource, options: Options) {
  const { closeTimeout, finish, onEnd, stop } = options
  const { pending, state } = yield* start(path, source, options)
  const changed = Signal.make()
  const ended = yield* Deferred.make<Ending>()
  const progress: Progress = { phase: "open", isTimeOver: false }

  const end = (ending: Ending) =>
    Effect.suspend(() => {
      if (progress.phase === "ended") return Effect.void
      progress.phase = "ended"
      return Effect.andThen(onEnd(ending), () => {
        // The packets that wait are not written any more.
        source.take(Number.POSITIVE_INFINITY)
        return Deferred.succeed(ended, ending)
      })
    })
  const written = Effect.andThen(
    state.destination.write(pending),
    writeAll(state, progress, path, source, options, changed)
  )
  const writing = Effect.flatMap(
    Effect.tap(endingOf(written, state), () => state.destination.close),
    end
  )
  const fiber = yield* Effect.forkScoped(Effect.interruptible(writing))
  /** Ends a writer that waits for the reader of a pipe. */
  const endStuck = Effect.gen(function* () {
    if (progress.phase === "ended") return
    yield* Fiber.interrupt(fiber)
    const lostPackets = source.pendingPackets() + state.takenPackets - state.writtenPackets
    yield* end({ _tag: "Stuck", hasReader: state.destination.hasReader(), lostPackets })
  })
  if (stop?.nanos !== undefined) {
    const timeOver = Effect.gen(function* () {
      yield* Effect.sleep(Duration.nanos(stop.nanos!))
      progress.isTimeOver = true
      changed.notify()
      if (!state.destination.isPipe) return
      yield* Effect.sleep(closeTimeout)
      yield* endStuck
    })
    yield* Effect.forkScoped(timeOver)
  }
  yield* Effect.addFinalizer(
    Effect.fnUntraced(function* () {
      if (progress.phase === "open") {
        finish()
        progress.phase = "ending"
      }
      changed.notify()
      const done = Effect.interruptible(Fiber.await(fiber))
      if (!state.destination.isPipe) {
        yield* done
        return
      }
      yield* Effect.timeoutOption(done, closeTimeout)
      yield* endStuck
    })
  )
  const output: CaptureOutput = {
    notify: changed.notify,
    isOpen: () => progress.phase === "open",
    ended: Deferred.await(ended),
    writtenPackets: () => state.writtenPackets
  }
  return output
})
