/** Configuration files: read, parsed and checked as a whole, with the place of each error. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { ConfigurationFile, Options, Place } from "../../common/settings/ConfigFile.ts"
import type { Source } from "../../common/settings/settings.ts"
import * as settings from "../../common/settings/settings.ts"
import * as document from "./document.ts"
import * as NodeConfigText from "./NodeConfigText.ts"
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

/** Reads a file. Fails with one line for the user. */
export const read = (path: string): Effect.Effect<ConfigurationFile, string> =>
  NodeConfigText.read(path, document.maxDocumentChars).pipe(
    Effect.mapError((message) => `--config ${JSON.stringify(path)}: ${message}`),
    Effect.flatMap((text) => Effect.fromResult(parse(path, text)))
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
