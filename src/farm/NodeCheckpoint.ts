/** A checkpoint in a file of this host, which is replaced atomically and locked. */
import * as NodeFilePlatform from "../process/NodeFilePlatform.ts"
import * as FileCheckpoint from "./checkpoint/FileCheckpoint.ts"
import type { Checkpoint } from "./FarmCheckpoint.ts"

/** The options of a checkpoint in a file. @category models @since 0.1.0 */
export interface Options {
  /** The most bytes that are read and written. Default 256 MiB. */
  readonly maxBytes?: number | undefined
}

const defaultMaxBytes = 256 * 2 ** 20

/**
 * Makes the checkpoint in a file, which need not exist. It is locked while a run uses it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const file = (path: string, { maxBytes = defaultMaxBytes }: Options = {}): Checkpoint =>
  FileCheckpoint.make(NodeFilePlatform.platform, path, { maxBytes })
