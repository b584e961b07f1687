/** Options of `capture run`. */
import type * as Capture from "../../../../capture/Capture.ts"
import type * as captureFlags from "../../../common/capture/captureFlags.ts"

/** Values of the flags of `capture run`. */
export interface Input extends captureFlags.Limits {
  readonly command: ReadonlyArray<string>
  readonly interface: string | undefined
  readonly write: string | undefined
  readonly json: boolean
}

/** Limits of a capture as options. */
export type Limits = Pick<Capture.FileOptions, "filter" | "ring" | "snapLength" | "stop">
