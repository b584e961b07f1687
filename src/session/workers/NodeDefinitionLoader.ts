/** Creates a session from a module and options: the server does it to check them, its workers to serve the session. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as NodeModuleUrl from "../../process/NodeModuleUrl.ts"
import { type Definition, type Session, SessionError } from "../Session.ts"
import { oneLine } from "./WorkerMessage.ts"

/** Maximum length of the options in an error message. */
const maxQuotedChars = 200

type AnyDefinition = Definition<unknown, unknown, unknown, unknown>

const messageOf = (cause: unknown) => oneLine(cause instanceof Error ? cause : new Error(String(cause)))

/** Decodes the options with the schema of the definition. */
export const decode = <Options, S, Ask, Message>(
  module: string,
  definition: Definition<Options, S, Ask, Message>,
  options: unknown
) =>
  Effect.mapError(
    Schema.decodeUnknownEffect(definition.options)(options),
    (error) =>
      new SessionError({
        message: `${module}: invalid options ${JSON.stringify(options)?.slice(0, maxQuotedChars)} for ${definition.name}: ${oneLine(error)}`
      })
  )

/** Imports the module. Whatever it throws is a `SessionError`. */
const definitionOf = Effect.fnUntraced(function* (module: string) {
  const pathError = NodeModuleUrl.relativePathError(module)
  if (pathError !== undefined) return yield* new SessionError({ message: pathError })
  const loaded = yield* Effect.tryPromise({
    try: () => import(module) as Promise<{ readonly definition?: AnyDefinition }>,
    catch: (cause) => new SessionError({ message: `${module}: cannot load the module: ${messageOf(cause)}` })
  })
  const { definition } = loaded
  if (typeof definition?.make === "function") return definition
  const message = `${module}: no \`definition\` of a session among its exports (${Object.keys(loaded).join(", ") || "none"}): export one`
  return yield* new SessionError({ message })
})

/** Loads the definition and the session that a worker serves. */
export const load = Effect.fnUntraced(function* (module: string, options: unknown) {
  const definition = yield* definitionOf(module)
  const decoded = yield* decode(module, definition, options)
  const session: Session<unknown, unknown, unknown> = yield* Effect.catchDefect(
    Effect.suspend(() => definition.make(decoded)),
    (cause) => Effect.fail(new SessionError({ message: `${module}: cannot create the session: ${messageOf(cause)}` }))
  )
  return { definition, session }
})
