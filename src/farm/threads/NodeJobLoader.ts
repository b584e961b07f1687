/** Loads the module of a job, and builds the services of its work. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { errorText, singleLine } from "../FarmError.ts"
import type { Job, Work } from "../Job.ts"
import * as EncodedWork from "./EncodedWork.ts"

/** A job that is ready to work. */
export interface LoadedJob {
  readonly job: Work<unknown, unknown>
  readonly work: EncodedWork.EncodedWork
  /** Releases the services of the job; undefined if it has none. */
  readonly release: (() => Promise<void>) | undefined
}

const lineOf = (cause: unknown) => singleLine(errorText(cause))

/** Builds the services of a job. */
const buildServices = async ({ layer }: Work<unknown, unknown>) => {
  if (layer === undefined) return { services: Context.empty(), release: undefined }
  const scope = Scope.makeUnsafe()
  const release = () => Effect.runPromise(Scope.close(scope, Exit.void))
  try {
    return { services: await Effect.runPromise(Layer.buildWithScope(layer, scope)), release }
  } catch (cause) {
    await release()
    throw new Error(`the layer of the job failed: ${lineOf(cause)}`)
  }
}

/** Imports the module of a job; rejects with a one-line error if it does not export a job, or its layer fails. */
export const load = async (module: string): Promise<LoadedJob> => {
  let loaded: { readonly job?: Job<unknown, unknown, unknown, unknown> }
  try {
    loaded = (await import(module)) as typeof loaded
  } catch (cause) {
    throw new Error(`cannot load the module: ${lineOf(cause)}`)
  }
  const { job } = loaded
  if (typeof job?.work === "function" && Schema.isSchema(job.packet) && Schema.isSchema(job.result)) {
    const { release, services } = await buildServices(job)
    return { job, work: EncodedWork.make(job, services), release }
  }
  const exported = Object.keys(loaded).join(", ") || "nothing"
  throw new Error(`the module does not export a farm \`job\`; its exports: ${exported}`)
}
