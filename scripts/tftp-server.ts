/** A TFTP server of the current folder, read-only, on 127.0.0.1:6969. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Layer from "effect/Layer"
import * as NodeNetwork from "../src/network/node/NodeNetwork.ts"
import * as NodeFileStore from "../src/tftp/store/NodeFileStore.ts"
import * as TftpServer from "../src/tftp/TftpServer.ts"

TftpServer.layer({ port: 6969 }).pipe(
  Layer.provide([NodeNetwork.layer, NodeFileStore.layer({ root: "." })]),
  Layer.launch,
  NodeRuntime.runMain
)
