/** The figures of services on their pages: transfers, peers and farms, as a browser sees them. */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Network from "../../../../src/network/Network.ts"
import * as NodeNetwork from "../../../../src/network/node/NodeNetwork.ts"
import * as NodeServices from "../../../../src/network/node/NodeServices.ts"
import * as CourseProtocol from "../../../../src/primes/CourseProtocol.ts"
import * as TftpClient from "../../../../src/tftp/TftpClient.ts"
import * as Cli from "../../../support/Cli.ts"
import { directory } from "../../../support/Directory.ts"
import { read } from "../../../support/Hosts.ts"
import * as PageVisitor from "../../../support/web/PageVisitor.ts"
import { freePort, loopback } from "../status/StatusCli.ts"

type Running = Effect.Success<ReturnType<typeof Cli.startInProcess>>

const link = /http:\/\/127\.0\.0\.1:\d+\/\S*/

/** Visits the page of a command that logs the link to it. */
const visit = Effect.fnUntraced(function* ({ waitForOutput }: Pick<Running, "waitForOutput">) {
  const [found] = yield* waitForOutput("stderr", link)
  return yield* PageVisitor.visit(found)
})

const page = ["--page", "127.0.0.1:0"]

describe("the page of a server", () => {
  it.live("has the transfers of tftp serve, and their packets", () =>
    Effect.gen(function* () {
      const { root } = yield* directory()
      Fs.writeFileSync(Path.join(root, "f"), new Uint8Array(1_000))
      const server = yield* Cli.serveInProcess(["tftp", "serve", "--root", root, ...page])
      const { calls, until } = yield* visit(server)
      const file = { host: "127.0.0.1", port: server.port, path: "f" }
      // The watch begins at some time after the call: transfers go on until it has seen one.
      const transfer = Stream.runDrain(TftpClient.get(file))
      yield* Effect.forkScoped(Effect.forever(Effect.ignore(transfer)))
      const { transfers } = yield* until(({ transfers: { rows } }) => rows.some(({ state }) => state === "done"))
      const done = transfers.rows.find(({ state }) => state === "done")
      assert.deepInclude(done, { service: "tftp", direction: "download", file: "f", bytes: 1_000, totalBytes: 1_000 })
      const isData = ({ kind }: { readonly kind: string }) => kind === "DATA"
      const data = calls.packets({ service: "tftp" }).pipe(
        Stream.flatMap(({ arrows }) => Stream.fromIterable(arrows)),
        Stream.filter(isData),
        Stream.runHead,
        Effect.map(Option.getOrThrow)
      )
      const found = yield* data
      assert.match(found.label, /^DATA block \d, \d+ bytes$/)
      assert.notStrictEqual(found.from, `127.0.0.1:${server.port}`)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.live("has the peers of status", () =>
    Effect.gen(function* () {
      const port = `${yield* freePort}`
      const status = ["status", "me", "--address", loopback, "--port", port, "--json"]
      const running = yield* Cli.startInProcess([...status, ...page])
      const { until } = yield* visit(running)
      const { peers } = yield* until(({ peers: { rows } }) => rows.length > 0)
      assert.deepInclude(peers.rows[0], { service: "status", name: "me", self: true, state: "alive", x: 40, y: 12 })
      assert.isString(peers.rows[0]?.host)
    }).pipe(Effect.scoped)
  )

  it.live("has the runs on the workers of primes serve", () =>
    Effect.gen(function* () {
      const server = yield* Cli.serveInProcess(["primes", "serve", "--threads", "1", ...page])
      const { until } = yield* visit(server)
      const network = yield* Network.Network
      const connection = yield* network.connect(NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", server.port))
      yield* connection.write(CourseProtocol.encodeRequest({ min: 0, max: 1_000 }))
      yield* read(connection, 4)
      const { farms } = yield* until(({ farms: { rows } }) => rows[0]?.packets === 1)
      assert.deepInclude(farms.rows[0], { service: "primes", state: "running", done: 1_000 })
      assert.match(farms.rows[0]!.title, /in the course's protocol$/)
      assert.strictEqual(farms.rows[0]!.workers.length, 1)
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
  )
})

describe("primes count --page", () => {
  it.live("has the whole run, with its speed-up, for as long as it runs", () =>
    Effect.gen(function* () {
      const running = yield* Cli.startInProcess(["primes", "count", "0..1e13", "--workers", "1", ...page])
      const { until } = yield* visit(running)
      const { farms, services } = yield* until(({ farms: { rows } }) => (rows[0]?.packets ?? 0) > 1)
      assert.deepInclude(services[0], { name: "primes", state: "ready", hasPackets: false, canRestart: false })
      const [run] = farms.rows
      assert.deepInclude(run, { service: "primes", id: 1, state: "running", total: 1e13 })
      assert.match(run!.title, /^primes in 0\.\./)
      assert.isAbove(run!.speedUp, 0)
      assert.strictEqual(run!.workers.length, 1)
    }).pipe(Effect.scoped)
  )

  it.live("says that a cluster has its own page, and that the port is in use", () =>
    Effect.gen(function* () {
      const cluster = ["--database", "postgres://127.0.0.1:1/none", "--key", "x"]
      const { code, stderr } = yield* Cli.runInProcess(["primes", "count", "0..10", ...cluster, ...page])
      assert.strictEqual(code, 2)
      assert.match(stderr, /--page does not work with --database/)
      const network = yield* Network.Network
      const { address } = yield* network.listen({ host: "127.0.0.1", port: 0 })
      const inUse = NetAddress.formatSocketAddress(address)
      const taken = yield* Cli.runInProcess(["primes", "count", "0..10", "--page", inUse])
      assert.strictEqual(taken.code, 1)
      assert.match(taken.stderr, /^effect-inet: primes count: page: TCP port \d+ is in use/m)
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
  )
})
