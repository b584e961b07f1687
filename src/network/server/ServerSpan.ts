/** Spans of connections and requests, which cost nothing without a tracer. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Tracer from "effect/Tracer"

/** Runs an effect in a span if the context has a tracer. The default tracer exports nothing. */
export const withSpan = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  context: Context.Context<never>,
  name: string,
  attributes: () => Readonly<Record<string, unknown>>
): Effect.Effect<A, E, R> =>
  Context.get(context, Tracer.Tracer) === Tracer.nativeTracer
    ? effect
    : (Effect.withSpan(effect, name, { kind: "server", attributes: attributes() }) as Effect.Effect<A, E, R>)
