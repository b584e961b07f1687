/** Services of the host for the programs of commands. */
import * as NodeStdio from "@effect/platform-node/NodeStdio"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stdio from "effect/Stdio"
import * as NodeFiles from "../../network/files/NodeFiles.ts"
import { escapedStdio, StandardStreams } from "./terminalStreams.ts"

/** Standard streams whose output is safe for a terminal. */
const stdio = Layer.effect(
  Stdio.Stdio,
  Effect.gen(function* () {
    return (yield* StandardStreams) ?? escapedStdio(yield* Stdio.Stdio)
  })
).pipe(Layer.provide(NodeStdio.layer))

/** File system and standard streams. */
export const layer = Layer.merge(NodeFiles.layer, stdio)
