/** The network of all commands: the host's network with the capture and the faults that the global flags select. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Network from "../../../network/Network.ts"
import * as NodeServices from "../../../network/node/NodeServices.ts"
import type { Observer } from "../../../simulation/impairment/Impairment.ts"
import { CannotCapture, CaptureFailure } from "../../common/CliErrors.ts"
import * as flags from "../../common/flags.ts"

/** The host's network and the observer that captures its packets. */
interface UnderlyingNetwork {
  readonly network: Network.Network["Service"]
  readonly observer: Observer
}

/** The network below the capture, for a command that injects faults by a plan of its own. Set only by `--capture`. */
export class CapturedNetwork extends Context.Reference<UnderlyingNetwork | undefined>(
  "effect-inet/cli/CapturedNetwork",
  {
    defaultValue: () => undefined
  }
) {}

/**
 * Opens the capture file. Fails if it cannot be written: nothing is sent that the capture would lack. If it cannot be
 * written later, a server logs a warning, and a client fails when it is done.
 */
export const openCapture = Effect.fnUntraced(function* (file: string) {
  const Capture = yield* Effect.promise(() => import("../../../capture/Capture.ts"))
  const failures = yield* CaptureFailure
  const failed = ({ detail }: { readonly detail: string }, after = "") =>
    new CannotCapture({ message: `--capture ${JSON.stringify(file)}: ${detail}${after}` })
  return yield* Capture.start(file, {
    onFailure:
      failures === undefined
        ? undefined
        : (error) =>
            Effect.sync(() => {
              failures.error = failed(error, "; the file lacks the packets from then on")
            })
  }).pipe(Effect.mapError((error) => failed(error)))
})

const startCapture = Effect.fnUntraced(function* (file: string) {
  const tap = yield* openCapture(file)
  const { wrap } = yield* Effect.promise(() => import("../../../capture/Capture.ts"))
  yield* Effect.logInfo(`capturing to ${file}; child processes and worker threads are not captured`)
  const observer: Observer = { tap, wrap }
  return observer
})

/** Builds the network from the flags. With both, the capture shows the packets after the faults, with comments. */
const layerFromFlags = Effect.gen(function* () {
  const network = yield* Network.Network
  const file = yield* flags.Capture
  const plan = (yield* flags.Faults) ?? []
  const seed = yield* flags.FaultSeed
  const observer = file === undefined ? undefined : yield* startCapture(file)
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
