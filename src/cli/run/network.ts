/** The network that commands run on: the host's, captured and spoiled as the flags of every command say. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Network from "../../network/Network.ts"
import * as NodeHost from "../../network/NodeHost.ts"
import type { Tap } from "../../network/Wire.ts"
import * as flags from "../flags.ts"

/** The tap of `--capture`, for who has more to tell it than the wire does. */
export class WireTap extends Context.Reference<Tap | undefined>("effect-inet/cli/WireTap", {
  defaultValue: () => undefined
}) {}

const tapOf = Effect.fnUntraced(function* (file: string) {
  const Capture = yield* Effect.promise(() => import("../../capture/Capture.ts"))
  yield* Effect.logInfo(`capturing to ${file}; child processes and worker threads are not captured`)
  const tap = yield* Capture.toFile(file)
  return { tap, wrap: (network: Network.Network["Service"]) => Capture.wrap(network, tap) }
})

/** Faults stand between the program and the capture: it shows what they have let through. */
const spoiled = Effect.gen(function* () {
  const network = yield* Network.Network
  const file = yield* flags.Capture
  const plan = (yield* flags.Faults) ?? []
  const seed = yield* flags.FaultSeed
  let tap: Tap | undefined
  let wired = network
  if (file !== undefined) {
    const capture = yield* tapOf(file)
    tap = capture.tap
    wired = yield* capture.wrap(network)
  }
  const wire = Layer.succeed(Network.Network, wired)
  if (plan.length === 0) return Layer.merge(wire, Layer.succeed(WireTap, tap))
  const Impairment = yield* Effect.promise(() => import("../../simulation/Impairment.ts"))
  return Layer.merge(Layer.provide(Impairment.layer(plan, { seed, tap }), wire), Layer.succeed(WireTap, tap))
})

export const layer = Layer.provideMerge(Layer.unwrap(spoiled), NodeHost.layer)
