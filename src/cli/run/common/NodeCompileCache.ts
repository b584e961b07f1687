/** Compile cache of Node, shared with worker threads. */
import { getCompileCacheDir } from "node:module"
import * as Path from "node:path"

/**
 * Sets the environment variable from which threads take the compile cache: with it they start in half the time. Does
 * nothing if the process has no cache.
 */
export const shareWithThreads = () => {
  const folder = getCompileCacheDir()
  if (folder !== undefined) process.env.NODE_COMPILE_CACHE ??= Path.dirname(folder)
}
