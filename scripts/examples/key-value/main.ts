/** The command: `serve`, `get KEY`, `set KEY VALUE` and `delete KEY`. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Platform from "@effect/platform-node/NodeServices"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import { NodeServices, TcpClient } from "effect-inet/network"
import { Fibers, NodeProcesses, NodeThreads, Select } from "effect-inet/session"
import * as KeyValueClient from "./KeyValueClient.ts"
import * as KeyValueServer from "./KeyValueServer.ts"

const models = {
  fibers: Fibers.model,
  select: Select.model,
  processes: NodeProcesses.model({ pool: 2 }),
  threads: NodeThreads.model()
}

const port = Flag.Int("port").pipe(
  Flag.withDescription("Port of the server (default 4000)"),
  Flag.withFallbackConfig(Config.Int("KEY_VALUE_PORT")),
  Flag.withDefault(4000)
)

const model = Flag.Literals("model", ["fibers", "select", "processes", "threads"]).pipe(
  Flag.withDescription("Concurrency model of the server (default fibers)"),
  Flag.withDefault("fibers")
)

const serve = Command.make(
  "serve",
  { port, model },
  Effect.fnUntraced(function* (flags) {
    const { address } = yield* KeyValueServer.make({ port: flags.port, model: models[flags.model] })
    yield* Console.log(`key-value listens on ${NetAddress.formatSocketAddress(address)}`)
    return yield* Effect.never
  }, Effect.scoped)
).pipe(Command.withDescription("Serves a store in memory until Ctrl-C"))

const client = Effect.fnUntraced(function* (service: number) {
  return yield* KeyValueClient.make(yield* TcpClient.connect({ host: "127.0.0.1", service }))
})

const get = Command.make(
  "get",
  { port, key: Argument.String("key") },
  Effect.fnUntraced(function* (flags) {
    const value = yield* (yield* client(flags.port)).get(flags.key)
    yield* Console.log(Option.getOrElse(value, () => "missing"))
  }, Effect.scoped)
).pipe(Command.withDescription("Prints the value of a key"))

const set = Command.make(
  "set",
  { port, key: Argument.String("key"), value: Argument.String("value") },
  Effect.fnUntraced(function* (flags) {
    yield* (yield* client(flags.port)).set(flags.key, flags.value)
  }, Effect.scoped)
).pipe(Command.withDescription("Sets the value of a key"))

const remove = Command.make(
  "delete",
  { port, key: Argument.String("key") },
  Effect.fnUntraced(function* (flags) {
    const wasFound = yield* (yield* client(flags.port)).delete(flags.key)
    yield* Console.log(wasFound ? "done" : "missing")
  }, Effect.scoped)
).pipe(Command.withDescription("Deletes a key"))

const command = Command.make("key-value").pipe(
  Command.withDescription("A key-value store that many clients share"),
  Command.withSubcommands([serve, get, set, remove])
)

// The services of effect-inet for the network, those of platform-node for the terminal.

Command.run(command, { version: "1.0.0" }).pipe(
  Effect.provide(Layer.merge(NodeServices.layer, Platform.layer)),
  NodeRuntime.runMain
)
