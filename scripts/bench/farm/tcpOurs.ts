/** Buffers in the farm, on a worker server: `ADDRESS [KEY]`. The CPU time is that of the farm's side. */
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Farm from "../../../src/farm/Farm.ts"
import * as TcpWorkers from "../../../src/farm/tcp/TcpWorkers.ts"
import * as NodeServices from "../../../src/network/node/NodeServices.ts"
import { job } from "./payload.ts"
import { answer } from "./payloadAnswer.ts"

const [, , host = "", secret] = process.argv
const key = secret === undefined ? undefined : Redacted.make(secret)
const pool = TcpWorkers.make({ hosts: [host], job, key }).pipe(
  Effect.provide([NodeServices.layer, NodeCrypto.layer]),
  Scope.provide(Scope.makeUnsafe())
)
const workers = Effect.succeed(await Effect.runPromise(pool))

answer((payload) => Effect.runPromise(Farm.run(job, payload, { workers, packetSize: 1 })))
