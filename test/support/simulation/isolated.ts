/** Module that isolates the runs of a program which is started with `node --import`. */
import * as NodeSimIsolation from "../../../src/simulation/NodeSimIsolation.ts"

NodeSimIsolation.register()
