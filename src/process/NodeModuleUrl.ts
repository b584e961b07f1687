/** URLs of worker programs, which are in the same folder as the modules that start them. */
import * as Path from "node:path"

/**
 * Returns the URL of a module in the folder of `from`, the caller's `import.meta.url`.
 *
 * `name` has no extension: the URL has that of the caller, `.ts` in the sources and `.js` in the compiled package.
 */
export const sibling = (from: string, name: string): URL =>
  new URL(`./${name}${Path.posix.extname(new URL(from).pathname)}`, from)

/**
 * Returns why a module cannot be loaded by workers, if its name is a relative path; other names are not checked.
 *
 * A worker would resolve the path against its own module instead of the caller's.
 */
export const relativePathError = (module: string): string | undefined =>
  /^\.\.?[\\/]/.test(module)
    ? `invalid module ${module}: a relative path has no base; write new URL("${module}", import.meta.url).href`
    : undefined
