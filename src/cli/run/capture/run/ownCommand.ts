/** Capture of a command of effect-inet in this process, by the tap of its network: it needs no privileges. */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as CaptureWriter from "../../../../capture/CaptureWriter.ts"
import * as Quantity from "../../../../network/Quantity.ts"
import * as Signal from "../../../../network/Signal.ts"
import * as freeStdout from "../../../common/capture/freeStdout.ts"
import { InnerCommand } from "../../../common/capture/InnerCommand.ts"
import { StandardStreams } from "../../../common/terminalStreams.ts"
import * as network from "../../common/network.ts"
import type { Input, Limits } from "./Input.ts"
import * as printer from "./printer.ts"

/** Runs the command with a tap. It has its own console and streams, which this command has replaced or not. */
const runTapped = Effect.fnUntraced(function* (args: ReadonlyArray<string>, tap: CaptureWriter.CaptureWriter["tap"]) {
  const execute = yield* InnerCommand
  yield* execute(args).pipe(
    Effect.provideService(network.CapturedBy, tap),
    Effect.provideService(Console.Console, yield* Console.Console),
    Effect.provideService(StandardStreams, yield* Stdio.Stdio),
    // The command shares no layer with this one, such as that of the standard streams.
    Effect.provideService(Layer.CurrentMemoMap, Layer.makeMemoMapUnsafe())
  )
})

/** The bytes of a capture while it is made; `end` adds the rest. */
const makeBytes = (writer: CaptureWriter.CaptureWriter) => {
  const changed = Signal.make()
  let hasEnded = false
  let isComplete = false
  const take = () => {
    if (!hasEnded) return writer.take()
    isComplete = true
    return writer.finish()
  }
  const next: Effect.Effect<ReadonlyArray<Uint8Array>, Cause.Done> = Effect.suspend(() => {
    if (isComplete) return Cause.done()
    const chunks = take()
    if (chunks.length > 0) return Effect.succeed(chunks)
    // At the end nothing may be left, as without any packet: then no further change comes.
    return isComplete ? Cause.done() : Effect.andThen(changed.wait, next)
  })
  return {
    notify: changed.notify,
    stream: Stream.flattenIterable(Stream.fromPull(Effect.succeed(Effect.map(next, Arr.of)))),
    end: Effect.sync(() => {
      hasEnded = true
      changed.notify()
    })
  }
}

/** Runs the command and prints its packets; what it prints goes to standard error. */
const runPrinted = Effect.fnUntraced(function* ({ command, json }: Input, { filter, snapLength, stop }: Limits) {
  const writer = CaptureWriter.make({ filter, snapLength })
  const { end, notify, stream } = makeBytes(writer)
  let isPrinting = true
  const printing = yield* printer.print(stream, { json, stop }).pipe(
    Effect.ensuring(
      Effect.sync(() => {
        isPrinting = false
      })
    ),
    Effect.forkScoped
  )
  yield* freeStdout
    .withoutStdout(
      runTapped(command, (packet) => {
        if (!isPrinting) return
        writer.tap(packet)
        notify()
      })
    )
    .pipe(
      // The packets of a command that has failed are printed, too.
      Effect.ensuring(Effect.andThen(end, Fiber.await(printing)))
    )
  yield* Fiber.join(printing)
  const dropped = writer.droppedPackets()
  if (dropped > 0)
    yield* Effect.logWarning(
      `${Quantity.format(dropped, "packet")} not printed: packets were captured faster than they were printed`
    )
})

/** Runs the command, and prints its packets or writes them. */
export const run = Effect.fnUntraced(function* (input: Input, limits: Limits) {
  const { command, write } = input
  if (write === undefined) return yield* runPrinted(input, limits)
  const tap = yield* network.startCapture("write", write, limits)
  const running = runTapped(command, tap)
  yield* write === "-" ? freeStdout.withoutStdout(running) : running
})
