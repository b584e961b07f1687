/** Runs of the laboratory in the browser. The only module of its view that uses Effect. */
import * as Effect from "effect/Effect"
import * as Laboratory from "../../lab/Laboratory.ts"
import type { Settings } from "../../lab/Settings.ts"
import type { Trace } from "../../lab/Trace.ts"

/** Runs the laboratory. Rejects only for a fault of the laboratory itself. */
export const runLaboratory = (settings: Settings): Promise<Trace> => Effect.runPromise(Laboratory.run(settings))
