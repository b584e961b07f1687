/** Processors of this machine. */
import * as Os from "node:os"

/** Returns the number of processors that this process may use. */
export const count = () => Os.availableParallelism()

/** Returns the name of this machine. */
export const hostName = () => Os.hostname()

/** Returns the number and the model of the processors. */
export const name = () => `${Os.availableParallelism()} processors of ${Os.cpus()[0]?.model ?? "an unknown kind"}`
