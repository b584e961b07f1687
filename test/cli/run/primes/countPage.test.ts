/** The page of a count of primes. */
import * as Net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Cli from "../../../support/Cli.ts"
import * as PageVisitor from "../../../support/web/PageVisitor.ts"

const portInUse = Effect.acquireRelease(
  Effect.callback<Net.Server>((resume) => {
    const server = Net.createServer().listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  }),
  (server) => Effect.sync(() => void server.close())
).pipe(Effect.map((server) => (server.address() as Net.AddressInfo).port))

describe("primes count --page", () => {
  it.live("shows the run with its workers while it counts", () =>
    Effect.gen(function* () {
      const args = ["primes", "count", "0..1e13", "--workers", "1", "--page", "127.0.0.1:0"]
      const count = yield* Cli.startInProcess(args)
      const [, link] = yield* count.waitForOutput("stderr", /page on (http:\S+)/)
      const { calls, until } = yield* PageVisitor.visit(link!)
      assert.deepInclude(yield* calls.about({ token: "" }), { hasControl: false, isReadOnly: true })
      const { farms, services } = yield* until(({ farms: { rows } }) => (rows[0]?.workers[0]?.packets ?? 0) > 0)
      assert.deepInclude(services[0], { name: "primes", state: "ready", canRestart: false, hasPackets: false })
      const [run] = farms.rows
      assert.deepInclude(run, {
        service: "primes",
        title: "primes in 0..10000000000000",
        state: "running",
        total: 1e13
      })
      assert.strictEqual(run!.workers.length, 1)
    }).pipe(Effect.scoped)
  )

  it.live("fails if the port is in use, but not if the port is that of the environment", () =>
    Effect.gen(function* () {
      const address = `127.0.0.1:${yield* portInUse}`
      const count = ["primes", "count", "0..100", "--workers", "1"]
      const refused = yield* Cli.runInProcess([...count, "--page", address])
      assert.strictEqual(refused.code, 1)
      assert.match(refused.stderr, /primes count: page: TCP port \d+ is in use/)
      const counted = yield* Cli.runInProcess(count, { env: { PRIMES_PAGE: address } })
      assert.deepInclude(counted, { code: 0, stdout: "25\n" })
      assert.match(counted.stderr, /WARN.* is in use.*; the count goes on without it/)
    }).pipe(Effect.scoped)
  )
})
