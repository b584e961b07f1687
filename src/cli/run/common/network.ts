/** The network that commands run on: the host's, captured and spoiled as the flags of every command say. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Network from "../../../network/Network.ts"
import * as NodeServices from "../../../network/node/NodeServices.ts"
import type { Observer } from "../../../simulation/impairment/Impairment.ts"
import * as flags from "../../common/flags.ts"

/** A network without faults, and who listens in on it. */
interface UnderlyingNetwork {
  readonly network: Network.Network["Service"]
  readonly listening: Observer
}

/** For who spoils the network by a plan of its own, beside `--capture` and without `--faults`. */
export class CapturedNetwork extends Context.Reference<UnderlyingNetwork | undefined>("effect-inet/cli/CapturedNetwork", {
  defaultValue: () => undefined
}) {}

const startCapture = Effect.fnUntraced(function* (file: string) {
  const Capture = yield* Effect.promise(() => import("../../../capture/Capture.ts"))
  yield* Effect.logInfo(`capturing to ${file}; child processes and worker threads are not captured`)
  const listening: Observer = { tap: yield* Capture.toFile(file), wrap: Capture.wrap }
  return listening
})

/** A capture shows what is on the wire, which is what faults have let through, and marks what they did. */
const layerFromFlags = Effect.gen(function* () {
  const network = yield* Network.Network
  const file = yield* flags.Capture
  const plan = (yield* flags.Faults) ?? []
  const seed = yield* flags.FaultSeed
  const listening = file === undefined ? undefined : yield* startCapture(file)
  if (plan.length > 0) {
    const Impairment = yield* Effect.promise(() => import("../../../simulation/impairment/Impairment.ts"))
    const { dissectors } = yield* Effect.promise(() => import("./dissectors.ts"))
    return Impairment.layer(plan, { seed, dissectors, observer: listening })
  }
  if (listening === undefined) return Layer.succeed(Network.Network, network)
  const captured = Layer.effect(Network.Network, listening.wrap(network, listening.tap))
  return Layer.merge(captured, Layer.succeed(CapturedNetwork, { network, listening }))
})

export const layer = Layer.provideMerge(Layer.unwrap(layerFromFlags), NodeServices.layer)
