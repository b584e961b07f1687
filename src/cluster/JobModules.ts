/** The jobs of a process by name and version: hosts split and merge with them, and the threads of agents load them. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import { errorText, FarmError, ModuleLoadFailed } from "../farm/FarmError.ts"
import type { Job } from "../farm/Job.ts"
import { formatJob, type JobName } from "./FarmPool.ts"

/** A job whatever its types. @category models @since 0.1.0 */
export type AnyJob = Job<unknown, unknown, unknown, unknown>

/** A job with the module that exports it as `job`. @category models @since 0.1.0 */
export interface Entry {
  readonly job: AnyJob
  /** The URL or absolute path that threads import. */
  readonly module: string
}

/** The jobs of this process. @category services @since 0.1.0 */
export class JobModules extends Context.Service<
  JobModules,
  {
    readonly jobs: ReadonlyArray<JobName>
    readonly find: (job: JobName) => Entry | undefined
  }
>()("effect-inet/cluster/JobModules") {}

/**
 * Makes an entry from a job and its module. The types of the job are checked here, and not known any more afterwards.
 *
 * @category constructors
 * @since 0.1.0
 */
export const entry = <Input, Packet, Result, Output>(
  job: Job<Input, Packet, Result, Output>,
  module: string | URL
): Entry => ({ job: job as unknown as AnyJob, module: String(module) })

/**
 * Provides the jobs of this process.
 *
 * **Example** (The jobs of a host)
 *
 * ```ts
 * import { JobModules } from "effect-inet/cluster"
 * import { PrimeJob } from "effect-inet/primes"
 *
 * const Jobs = JobModules.layer([JobModules.entry(PrimeJob.job, PrimeJob.module)])
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (entries: ReadonlyArray<Entry>): Layer.Layer<JobModules> => {
  const byName = new Map(entries.map((one) => [formatJob(one.job), one]))
  return Layer.succeed(
    JobModules,
    JobModules.of({
      jobs: Array.from(byName.values(), ({ job: { name, version } }) => ({ name, version })),
      find: (job) => byName.get(formatJob(job))
    })
  )
}

/** The class of the nodes of all schemas. Each copy of `effect` has one of its own, and none works with others. */
const Node: abstract new () => unknown = Object.getPrototypeOf(SchemaAST.Declaration)

const otherCopy =
  "it imports another copy of effect than this program; install effect-inet in the project of the module, and run it from there"

/**
 * Imports a module that exports a `job`. Fails with `ModuleLoadFailed`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const load = (module: string | URL): Effect.Effect<Entry, FarmError> => {
  const name = String(module)
  const fail = (detail: string) => new FarmError({ reason: new ModuleLoadFailed({ module: name, detail }) })
  return Effect.tryPromise({
    try: () => import(name) as Promise<{ readonly job?: AnyJob }>,
    catch: (cause) => fail(`cannot load the module: ${errorText(cause).message}`)
  }).pipe(
    Effect.flatMap((loaded) => {
      const { job } = loaded
      if (typeof job?.work === "function" && Schema.isSchema(job.packet) && Schema.isSchema(job.result)) {
        return job.packet.ast instanceof Node ? Effect.succeed(entry(job, name)) : Effect.fail(fail(otherCopy))
      }
      const exported = Object.keys(loaded).join(", ") || "nothing"
      return Effect.fail(fail(`it exports no farm \`job\`; its exports: ${exported}`))
    })
  )
}
