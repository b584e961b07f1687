/**
 * A server of the benchmark's session under one concurrency model.
 *
 *     node serve.ts MODEL ROUNDS
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as NodeNetwork from "../../../src/network/node/NodeNetwork.ts"
import type { WorkerModel } from "../../../src/session/ConcurrencyModel.ts"
import * as Fibers from "../../../src/session/Fibers.ts"
import * as Iterative from "../../../src/session/Iterative.ts"
import * as NodeProcesses from "../../../src/session/NodeProcesses.ts"
import * as NodeThreads from "../../../src/session/NodeThreads.ts"
import * as Select from "../../../src/session/Select.ts"
import { control } from "../rot13/control.ts"
import { definition } from "./session.ts"

const models: Readonly<Record<string, WorkerModel>> = {
  iterative: Iterative.model,
  fibers: Fibers.model,
  select: Select.model,
  "processes, one per client": NodeProcesses.model(),
  "processes, a pool of 2": NodeProcesses.model({ pool: 2 }),
  "threads, one per client": NodeThreads.model({ perClient: true }),
  "threads, 2": NodeThreads.model({ threads: 2 })
}

const [name = "", rounds = "0"] = process.argv.slice(2)

Effect.gen(function* () {
  const options = { rounds: Number(rounds) }
  const session = yield* definition.make(options)
  const program = { session, definition, options, module: new URL("session.ts", import.meta.url).href }
  const limits = {
    port: 0,
    maxConnections: 1_000_000,
    backlog: 4_096,
    rate: 1_000_000,
    idleTimeout: "10 minutes"
  } as const
  const { address } = yield* models[name]!.serve(program, limits)
  if (NetAddress.isInetAddress(address)) control(address.port)
  yield* Effect.never
}).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer), NodeRuntime.runMain)
