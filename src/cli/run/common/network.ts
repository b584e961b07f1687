/** The network of all commands: the host's network with the capture and the faults that the global flags select. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Capture from "../../../capture/Capture.ts"
import * as Network from "../../../network/Network.ts"
import * as NodeServices from "../../../network/node/NodeServices.ts"
import type { Tap } from "../../../network/Packet.ts"
import * as Quantity from "../../../network/Quantity.ts"
import type { Observer } from "../../../simulation/impairment/Impairment.ts"
import type { PacketWatch } from "../../../web/packets/PacketWatch.ts"
import { CannotCapture, CaptureFailure } from "../../common/CliErrors.ts"
import * as captureFlags from "../../common/capture/captureFlags.ts"
import * as flags from "../../common/flags.ts"

/** The host's network and the observer that captures its packets. */
interface UnderlyingNetwork {
  readonly network: Network.Network["Service"]
  readonly observer: Observer
}

/**
 * The network below the capture, for a command that injects faults by a plan of its own. Set only with a tap: by
 * `--capture`, or a page.
 */
export class CapturedNetwork extends Context.Reference<UnderlyingNetwork | undefined>(
  "effect-inet/cli/CapturedNetwork",
  {
    defaultValue: () => undefined
  }
) {}

/** A tap for the packets of a command that `capture run` runs. Default: none. */
export class CapturedBy extends Context.Reference<Tap | undefined>("effect-inet/cli/CapturedBy", {
  defaultValue: () => undefined
}) {}

/** The packets for the page of the process. Default: none, without a page. */
export class PagePackets extends Context.Reference<PacketWatch | undefined>("effect-inet/cli/PagePackets", {
  defaultValue: () => undefined
}) {}

/** Returns a tap that passes packets to others, or the only one, which may be inactive; undefined without one. */
const tapOf = (taps: ReadonlyArray<Tap | undefined>): Tap | undefined => {
  const all = taps.filter((tap) => tap !== undefined)
  if (all.length <= 1) return all[0]
  return (packet) => {
    for (const tap of all) tap(packet)
  }
}

/** Starts a capture to a file, as `--capture` does; `flag` names it in messages. */
export const startCapture = Effect.fnUntraced(function* (flag: string, file: string, options: Capture.FileOptions) {
  const { start } = yield* Effect.promise(() => import("../../../capture/Capture.ts"))
  const NodePipes = yield* Effect.promise(() => import("../../../capture/write/NodePipes.ts"))
  const failures = yield* CaptureFailure
  const failed = ({ detail }: { readonly detail: string }, after = "") =>
    new CannotCapture({ message: `--${flag} ${JSON.stringify(file)}: ${detail}${after}` })
  return yield* start(file, {
    ...options,
    onFailure:
      failures === undefined
        ? undefined
        : (error) =>
            Effect.sync(() => {
              const { lostPackets } = error
              const lacks =
                lostPackets === undefined
                  ? "the file lacks the packets from then on"
                  : `${Quantity.format(lostPackets, "packet")} lost`
              failures.error = failed(error, `; ${lacks}`)
            })
  }).pipe(
    Effect.mapError((error) => failed(error)),
    Effect.provide(NodePipes.layer)
  )
})

/** Opens the capture file of `--capture`; undefined without one. */
const fileTap = Effect.gen(function* () {
  const file = yield* flags.Capture
  if (file === undefined) return yield* Effect.as(captureFlags.checkUnused, undefined)
  const options = yield* captureFlags.optionsOf(yield* captureFlags.given, "capture-filter")
  return yield* startCapture("capture", file, options)
})

/**
 * Returns the tap of the file of `--capture` and of `capture run`; undefined without one. Fails if the file cannot be
 * written: nothing is sent that the capture would lack. If it cannot be written later, a server logs a warning, and a
 * client fails when it is done.
 */
export const captureTap = Effect.gen(function* () {
  return tapOf([yield* CapturedBy, yield* fileTap])
})

const startObserver = Effect.gen(function* () {
  const tap = tapOf([yield* captureTap, (yield* PagePackets)?.tap])
  if (tap === undefined) return undefined
  const { wrap } = yield* Effect.promise(() => import("../../../capture/Capture.ts"))
  const file = yield* flags.Capture
  const where = file === "-" ? "standard output" : file
  if (file !== undefined)
    yield* Effect.logInfo(`capturing to ${where}; child processes and worker threads are not captured`)
  const observer: Observer = { tap, wrap }
  return observer
})

/** Builds the network from the flags. With both, the capture shows the packets after the faults, with comments. */
const layerFromFlags = Effect.gen(function* () {
  const network = yield* Network.Network
  const plan = (yield* flags.Faults) ?? []
  const seed = yield* flags.FaultSeed
  const observer = yield* startObserver
  if (plan.length > 0) {
    const Impairment = yield* Effect.promise(() => import("../../../simulation/impairment/Impairment.ts"))
    const { dissectors } = yield* Effect.promise(() => import("./dissectors.ts"))
    return Impairment.layer(plan, { seed, dissectors, observer })
  }
  if (observer === undefined) return Layer.succeed(Network.Network, network)
  const captured = Layer.effect(Network.Network, observer.wrap(network, observer.tap))
  return Layer.merge(captured, Layer.succeed(CapturedNetwork, { network, observer }))
})

/** Network and name services of the host, with capture and faults. */
export const layer = Layer.provideMerge(Layer.unwrap(layerFromFlags), NodeServices.layer)
