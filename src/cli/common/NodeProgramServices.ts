/** Services of the host for the programs of commands. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodeStdio from "@effect/platform-node/NodeStdio"
import * as Layer from "effect/Layer"

/** File system and standard streams. */
export const layer = Layer.merge(NodeFileSystem.layer, NodeStdio.layer)
