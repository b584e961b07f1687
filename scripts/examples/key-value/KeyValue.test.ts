import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Network } from "effect-inet/network"
import { History, Linearizability, SimCheck } from "effect-inet/simulation"
import * as KeyValue from "./KeyValue.ts"
import * as KeyValueClient from "./KeyValueClient.ts"
import * as KeyValueServer from "./KeyValueServer.ts"

/** The specification of one key: its value, or undefined. It shares no code with the store. */
const register: Linearizability.Spec<string | undefined, KeyValue.Command, KeyValue.Reply> = {
  initial: undefined,
  apply: (value, command) => {
    if (command._tag === "Set") return [command.value, { _tag: "Done" }]
    const missing = [value, { _tag: "Missing" }] as const
    if (value === undefined) return missing
    return command._tag === "Get" ? [value, { _tag: "Found", value }] : [undefined, { _tag: "Done" }]
  }
}

/** Commands for two keys, so that they meet often. */
const Commands = Schema.Array(Schema.Struct({ command: KeyValue.Command, key: Schema.Literals(["a", "b"]) }))

describe("KeyValue", () => {
  it.effect.prop("parses every command that it formats", [KeyValue.Command], ([command]) =>
    Effect.sync(() => assert.deepStrictEqual(KeyValue.parse(KeyValue.format(command)), Option.some(command)))
  )

  it.effect.prop("replies as a register for each key does", [Commands], ([commands]) =>
    Effect.sync(() => {
      const registers = new Map<string, string | undefined>()
      let store = KeyValue.empty
      for (const { command, key } of commands) {
        const [value, expected] = register.apply(registers.get(key), command)
        const [next, reply] = KeyValue.apply(store, { ...command, key })
        assert.deepStrictEqual(reply, expected)
        registers.set(key, value)
        store = next
      }
    })
  )
})

describe("KeyValueServer", () => {
  it.effect("is linearizable under any network fault", () =>
    SimCheck.check(
      Effect.fnUntraced(function* ({ host, sometimes }) {
        const server = yield* host("server")
        yield* server.start(KeyValueServer.make({ host: "0.0.0.0", port: 4000 }))
        const address = NetAddress.inetAddressFromIpStringUnsafe(server.address, 4000)
        const recorder = History.make<KeyValue.Command, KeyValue.Reply>()

        /** Makes three requests. A failed one may have reached the server: its call never returns. */
        const requests = Effect.fnUntraced(function* (name: string) {
          const connection = yield* (yield* Network.Network).connect(address)
          const { request } = yield* KeyValueClient.make(connection)
          for (const command of [
            { _tag: "Set", key: "k", value: name } as const,
            { _tag: "Get", key: "k" } as const,
            { _tag: "Delete", key: "k" } as const
          ]) {
            yield* recorder.record(name, command, request(command))
          }
        }, Effect.scoped)

        const clients = ["ann", "bob", "eve"].map((name) =>
          Effect.gen(function* () {
            const exit = yield* Effect.exit((yield* host(name)).run(Effect.timeout(requests(name), "1 minute")))
            // At least one run must have a client that succeeds, and one that fails.
            yield* sometimes(exit._tag)
          })
        )
        yield* Effect.all(clients, { concurrency: "unbounded" })
        const verdict = Linearizability.check(register, recorder.history())
        assert.isUndefined(Linearizability.explain(verdict))
      }),
      { generate: { hosts: ["server", "ann", "bob", "eve"], transport: "tcp" }, sometimes: ["Success", "Failure"] }
    )
  )
})
