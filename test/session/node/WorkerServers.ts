/** Servers in worker processes and threads, and their clients. */
import * as Fs from "node:fs"
import { assert, it } from "@effect/vitest"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import type * as Network from "../../../src/network/Network.ts"
import * as NodeNetwork from "../../../src/network/node/NodeNetwork.ts"
import type * as TcpServer from "../../../src/network/TcpServer.ts"
import type * as ConcurrencyModel from "../../../src/session/ConcurrencyModel.ts"
import * as Handles from "../../support/Handles.ts"
import { Hosts } from "../../support/Hosts.ts"
import { pause } from "../../support/Pause.ts"
import * as Sessions from "../../support/Sessions.ts"

const testWith =
  (register: typeof it.live) =>
  /** Registers a test on real sockets, after which none is left. `skipReason` is the reason to skip it, if any. */
  (name: string, body: Effect.Effect<void, unknown, Network.Network | Hosts | Scope.Scope>, skipReason?: string) => {
    const layer = Layer.merge(NodeNetwork.layer, Hosts.one(NodeNetwork.layer))
    const run = () => Handles.assertNoLeaks(body.pipe(Effect.scoped, Effect.provide(layer)))
    return skipReason === undefined ? register(name, run) : register.skip(`${name} (${skipReason})`, run)
  }

export const test = testWith(it.live)

/** As `test`, but the clock of the server stands unless the test advances it. */
export const testInVirtualTime = testWith(it.effect)

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

/** Lets virtual time pass, in steps after each of which workers can answer. */
const passTimeBy = (step: Duration.Input) => Effect.forever(Effect.andThen(TestClock.adjust(step), pause))

/** Runs an effect while virtual time passes with real time. */
export const whileTimePasses = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.raceFirst(effect, passTimeBy("5 millis"))

/** Runs an effect while virtual time passes faster than real time. */
export const whileTimeFlies = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.raceFirst(effect, passTimeBy("100 millis"))

/**
 * Asserts that a worker that does not respond is killed after its heartbeats, which disconnects its client, and that
 * another one serves the next client. `hang` makes the worker of a client hang.
 */
export const assertReplacesHanging = Effect.fnUntraced(function* (
  server: ConcurrencyModel.SessionServer,
  hang: (client: Effect.Success<ReturnType<typeof connectGreeted>>) => Effect.Effect<void, Network.NetworkError>
) {
  const client = yield* connectGreeted(server)
  yield* hang(client)
  // The worker may hang a little later: time passes until its client is disconnected.
  assert.strictEqual(yield* whileTimeFlies(client.rest), "")
  // Without another thread nothing listens meanwhile.
  const connectAgain = Effect.retry(
    Effect.tapError(connectGreeted(server), () => pause),
    { times: 10_000 }
  )
  const next = yield* whileTimePasses(connectAgain)
  assert.notDeepEqual([next.pid, next.thread], [client.pid, client.thread])
})

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
    yield* pause
  }
}, Effect.timeout("30 seconds"))
