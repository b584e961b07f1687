/** What Node has compiled before, for threads as for the process that starts them. */
import { getCompileCacheDir } from "node:module"
import * as Path from "node:path"

/**
 * Threads have the cache only from the environment; with it they start in half the time. Where the process has none,
 * they get none.
 */
export const shareWithThreads = () => {
  const folder = getCompileCacheDir()
  if (folder !== undefined) process.env.NODE_COMPILE_CACHE ??= Path.dirname(folder)
}
