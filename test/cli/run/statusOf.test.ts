import * as Fs from "node:fs"
import * as Http from "node:http"
import type * as Net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Cli from "../../support/Cli.ts"
import { directory } from "../../support/Directory.ts"

/** Starts an HTTP server that responds with a text. */
const respondWith = (text: string, status = 200) =>
  Effect.acquireRelease(
    Effect.callback<Http.Server>((resume) => {
      const server = Http.createServer((_, response) => response.writeHead(status).end(text))
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => void server.close())
  ).pipe(Effect.map((server) => `127.0.0.1:${(server.address() as Net.AddressInfo).port}`))

describe("status-of", () => {
  it.live("prints the services of up", () =>
    Effect.gen(function* () {
      const config = (yield* directory()).inRoot("a.yaml")
      Fs.writeFileSync(config, "up: { services: { rot13: { port: 0 }, two: { service: rot13, port: 0 } } }\n")
      const up = yield* Cli.start(["up", "--config", config, "--admin", "127.0.0.1:0"])
      const [, admin] = yield* up.waitForOutput("stderr", /admin server on http:\/\/(\S+)/)
      yield* up.waitForOutput("stderr", /2 of 2 services up/)
      const { code, stdout } = yield* Cli.runInProcess(["status-of", "--admin", admin!])
      assert.match(stdout, /^service +state +address.*\nrot13 +ready +127\.0\.0\.1:\d+ .*\ntwo +ready/)
      assert.strictEqual(code, 0)
      const json = yield* Cli.runInProcess(["status-of", "--admin", admin!, "--json"])
      assert.deepInclude(JSON.parse(json.stdout.split("\n")[0]!), {
        name: "rot13",
        state: "ready",
        restarts: 0
      })
    }).pipe(Effect.scoped)
  )

  it.live.each(["starting", "restarting", "failed", "stopped"])("exits with 1 while a service is %s", (state) =>
    Effect.gen(function* () {
      const states = [
        { name: "a", state: "ready", restarts: 0, sinceMillis: 0 },
        { name: "b", state, restarts: 3, sinceMillis: 0 }
      ]
      const admin = yield* respondWith(JSON.stringify(states))
      const { code, stderr } = yield* Cli.runInProcess(["status-of", "--admin", admin])
      assert.strictEqual(stderr, `effect-inet: not ready: b (${state})\n`)
      assert.strictEqual(code, 1)
    }).pipe(Effect.scoped)
  )

  it.live("escapes the texts of a service that has failed", () =>
    Effect.gen(function* () {
      const state = { name: "a\u001b]0;x\u0007", state: "failed", restarts: 3, sinceMillis: 0, lastError: "x\r\u009b" }
      const { code, stderr, stdout } = yield* Cli.runInProcess([
        "status-of",
        "--admin",
        yield* respondWith(JSON.stringify([state]))
      ])
      assert.strictEqual(code, 1)
      assert.match(stderr, /^effect-inet: not ready: a/)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: this is what must not be there
      assert.notMatch(`${stdout}${stderr}`.replaceAll("\n", ""), /[\u0000-\u001f\u007f-\u009f]/)
    }).pipe(Effect.scoped)
  )

  const wrong: ReadonlyArray<readonly [text: string, status: number, reason: string]> = [
    ["<html>", 200, "the response is not a list of services"],
    ['{"a":1}', 200, "the response is not a list of services"],
    ["", 404, "the response has status 404 (expected 200)"],
    ["x".repeat(5 << 20), 200, "the response is too long (more than 4194304 bytes)"]
  ]
  it.live.each(wrong.map(([text, status, reason]) => [reason, text, status] as const))(
    "is one line: %s",
    ([reason, text, status]) =>
      Effect.gen(function* () {
        const admin = yield* respondWith(text, status)
        const { code, stderr } = yield* Cli.runInProcess(["status-of", "--admin", admin])
        assert.strictEqual(stderr, `effect-inet: cannot read the services of ${admin}: ${reason}\n`)
        assert.strictEqual(code, 1)
      }).pipe(Effect.scoped)
  )

  it.live("names the flag if no admin server responds", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* Cli.runInProcess(["status-of", "--admin", "127.0.0.1:1"])
      assert.include(stderr, "no admin server responds there; start the server with --admin")
      assert.strictEqual(code, 1)
    })
  )
})
