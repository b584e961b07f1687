/** Programs for threads and child processes, beside the modules that start them. */
import * as Path from "node:path"

/**
 * A module in the same folder, by its name without extension: the sources run as they are, the package compiled.
 * `from` is the `import.meta.url` of who asks.
 */
export const sibling = (from: string, name: string): URL =>
  new URL(`./${name}${Path.posix.extname(new URL(from).pathname)}`, from)
