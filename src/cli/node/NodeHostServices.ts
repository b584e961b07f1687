/** All services of platform-node that `effect/cli` can use. */
import * as NodeServices from "@effect/platform-node/NodeServices"

/** Child processes, files, paths, standard streams and the terminal. */
export const layer = NodeServices.layer
