/** URLs of modules that a user names by a path. */
import * as Path from "node:path"
import { pathToFileURL } from "node:url"

/** Returns the URL of a path, which may be relative to the current folder. */
export const url = (path: string): string => pathToFileURL(Path.resolve(path)).href
