/** Tests of what servers offer to observers: events, log annotations and spans. */
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"

/** Runs an effect with these environment variables only. */
export const withEnvironment =
  (env: Record<string, string>) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.provideService(effect, ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))

/** Subscribes, and collects events up to the first that satisfies the condition. */
export const collectUntil = <Event>(
  events: Stream.Stream<Event>,
  isLast: (event: Event) => boolean
): Effect.Effect<Fiber.Fiber<Array<Event>>> =>
  Effect.forkChild(Stream.runCollect(Stream.takeUntil(events, isLast)), { startImmediately: true })

/** Provides a tracer to an effect that makes a server; returns its result and the spans, as they start. */
export const withSpans = <A, E, R>(effect: Effect.Effect<A, E, R>) => {
  const spans: Array<Tracer.Span> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  return Effect.map(Effect.provideService(effect, Tracer.Tracer, tracer), (value) => [value, spans] as const)
}

/** Returns the names of spans, with their attributes. */
export const describeSpans = (spans: ReadonlyArray<Tracer.Span>) =>
  spans.map(({ attributes, name }) => [name, Object.fromEntries(attributes)] as const)
