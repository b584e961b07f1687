/** Prints a file of a TFTP server: node scripts/tftp-get.ts tftp://127.0.0.1:6969/README.md */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeSink from "@effect/platform-node/NodeSink"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as NodeServices from "../src/network/node/NodeServices.ts"
import * as Url from "../src/tftp/protocol/Url.ts"
import * as TftpClient from "../src/tftp/TftpClient.ts"

Effect.gen(function* () {
  const file = yield* Effect.fromResult(Url.parse(process.argv[2] ?? ""))
  const stdout = NodeSink.fromWritable({ evaluate: () => process.stdout, onError: (cause) => cause, endOnDone: false })
  yield* Stream.run(TftpClient.get(file), stdout)
}).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
