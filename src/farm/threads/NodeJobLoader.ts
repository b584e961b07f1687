/** Loads the module of a job, and wraps its work in its schemas. */
import * as Schema from "effect/Schema"
import type { Job, StopSignal, Work } from "../Job.ts"

/** Formats an error as one line. */
export const singleLine = (cause: unknown) =>
  (cause instanceof Error ? cause.message : String(cause)).replace(/\s*\n\s*/g, ", ")

/** Work on an encoded packet, with an encoded result. It throws the exceptions of the work. */
export type EncodedWork = (packet: unknown, signal: StopSignal) => unknown

/** Wraps work in the schemas of packet and result. */
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

/** Imports the module of a job; rejects with a one-line error if it does not export a job. */
export const load = async (
  module: string
): Promise<{ readonly job: Work<unknown, unknown>; readonly work: EncodedWork }> => {
  let loaded: { readonly job?: Job<unknown, unknown, unknown, unknown> }
  try {
    loaded = (await import(module)) as typeof loaded
  } catch (cause) {
    throw new Error(`cannot load the module: ${singleLine(cause)}`)
  }
  const { job } = loaded
  if (typeof job?.work === "function" && Schema.isSchema(job.packet) && Schema.isSchema(job.result)) {
    return { job, work: encodedWork(job) }
  }
  const exported = Object.keys(loaded).join(", ") || "nothing"
  throw new Error(`the module does not export a farm \`job\`; its exports: ${exported}`)
}
