/** Loads the module of a job, in a thread or wherever else work is done. */
import * as Schema from "effect/Schema"
import type { Job, StopSignal, Work } from "../Job.ts"

/** An error in one line. */
export const singleLine = (cause: unknown) =>
  (cause instanceof Error ? cause.message : String(cause)).replace(/\s*\n\s*/g, ", ")

/** Work on an encoded packet that gives an encoded result; it throws what the work throws. */
export type EncodedWork = (packet: unknown, signal: StopSignal) => unknown

/** Work between its two schemas. */
const encodedWork = <Packet, Result>(work: Work<Packet, Result>): EncodedWork => {
  const decode = Schema.decodeUnknownSync(work.packet)
  const encode = Schema.encodeSync(work.result)
  return (packet, signal) => {
    const decoded = decode(packet)
    const result = work.work(decoded, signal)
    if (signal.stopped()) return undefined
    try {
      return encode(result)
    } catch (cause) {
      throw new Error(`the result does not fit its schema: ${singleLine(cause)}`)
    }
  }
}

/** Imports a module; rejects with an error of one line if it exports no job. */
export const load = async (
  module: string
): Promise<{ readonly job: Work<unknown, unknown>; readonly work: EncodedWork }> => {
  let loaded: { readonly job?: Job<unknown, unknown, unknown, unknown> }
  try {
    loaded = (await import(module)) as typeof loaded
  } catch (cause) {
    throw new Error(`the module cannot be loaded: ${singleLine(cause)}`)
  }
  const { job } = loaded
  if (typeof job?.work === "function" && Schema.isSchema(job.packet) && Schema.isSchema(job.result)) {
    return { job, work: encodedWork(job) }
  }
  const exported = Object.keys(loaded).join(", ") || "nothing"
  throw new Error(`the module exports no \`job\` of a farm, but ${exported}`)
}
