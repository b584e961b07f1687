/** All services of platform-node that `effect/cli` can use. */
import * as NodeChildProcessSpawner from "@effect/platform-node/NodeChildProcessSpawner"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Layer from "effect/Layer"

/** Child processes, files, paths, standard streams and the terminal. */
export const layer = NodeServices.layer

/** Child processes alone: the terminal opens standard input, which may be the connection of a server. */
export const spawner = Layer.provide(NodeChildProcessSpawner.layer, [NodeFileSystem.layer, NodePath.layer])
