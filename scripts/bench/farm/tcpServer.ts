/** A worker server with two threads, for the benchmark of buffers over TCP: `[KEY]`. Prints its address. */
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Redacted from "effect/Redacted"
import * as TcpWorkerServer from "../../../src/farm/tcp/TcpWorkerServer.ts"
import * as NodeThreadWorkers from "../../../src/farm/threads/NodeThreadWorkers.ts"
import * as NodeServices from "../../../src/network/node/NodeServices.ts"
import { job } from "./payload.ts"

const [, , secret] = process.argv
const workers = NodeThreadWorkers.make({ module: new URL("./payload.ts", import.meta.url), threads: 2 })
const key = secret === undefined ? undefined : Redacted.make(secret)

const program = Effect.gen(function* () {
  const { address } = yield* TcpWorkerServer.make({ port: 0, drain: 0, job, workers, key })
  process.stdout.write(`${NetAddress.formatSocketAddress(address)}\n`)
  yield* Effect.never
}).pipe(Effect.scoped, Effect.provide([NodeServices.layer, NodeCrypto.layer]))

process.stdin.on("end", () => process.exit()).resume()
process.on("SIGTERM", () => process.exit())
await Effect.runPromise(program)
