import * as ChildProcess from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import manifest from "../package.json" with { type: "json" }
import * as Network from "../src/network/Network.ts"
import * as NodeNetwork from "../src/network/node/NodeNetwork.ts"
import * as Cli from "./support/Cli.ts"
import { readAll } from "./support/Hosts.ts"

/** Sends a text to a server, half-closes, and returns everything that the server sends. */
const exchange = Effect.fnUntraced(function* (host: string, port: number, text: string) {
  const network = yield* Network.Network
  const connection = yield* network.connect(NetAddress.inetAddressFromIpStringUnsafe(host, port))
  yield* connection.write(text)
  yield* connection.end
  return (yield* readAll(connection)).toString()
}, Effect.scoped)

const startAndEnd = (script: string, ...args: ReadonlyArray<string>) =>
  Effect.scoped(Effect.flatMap(Cli.startScript(script, args), ({ ended }) => ended))

describe("scripts", () => {
  it.live("examples/in-your-app prints the reply and the stats of its server", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* startAndEnd("examples/in-your-app.ts")
      assert.match(stdout.toString(), /^Uryyb \{/)
      assert.strictEqual(code, 0)
    })
  )

  it("npm run example lists the names unless the first argument is one", () => {
    const run = (...args: ReadonlyArray<string>) =>
      ChildProcess.spawnSync("sh", ["-c", `${manifest.scripts.example} "$@"`, "sh", ...args], { encoding: "utf8" })
    for (const args of [[], ["nosuch"]]) {
      const { status, stderr, stdout } = run(...args)
      assert.match(stderr, /^usage: .*\n(.+\n)*in-your-app\n/)
      assert.deepStrictEqual([status, stdout], [2, ""])
    }
    assert.match(run("in-your-app").stdout, /^Uryyb /)
  })

  it("bin prints one line on a Node that is too old", () => {
    const remove = `import m from "node:module"; m.enableCompileCache = undefined; m.syncBuiltinESMExports()`
    const args = ["--import", `data:text/javascript,${encodeURIComponent(remove)}`, "src/cli/bin.ts", "--version"]
    const { status, stderr, stdout } = ChildProcess.spawnSync(process.execPath, args, { encoding: "utf8" })
    const minimum = manifest.engines.node.replace(">=", "")
    assert.strictEqual(
      stderr,
      `effect-inet needs Node ${minimum} or newer, this is ${process.version}; install a newer Node\n`
    )
    assert.deepStrictEqual([status, stdout], [1, ""])
  })

  it.live("examples/connect-by-name prints the address it connects to", () =>
    Effect.gen(function* () {
      const network = yield* Network.Network
      const { address } = yield* network.listen({ port: 0 })
      const { port } = address as NetAddress.InetAddress
      const { stdout } = yield* startAndEnd("examples/connect-by-name.ts", "127.0.0.1", `${port}`)
      assert.strictEqual(stdout.toString(), `127.0.0.1:${port}\nconnected to 127.0.0.1:${port}\n`)
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
  )

  it.live("examples/shouting-lines replies to lines and rejects a line that is too long", () =>
    Effect.gen(function* () {
      const example = yield* Cli.startScript("examples/shouting-lines.ts", [])
      const [, host, port] = yield* example.waitForOutput("stdout", /^nc (\S+) (\d+)$/m)
      assert.strictEqual(yield* exchange(host!, Number(port), "hi\nthere\n"), "HI\r\nTHERE\r\n")
      const incomplete = "HI\r\nline incomplete: the stream ended before the line did; end each line with LF\r\n"
      assert.strictEqual(yield* exchange(host!, Number(port), "hi\nthere"), incomplete)
      const tooLong = "line too long: no end within 80 bytes\r\n"
      assert.strictEqual(yield* exchange(host!, Number(port), "x".repeat(1 << 20)), tooLong)
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
  )

  it.live("rot13-server and rot13-client exchange messages on the course's port (skipped while it is in use)", (test) =>
    Effect.gen(function* () {
      const network = yield* Network.Network
      const free = yield* Effect.isSuccess(Effect.scoped(network.listen({ port: 1067 })))
      if (!free) return test.skip("port 1067 is in use")
      yield* Cli.startScript("rot13-server.ts", [])
      const attempt = startAndEnd("rot13-client.ts", "Hello", "World")
      const { stdout } = yield* Effect.repeat(attempt, { until: ({ code }) => code === 0, times: 20 })
      assert.strictEqual(stdout.toString(), "Uryyb\nJbeyq\n")
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
  )

  it.live("hangman-play plays a game to its end", () =>
    Effect.gen(function* () {
      const { port } = yield* Cli.serve(["hangman", "serve", "--lives", "26"])
      const { code, stdout } = yield* startAndEnd("hangman-play.ts", "127.0.0.1", `${port}`)
      assert.match(stdout.toString(), /^-+ {2}26 {2}e\n.*You have found it: [a-z]+\.\nCounted for a guest/s)
      assert.strictEqual(code, 0)
    }).pipe(Effect.scoped)
  )

  const games: ReadonlyArray<readonly [script: string, port: number, line: string, answer: RegExp]> = [
    ["hangman-server", 1068, "1", /^ -+ {3}12\n -+ {3}11\n/],
    ["guess-server", 1500, "1001", /^too big\n/],
    ["board-server", 1069, "4 4\nquit\n", /^claimed 4 4 by 1 change 1\n/]
  ]
  it.live.each(games)(
    "%s replies on the course's port (skipped while it is in use)",
    ([script, port, line, answer], test) =>
      Effect.gen(function* () {
        const network = yield* Network.Network
        const free = yield* Effect.isSuccess(Effect.scoped(network.listen({ port })))
        if (!free) return test.skip(`port ${port} is in use`)
        yield* Cli.startScript(`${script}.ts`, [])
        const attempt = Effect.match(exchange("127.0.0.1", port, line), {
          onFailure: () => undefined,
          onSuccess: (text) => text
        })
        assert.match((yield* Effect.repeat(attempt, { until: (text) => text !== undefined }))!, answer)
      }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
  )
})
