/** Configuration files: read, parsed and checked as a whole, with the place of each error. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as RegularFile from "../../../network/files/RegularFile.ts"
import * as NodeProgramServices from "../../common/NodeProgramServices.ts"
import type { ConfigurationFile, NamedFile, Options, Place } from "../../common/settings/ConfigFile.ts"
import type { Source } from "../../common/settings/settings.ts"
import * as settings from "../../common/settings/settings.ts"
import * as document from "./document.ts"
import * as schema from "./schema.ts"
import * as sections from "./sections.ts"

/** Formats a place as compilers do: editors jump to it. */
export const formatPlace = (path: string, { column, line }: Place) => `${path}:${line}:${column}`

/** Parses and checks the text of a file. Fails with one line for the user. */
export const parse = (path: string, text: string): Result.Result<ConfigurationFile, string> =>
  document.parse(text).pipe(
    Result.flatMap((parsed) => schema.check(parsed, sections.all)),
    Result.mapBoth({
      onSuccess: (configuration) => ({ ...configuration, path }),
      onFailure: ({ message, place }) => `${formatPlace(path, place)}: ${message}`
    })
  )

/** Finds options in a part of a file. */
export const sourceOf =
  (path: string, prefix: string, options: Options | undefined): ((name: string) => settings.Value | undefined) =>
  (name) => {
    const found = options?.get(name)
    return found === undefined
      ? undefined
      : { text: found.text, origin: `${formatPlace(path, found.place)}: ${prefix}${name}` }
  }

/** Finds settings in the sections of a file. */
export const source =
  ({ path, sections }: ConfigurationFile): Source =>
  (section, name) =>
    Effect.succeed(sourceOf(path, section === settings.globalSection ? "" : `${section}.`, sections.get(section))(name))

/** Options that are fault plans: their parser is loaded only if there is one. */
const faultPlans = [
  [settings.globalSection, "faults"],
  ["impair", "plan"]
] as const

/** Checks the fault plans of a file. Fails with one line for the user. */
const checkFaultPlans = Effect.fnUntraced(function* (file: ConfigurationFile) {
  for (const [section, name] of faultPlans) {
    const found = yield* source(file)(section, name)
    if (found === undefined) continue
    const { parseFaultPlan } = yield* Effect.promise(() => import("../common/parseFaultPlan.ts"))
    const plan = parseFaultPlan(found.text)
    if (Result.isFailure(plan)) return yield* Effect.fail(settings.invalid(found, plan.failure).message)
  }
})

/** Reads a file. Fails with one line for the user. */
export const read = ({ origin, path }: NamedFile): Effect.Effect<ConfigurationFile, string> =>
  Effect.gen(function* () {
    const bytes = yield* Effect.mapError(
      RegularFile.readBytes(path, document.maxDocumentChars),
      ({ message }) => message
    )
    return yield* Effect.try({
      try: () => new TextDecoder("utf-8", { fatal: true }).decode(bytes),
      catch: () => "is not UTF-8 text; save it as UTF-8"
    })
  }).pipe(
    Effect.mapError((message) => `${origin} ${JSON.stringify(path)}: ${message}`),
    Effect.flatMap((text) => Effect.fromResult(parse(path, text))),
    Effect.tap(checkFaultPlans),
    Effect.provide(NodeProgramServices.layer)
  )
