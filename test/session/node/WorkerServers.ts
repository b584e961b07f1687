/** Servers in worker processes and threads, and their clients. */
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

/** Timeout of a test: it may start dozens of processes on a busy machine. */
const testTimeoutMillis = 40_000

/** Registers a test on real sockets, after which none is left. `skipReason` is the reason to skip it, if any. */
export const test = (
  name: string,
  body: Effect.Effect<void, unknown, Network.Network | Hosts | Scope.Scope>,
  skipReason?: string
) => {
  const layer = Layer.merge(NodeNetwork.layer, Hosts.one(NodeNetwork.layer))
  const run = () => Handles.assertNoLeaks(body.pipe(Effect.scoped, Effect.provide(layer)))
  return skipReason === undefined ? it.live(name, run, testTimeoutMillis) : it.live.skip(`${name} (${skipReason})`, run)
}

/** Reason to skip tests of processes, if any. */
export const procSkipReason = Fs.existsSync("/proc/self/stat") ? undefined : "needs /proc"

/** Returns the children of a process and their states; `Z` is a zombie. */
export const childrenOf = (parent: number) =>
  Fs.readdirSync("/proc").flatMap((name) => {
    try {
      const [state = "", ppid] = Fs.readFileSync(`/proc/${name}/stat`, "utf8").split(") ").at(-1)!.split(" ")
      return Number(ppid) === parent && /^\d+$/.test(name) ? [{ pid: Number(name), state }] : []
    } catch {
      return []
    }
  })

/** Returns whether a process runs; a zombie does not. */
export const isRunning = (pid: number) => {
  try {
    return !/\) [ZX] /.test(Fs.readFileSync(`/proc/${pid}/stat`, "utf8"))
  } catch {
    return false
  }
}

/** Waits for a condition. Checks it every 5 ms, to leave the processor to the processes that it waits for. */
export const waitUntil = Effect.fnUntraced(function* (holds: () => boolean) {
  const signal = new Int32Array(new SharedArrayBuffer(4))
  while (!holds()) yield* Effect.promise(() => Promise.resolve(Atomics.waitAsync(signal, 0, 0, 5).value))
}, Effect.timeout("10 seconds"))

export const portOf = ({ address }: ConcurrencyModel.SessionServer) => (address as NetAddress.InetAddress).port

/** Connects a client, reads its greeting and asks where it is served. */
export const connectGreeted = Effect.fnUntraced(function* (server: ConcurrencyModel.SessionServer) {
  const connection = yield* Sessions.connect(server)
  const { rest, to } = Sessions.reader(connection)
  assert.strictEqual(yield* to("\n"), "hello\n")
  const ask = (line: string) => Effect.andThen(connection.write(`${line}\n`), to("\n"))
  const text = yield* ask("who")
  const [, id, pid, thread] = /^client (\d+) of (\d+) (\d+)\n$/.exec(text)!.map(Number)
  return { connection, ask, rest, to, id: id!, pid: pid!, thread: thread! }
})

/** Sends `text` and FIN at once. Returns everything that the client reads. */
export const send = Effect.fnUntraced(function* (server: ConcurrencyModel.SessionServer, text: string) {
  const connection = yield* Sessions.connect(server)
  yield* Effect.ignore(connection.write(text))
  yield* connection.end
  return yield* Sessions.reader(connection).rest
}, Effect.scoped)

/** Returns the failure of an effect. */
export const failure = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.flip(Effect.scoped(effect))

/** Waits for stats that match: a server updates them a moment after the client has read the end. */
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
