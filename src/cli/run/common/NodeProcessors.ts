/** The processors of this machine. */
import * as Os from "node:os"

/** How many this process may use. */
export const count = () => Os.availableParallelism()

/** How many there are, and of what kind. */
export const name = () => `${Os.availableParallelism()} processors of ${Os.cpus()[0]?.model ?? "an unknown kind"}`
