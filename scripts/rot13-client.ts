/** Sends each argument to the rot13 server of this host: node scripts/rot13-client.ts Hello World */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as NodeServices from "../src/network/node/NodeServices.ts"
import * as TcpClient from "../src/network/TcpClient.ts"
import * as Rot13Client from "../src/rot13/Rot13Client.ts"

Effect.gen(function* () {
  const connection = yield* TcpClient.connect({ host: "localhost", service: "rot13" })
  for (const word of process.argv.slice(2)) {
    const answer = yield* Rot13Client.request(connection, new TextEncoder().encode(word))
    yield* Console.log(new TextDecoder().decode(answer))
  }
}).pipe(Effect.scoped, Effect.provide(NodeServices.layer), NodeRuntime.runMain)
