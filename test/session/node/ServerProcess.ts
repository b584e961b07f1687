/** A server in a separate process, for tests that kill it. Prints its port. Its argument: a number of files to open. */
import * as Fs from "node:fs"
import * as Effect from "effect/Effect"
import * as NodeNetwork from "../../../src/network/node/NodeNetwork.ts"
import * as NodeProcesses from "../../../src/session/NodeProcesses.ts"
import * as FailingSession from "./FailingSession.ts"

for (let files = Number(process.argv[2] ?? 0); files > 0; files--) Fs.openSync("/dev/null", "r")

Effect.runFork(
  Effect.gen(function* () {
    const server = yield* NodeProcesses.model().serve(FailingSession.makeProgram(), { port: 0 })
    process.stdout.write(`${"port" in server.address ? server.address.port : 0}\n`)
    return yield* Effect.never
  }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
)
