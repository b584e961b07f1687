/** State files of this host (`StateFile`). */
import { constants } from "node:buffer"
import * as NodeFilePlatform from "./NodeFilePlatform.ts"
import * as StateFile from "./StateFile.ts"

/** A file with a state as text. Its operations are uninterruptible and run one after the other. */
export type NodeStateFile = StateFile.StateFile

/** The options of a state file. */
export interface Options {
  /** The most bytes that are read and written. Default: the longest string. */
  readonly maxBytes?: number | undefined
}

/** Makes the state file at a path. */
export const make = (path: string, { maxBytes = constants.MAX_STRING_LENGTH }: Options = {}): NodeStateFile =>
  StateFile.make(NodeFilePlatform.platform, path, { maxBytes })
