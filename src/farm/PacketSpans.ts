/**
 * The spans `Farm.packet` of a run: one for each attempt at a packet, from its assignment to a worker to the outcome.
 *
 * Spans are made only if a tracer exports them: unread spans would cost more than the dispatch of an empty packet.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Tracer from "effect/Tracer"
import type { Report, TaskOutcome } from "./Worker.ts"

/** The spans of a run. A worker is given by its index. */
export interface PacketSpans {
  /** Begins a span for each packet. */
  readonly assigned: (worker: number, name: string, ids: Iterable<number>) => void
  /** Ends the spans whose attempts a report ends. */
  readonly reported: (worker: number, report: Report) => void
}

/** A report that ends attempts. */
type EndReport = TaskOutcome | Extract<Report, { readonly _tag: "Lost" | "Gone" }>

const exitOf = (report: EndReport): Exit.Exit<void, string> => {
  if (report._tag === "Done") return Exit.void
  if (report._tag === "Stopped") return Exit.interrupt()
  return Exit.fail(report._tag === "Failed" ? report.error.message : report.message)
}

/** Makes the spans of a run, children of the current span; undefined without a tracer. The scope ends those left. */
export const make = Effect.gen(function* () {
  const tracer = yield* Tracer.Tracer
  if (tracer === Tracer.nativeTracer) return undefined
  const clock = yield* Clock.Clock
  const parent = yield* Effect.option(Effect.currentParentSpan)
  const spans = new Map<string, Tracer.Span>()
  const end = (key: string, exit: Exit.Exit<void, string>) => {
    spans.get(key)?.end(clock.currentTimeNanosUnsafe(), exit)
    spans.delete(key)
  }
  yield* Effect.addFinalizer(() => Effect.sync(() => [...spans.keys()].forEach((key) => end(key, Exit.interrupt()))))
  const result: PacketSpans = {
    assigned: (worker, name, ids) => {
      for (const id of ids) {
        const span = tracer.span({
          ...{ name: "Farm.packet", parent, annotations: Context.empty(), links: [], kind: "client", root: false },
          startTime: clock.currentTimeNanosUnsafe(),
          sampled: true
        })
        span.attribute("packet", id)
        span.attribute("worker", name)
        spans.set(`${worker}:${id}`, span)
      }
    },
    reported: (worker, report) => {
      if (report._tag === "Ready" || report._tag === "Working" || report._tag === "Alive") return
      if ("id" in report) return end(`${worker}:${report.id}`, exitOf(report))
      for (const key of [...spans.keys()]) if (key.startsWith(`${worker}:`)) end(key, exitOf(report))
    }
  }
  return result
})
