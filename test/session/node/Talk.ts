/** Servers in children, and who talks to them. */
import * as Fs from "node:fs"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import type * as Network from "../../../src/network/Network.ts"
import * as NodeNetwork from "../../../src/network/node/NodeNetwork.ts"
import type * as TcpServer from "../../../src/network/TcpServer.ts"
import type * as ConcurrencyModel from "../../../src/session/ConcurrencyModel.ts"
import * as Handles from "../../support/Handles.ts"
import { Hosts } from "../../support/Hosts.ts"
import * as Sessions from "../../support/Sessions.ts"

/** Dozens of processes may be started on a machine that has other work, in milliseconds. */
const testTimeoutMillis = 40_000

/** Registers a test on real sockets, which leaves none behind; `needs` says why it is skipped where it cannot run. */
export const test = (
  name: string,
  body: Effect.Effect<void, unknown, Network.Network | Hosts | Scope.Scope>,
  needs?: string
) => {
  const layer = Layer.merge(NodeNetwork.layer, Hosts.one(NodeNetwork.layer))
  const run = () => Handles.assertNoLeaks(body.pipe(Effect.scoped, Effect.provide(layer)))
  return needs === undefined ? it.live(name, run, testTimeoutMillis) : it.live.skip(`${name} (${needs})`, run)
}

/** What a test of processes needs. */
export const procSkipReason = Fs.existsSync("/proc/self/stat") ? undefined : "needs /proc"

/** The children of a process and their states: `Z` is a zombie. */
export const childrenOf = (parent: number) =>
  Fs.readdirSync("/proc").flatMap((name) => {
    try {
      const [state = "", ppid] = Fs.readFileSync(`/proc/${name}/stat`, "utf8").split(") ").at(-1)!.split(" ")
      return Number(ppid) === parent && /^\d+$/.test(name) ? [{ pid: Number(name), state }] : []
    } catch {
      return []
    }
  })

/** Whether a process runs: one that nobody has waited for yet does not. */
export const isRunning = (pid: number) => {
  try {
    return !/\) [ZX] /.test(Fs.readFileSync(`/proc/${pid}/stat`, "utf8"))
  } catch {
    return false
  }
}

/** Lets the event loop turn until it holds; looks seldom enough to leave the processor to those it waits for. */
export const waitUntil = Effect.fnUntraced(function* (holds: () => boolean) {
  const signal = new Int32Array(new SharedArrayBuffer(4))
  while (!holds()) yield* Effect.promise(() => Promise.resolve(Atomics.waitAsync(signal, 0, 0, 5).value))
}, Effect.timeout("10 seconds"))

export const portOf = ({ address }: ConcurrencyModel.SessionServer) => (address as NetAddress.InetAddress).port

/** A client that has been greeted. */
export const connectGreeted = Effect.fnUntraced(function* (server: ConcurrencyModel.SessionServer) {
  const connection = yield* Sessions.connect(server)
  const { rest, to } = Sessions.reader(connection)
  assert.strictEqual(yield* to("\n"), "hello\n")
  const ask = (line: string) => Effect.andThen(connection.write(`${line}\n`), to("\n"))
  const text = yield* ask("who")
  const [, id, pid, thread] = /^client (\d+) of (\d+) (\d+)\n$/.exec(text)!.map(Number)
  return { connection, ask, rest, to, id: id!, pid: pid!, thread: thread! }
})

/** All that a client reads that sends this at once and ends its side. */
export const send = Effect.fnUntraced(function* (server: ConcurrencyModel.SessionServer, text: string) {
  const connection = yield* Sessions.connect(server)
  yield* Effect.ignore(connection.write(text))
  yield* connection.end
  return yield* Sessions.reader(connection).rest
}, Effect.scoped)

/** How serving fails. */
export const failure = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.flip(Effect.scoped(effect))

/** The stats once they are as wanted: a server forgets a client a moment after the client has seen the end. */
export const waitForStats = Effect.fnUntraced(function* (
  server: ConcurrencyModel.SessionServer,
  wanted: (stats: TcpServer.Stats) => boolean
) {
  for (;;) {
    const stats = yield* server.stats
    if (wanted(stats)) return stats
    yield* Effect.yieldNow
  }
}, Effect.timeout("10 seconds"))
