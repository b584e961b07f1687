/** Programs of UDP operations, generated to find differences between Linux and the simulated network. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as NetAddress from "effect/net/NetAddress"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import type { UdpOptions } from "../../../src/network/Network.ts"
import type { Json, Scenario } from "./Fidelity.ts"
import { addressOf, type Inbox, open, outcome, send } from "./Inbox.ts"

const Slot = Schema.Literals([0, 1, 2, 3])
const groups = ["239.255.71.60", "239.255.71.61"] as const
const Address = Schema.Literals([
  "127.0.0.1",
  "127.0.0.2",
  "0.0.0.0",
  "::",
  "::1",
  "::ffff:127.0.0.1",
  "127.255.255.255",
  ...groups
])

/** An operation on one of four sockets; `portOf` is the socket whose port is used, also after it was closed. */
export const Operation = Schema.Union([
  Schema.Struct({
    _tag: Schema.Literal("Open"),
    slot: Slot,
    host: Address,
    portOf: Schema.UndefinedOr(Slot),
    remote: Schema.UndefinedOr(Schema.Struct({ address: Address, portOf: Slot })),
    reuseAddress: Schema.Boolean,
    broadcast: Schema.Boolean
  }),
  Schema.Struct({
    _tag: Schema.Literal("Send"),
    slot: Slot,
    to: Schema.UndefinedOr(Schema.Struct({ address: Address, portOf: Slot })),
    count: Schema.Literals([1, 2, 3])
  }),
  Schema.Struct({ _tag: Schema.Literal("Join"), slot: Slot, group: Schema.Literals(groups) }),
  Schema.Struct({ _tag: Schema.Literal("Close"), slot: Slot }),
  Schema.Struct({ _tag: Schema.Literal("Settle") })
])

export type Operation = typeof Operation.Type

interface OpenSocket {
  readonly inbox: Inbox
  readonly scope: Scope.Closeable
}

/** Returns a program as a scenario. Its result names the sockets by their slots. */
export const scenario = (operations: ReadonlyArray<Operation>): Scenario => ({
  name: "a generated program",
  expected: null,
  run: Effect.fnUntraced(function* ({ a, settle }) {
    const open_: Array<OpenSocket | undefined> = [undefined, undefined, undefined, undefined]
    const ports: Array<number | undefined> = [undefined, undefined, undefined, undefined]
    const log: Array<Json> = []
    const all: Array<{ readonly slot: number; readonly inbox: Inbox }> = []
    const close = Effect.fnUntraced(function* (slot: number) {
      const socket = open_[slot]
      open_[slot] = undefined
      if (socket !== undefined) yield* Scope.close(socket.scope, Exit.void)
    })
    const endpoint = (to: { readonly address: string; readonly portOf: number } | undefined) =>
      to === undefined ? undefined : { address: to.address, port: ports[to.portOf] ?? 9 }

    const perform = Effect.fnUntraced(function* (operation: Operation) {
      if (operation._tag === "Settle") return yield* settle
      const { slot } = operation
      if (operation._tag === "Close") return yield* close(slot)
      if (operation._tag === "Open") {
        yield* close(slot)
        const { broadcast, host, portOf, remote, reuseAddress } = operation
        const scope = yield* Scope.fork(yield* Effect.scope)
        const options: UdpOptions = {
          host,
          port: portOf === undefined ? 0 : (ports[portOf] ?? 0),
          remote: endpoint(remote),
          multicast: { interface: "127.0.0.1" },
          broadcast,
          reuseAddress
        }
        const opened = yield* Effect.exit(
          Scope.provide(open(a, host.includes(":") ? { ...options, multicast: undefined } : options), scope)
        )
        if (Exit.isFailure(opened)) {
          log.push([slot, yield* outcome(opened as Exit.Exit<Inbox, never>)])
          return yield* Scope.close(scope, Exit.void)
        }
        open_[slot] = { inbox: opened.value, scope }
        ports[slot] = opened.value.port
        all.push({ slot, inbox: opened.value })
        return void log.push([slot, addressOf(opened.value.socket.local)])
      }
      const socket = open_[slot]
      if (socket === undefined) return
      if (operation._tag === "Join") {
        // An IPv6 socket joins a group of IPv4 only by the interface that the system chooses, which hosts differ in.
        if (NetAddress.isInetAddressV6(socket.inbox.socket.local)) return
        const joined = yield* outcome(
          Scope.provide(socket.inbox.socket.join(operation.group, "127.0.0.1"), socket.scope)
        )
        return void log.push([slot, joined])
      }
      const to = endpoint(operation.to)
      for (let i = 0; i < operation.count; i++)
        log.push([slot, yield* send(socket.inbox, `${log.length}`, to?.address, to?.port)])
    })
    for (const operation of operations) yield* perform(operation)
    yield* settle
    const nameOf = (port: number) => all.findIndex(({ inbox }) => inbox.port === port)
    const sockets = all.map(
      ({ inbox: { errors, from, texts } }): Json => ({
        texts,
        from: from.map(({ address, port }) => `${address} #${nameOf(port)}`),
        errors
      })
    )
    return { log, sockets }
  })
})
