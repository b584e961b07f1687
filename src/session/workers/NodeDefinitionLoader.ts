/** Makes a session from a module and options: in the server, to check them, and in its children, to serve it. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type Definition, type Session, SessionError } from "../Session.ts"
import { oneLine } from "./WorkerMessage.ts"

type AnyDefinition = Definition<unknown, unknown, unknown, unknown>

const messageOf = (cause: unknown) => oneLine(cause instanceof Error ? cause : new Error(String(cause)))

/** The options as the definition takes them. */
export const decode = <Options, S, Ask, Message>(
  module: string,
  definition: Definition<Options, S, Ask, Message>,
  options: unknown
) =>
  Effect.mapError(
    Schema.decodeUnknownEffect(definition.options)(options),
    (error) =>
      new SessionError({
        message: `${module}: the options ${JSON.stringify(options)?.slice(0, 200)} do not fit ${definition.name}: ${oneLine(error)}`
      })
  )

/** Imports the module; anything that it may throw is the caller's to tell. */
const definitionOf = Effect.fnUntraced(function* (module: string) {
  const loaded = yield* Effect.tryPromise({
    try: () => import(module) as Promise<{ readonly definition?: AnyDefinition }>,
    catch: (cause) => new SessionError({ message: `${module}: the module cannot be loaded: ${messageOf(cause)}` })
  })
  const { definition } = loaded
  if (typeof definition?.make === "function") return definition
  const message = `${module}: the module exports no \`definition\` of a session, but ${Object.keys(loaded).join(", ") || "nothing"}`
  return yield* new SessionError({ message })
})

/** What a child serves. */
export const load = Effect.fnUntraced(function* (module: string, options: unknown) {
  const definition = yield* definitionOf(module)
  const decoded = yield* decode(module, definition, options)
  const session: Session<unknown, unknown, unknown> = yield* Effect.catchDefect(
    Effect.suspend(() => definition.make(decoded)),
    (cause) => Effect.fail(new SessionError({ message: `${module}: the session cannot be made: ${messageOf(cause)}` }))
  )
  return { definition, session }
})
