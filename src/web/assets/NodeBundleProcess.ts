/** Program of a process that bundles the page of the sources for its parent, and compresses it. */
import * as Util from "node:util"
import * as NodeCompression from "./NodeCompression.ts"
import * as NodePageBundle from "./NodePageBundle.ts"
import type * as PageAssets from "./PageAssets.ts"

/** Message to the parent: the only one. */
export type FromProcess =
  | { readonly _tag: "Bundled"; readonly assets: ReadonlyMap<string, PageAssets.Asset> }
  | { readonly _tag: "Failed"; readonly reason: string }

process.once("disconnect", () => process.exit())
if (!process.connected) process.exit()
// Ctrl-C in a terminal signals all processes; the parent ends this one.
for (const signal of ["SIGINT", "SIGTERM", "SIGQUIT", "SIGHUP"] as const) process.on(signal, () => {})

/** Maximum length of a reason: a bundler quotes the sources. */
const maxReasonChars = 500

/** Returns the message of an error as one line without colours. */
const reasonOf = (cause: unknown) =>
  Util.stripVTControlCharacters(cause instanceof Error ? cause.message : String(cause))
    .trim()
    .replaceAll(/\s*\n\s*/g, " ")
    .slice(0, maxReasonChars)

const bundle = async (project: string): Promise<FromProcess> => {
  try {
    const { files } = await NodePageBundle.page(project)
    return { _tag: "Bundled", assets: await NodeCompression.compress(files) }
  } catch (cause) {
    return { _tag: "Failed", reason: reasonOf(cause) }
  }
}

const message = await bundle(process.argv[2]!)
if (process.connected) process.send!(message, undefined, undefined, () => process.exit())
