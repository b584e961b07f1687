/**
 * Steps by which a whole upload takes its place, in the order that is safe in a crash of the machine.
 *
 * With `sync`, an upload that is acknowledged is on the disk, under its name, and a crash before that leaves the old
 * file, or none. Written in place, the target may have parts of both; the complete file beside it is then on the disk.
 */
import * as Effect from "effect/Effect"

/** A step of an upload that becomes the target by its name. */
export type NameStep =
  | "SyncTemporary"
  /** Gives the temporary file the name of the target, by a rename or a link; where neither is possible, in place. */
  | "TakeName"
  /** Removes the name of the temporary file, and closes it. */
  | "RemoveTemporary"
  /** Makes the new name durable. */
  | "SyncFolder"

/** A step of an upload that is written into the target. */
export type InPlaceStep =
  | "SyncTemporary"
  /** Renames the temporary file, so that it is left if the server is killed. */
  | "MarkComplete"
  /** Makes the new name of the temporary file durable: else it would be deleted as abandoned after a crash. */
  | "SyncTemporaryFolder"
  | "WriteTarget"
  | "SyncTarget"
  | "RemoveComplete"

/** Returns the steps of an upload that becomes the target by its name. */
export const byName = ({ sync }: { readonly sync: boolean }): ReadonlyArray<NameStep> =>
  sync ? ["SyncTemporary", "TakeName", "RemoveTemporary", "SyncFolder"] : ["TakeName", "RemoveTemporary"]

/** Steps of an upload that is written into the target. */
export const inPlace: ReadonlyArray<InPlaceStep> = [
  "SyncTemporary",
  "MarkComplete",
  "SyncTemporaryFolder",
  "WriteTarget",
  "SyncTarget",
  "RemoveComplete"
]

/** Runs steps one after the other, until one fails. */
export const run = <Step extends string, E, R>(
  steps: ReadonlyArray<Step>,
  actions: Readonly<Record<Step, Effect.Effect<unknown, E, R>>>
): Effect.Effect<void, E, R> => Effect.forEach(steps, (step) => actions[step], { discard: true })
