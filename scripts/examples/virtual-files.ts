/** A TFTP server whose files are generated for each request; it prints the events of their transfers. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import * as Stream from "effect/Stream"
import { NodeNetwork } from "effect-inet/network"
import { FileStore, TftpServer } from "effect-inet/tftp"

// Large, so that the events are those of a transfer of many blocks.
const files = FileStore.virtual(({ client, filename }) =>
  Effect.succeed(filename === "boot.cfg" ? `# for ${client.address}\n`.repeat(100_000) : undefined)
)

Effect.gen(function* () {
  const { address, events } = yield* TftpServer.TftpServer
  yield* Console.log(`curl -so boot.cfg tftp://${NetAddress.formatInet(address)}/boot.cfg`)
  yield* Stream.runForEach(events, (event) =>
    Console.log(event._tag, event.transfer.filename, "summary" in event ? event.summary.bytes : "")
  )
}).pipe(
  Effect.provide(TftpServer.layer({ port: 0 }).pipe(Layer.provide([NodeNetwork.layer, FileStore.layer(files)]))),
  NodeRuntime.runMain
)
