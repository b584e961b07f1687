/**
 * A server of the page with made-up services that change 1,000 times a second, as the benchmark measures it.
 *
 *     node server.ts
 *
 * Prints its port. Answers each line with the processor time so far, in microseconds.
 */
import * as Readline from "node:readline"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import * as NodePageServer from "../../../src/web/NodePageServer.ts"
import * as PageHub from "../../../src/web/PageHub.ts"
import * as Rows from "../../../test/support/web/Rows.ts"

/** Rows of each kind, as many as a page shows of them at most. */
const counts = { services: 8, connections: 200, transfers: 100 }

const changesPerSecond = 1_000
const changeMillis = 10

/** Rows that change one after another: a source builds them anew at each sample, as those of real services do. */
const makeRows = () => {
  let changes = 0
  /** Returns how often a row has changed. */
  const changesOf = (index: number, count: number) => Math.floor((changes + count - 1 - index) / count)
  return {
    change: () => {
      changes += (changesPerSecond * changeMillis) / 1_000
    },
    source: {
      services: Effect.sync(() =>
        Array.from({ length: counts.services }, (_, index) => {
          const bytes = changesOf(index, counts.services) * 512
          return Rows.service(`service-${index}`, {
            figures: [{ name: "clients", value: changesOf(index, counts.services), unit: "count" }],
            bytesReceived: bytes,
            bytesSent: bytes
          })
        })
      ),
      connections: Effect.sync(() =>
        Array.from({ length: counts.connections }, (_, index) =>
          Rows.connection(index, { bytesSent: changesOf(index, counts.connections) * 64 })
        )
      ),
      transfers: Effect.sync(() =>
        Array.from({ length: counts.transfers }, (_, index) => {
          const bytes = changesOf(index, counts.transfers) * 1_428
          return Rows.transfer(index, { bytes, totalBytes: 2 ** 30, bytesPerSecond: bytes })
        })
      )
    } satisfies PageHub.Source
  }
}

Effect.gen(function* () {
  const hub = yield* PageHub.make
  const { change, source } = makeRows()
  yield* hub.register(source)
  const assets = { get: () => Effect.succeed(undefined) }
  const context = yield* Layer.build(NodePageServer.layer({ port: 0, hub, assets, version: "bench" }))
  const { address } = yield* Effect.provideContext(HttpServer.HttpServer, context)
  if (NetAddress.isInetAddress(address)) process.stdout.write(`${address.port}\n`)
  setInterval(change, changeMillis)
  Readline.createInterface(process.stdin)
    .on("line", () => {
      const { system, user } = process.cpuUsage()
      process.stdout.write(`${user + system}\n`)
    })
    .on("close", () => process.exit())
  yield* Effect.never
}).pipe(Effect.scoped, NodeRuntime.runMain)
