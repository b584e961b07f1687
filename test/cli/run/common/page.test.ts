/** The page of `up` and of single servers, as a browser sees it. */
import * as Fs from "node:fs"
import * as Http from "node:http"
import * as Net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Network from "../../../../src/network/Network.ts"
import * as NodeNetwork from "../../../../src/network/node/NodeNetwork.ts"
import * as Cli from "../../../support/Cli.ts"
import { directory } from "../../../support/Directory.ts"
import * as PageVisitor from "../../../support/web/PageVisitor.ts"

/** Writes a configuration file, and returns its path. */
const write = Effect.fnUntraced(function* (text: string) {
  const path = (yield* directory()).inRoot("a.yaml")
  Fs.writeFileSync(path, text)
  return path
})

/** A port that another program listens on. */
const portInUse = Effect.acquireRelease(
  Effect.callback<Net.Server>((resume) => {
    const server = Net.createServer().listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  }),
  (server) => Effect.sync(() => void server.close())
).pipe(Effect.map((server) => (server.address() as Net.AddressInfo).port))

const freePage = ["--page", "127.0.0.1:0"]

/** Starts `up --json` with these instances, and visits its page. */
const visitUp = Effect.fnUntraced(function* (services: string, ...args: ReadonlyArray<string>) {
  const config = yield* write(`up: { services: { ${services} } }\n`)
  const up = yield* Cli.startInProcess(["up", "--json", "--config", config, ...freePage, ...args])
  const [line] = yield* up.waitForOutput("stdout", /^\{"service":"page".*\}$/m)
  const { link, ...page } = JSON.parse(line) as { readonly link: string; readonly port: number }
  return { ...up, ...(yield* PageVisitor.visit(link)), link, page }
})

/** Connects to an address such as `127.0.0.1:1067`. */
const connect = Effect.fnUntraced(function* (address: string) {
  const [host = "", port] = address.split(":")
  const network = yield* Network.Network
  return yield* network.connect(NetAddress.inetAddressFromIpStringUnsafe(host, Number(port)))
})

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

describe("up --page", () => {
  it.live("shows the instances with their addresses, figures and connections, and does no more without a token", () =>
    Effect.gen(function* () {
      const { calls, link, until } = yield* visitUp("intern: { service: rot13, port: 0 }, board: { port: 0 }")
      assert.match(link, /^http:\/\/127\.0\.0\.1:\d+\/$/)
      const { services } = yield* until(({ services }) => services.length === 2)
      const [intern, board] = services
      assert.deepInclude(intern, { name: "intern", state: "ready", restarts: 0, hasPackets: true, canRestart: true })
      assert.isUndefined(intern!.game)
      assert.include(intern!.tryIt, "nc -N 127.0.0.1")
      assert.deepInclude(board, { name: "board", game: "board" })
      const connection = yield* connect(intern!.address!)
      yield* connection.write("Hello")
      assert.strictEqual(text(yield* connection.pull), "Uryyb")
      const { connections } = yield* until(({ connections: { rows } }) => rows[0]?.bytesSent === 5)
      assert.deepInclude(connections, { omitted: 0 })
      assert.deepInclude(connections.rows[0], {
        service: "intern",
        id: 1,
        remote: NetAddress.formatSocketAddress(connection.local),
        bytesReceived: 5
      })
      const [served] = (yield* until(({ services }) => services[0]?.bytesSent === 5)).services
      assert.deepInclude(served!.figures[0], { name: "clients", value: 1, unit: "count" })
      const about = yield* calls.about({ token: "" })
      assert.deepInclude(about, { hasControl: false, isAllowed: false })
      const refused = yield* Effect.flip(calls.restart({ service: "intern", token: "" }))
      assert.deepInclude(refused, { _tag: "PageError", reason: "Forbidden" })
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
  )

  it.live("restarts an instance for those with the token, and says why another one does not start", () =>
    Effect.gen(function* () {
      const busy = yield* portInUse
      const instances = `rot13: { port: 0 }, busy: { service: rot13, port: ${busy} }`
      const { calls, token, until, waitForOutput } = yield* visitUp(instances, "--control")
      assert.isAtLeast(token.length, 22)
      assert.deepInclude(yield* calls.about({ token }), { hasControl: true, isAllowed: true })
      assert.deepInclude(yield* calls.about({ token: `${token}x` }), { hasControl: true, isAllowed: false })
      const before = (yield* until(({ services }) => services[0]?.state === "ready")).services[0]!
      const connection = yield* connect(before.address!)
      yield* calls.restart({ service: "rot13", token })
      assert.strictEqual((yield* Effect.flip(connection.pull))._tag, "Done")
      yield* waitForOutput("stdout", /"service":"rot13","state":"ready".*"restarts":1/)
      const after = (yield* until(({ services }) => services[0]?.restarts === 1)).services[0]!
      const again = yield* connect(after.address!)
      yield* again.write("Hello")
      assert.strictEqual(text(yield* again.pull), "Uryyb")
      const failure = yield* Effect.flip(calls.restart({ service: "busy", token }))
      assert.deepInclude(failure, { reason: "Unavailable" })
      assert.match(failure.message, /^busy does not serve: TCP port \d+ is in use/)
      assert.deepInclude(yield* Effect.flip(calls.restart({ service: "constructor", token })), { reason: "NotFound" })
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
  )

  it.live("shows the packets of an instance by the protocol of its service, and plays its game", () =>
    Effect.gen(function* () {
      const { calls, token, until } = yield* visitUp("number: { service: guess, port: 0, min: 7, max: 7 }", "--control")
      const address = (yield* until(({ services }) => services[0]?.state === "ready")).services[0]!.address!
      const play = calls.play({ service: "number", token }).pipe(
        Stream.tap((view) =>
          view._tag === "Started" ? calls.say({ session: view.session, line: "7", token }) : Effect.void
        ),
        Stream.filter((view) => view._tag === "Guess" && view.guesses.length > 0),
        Stream.runHead,
        Effect.map(Option.getOrThrow)
      )
      assert.deepInclude(yield* play, { _tag: "Guess", min: 7, max: 7 })
      // The watch begins at some time after the call: games go on until it has seen one.
      yield* Effect.forkScoped(Effect.forever(play))
      const guess = calls.packets({ service: "number" }).pipe(
        Stream.flatMap(({ arrows }) => Stream.fromIterable(arrows)),
        Stream.filter(({ bytes, to }) => bytes > 0 && to === address),
        Stream.runHead,
        Effect.map(Option.getOrThrow)
      )
      assert.deepInclude(yield* guess, { transport: "tcp", bytes: 2, lost: false })
      const nowhere = calls.packets({ service: "rot13" })
      assert.deepInclude(yield* Effect.flip(Stream.runHead(nowhere)), { reason: "NotFound" })
    }).pipe(Effect.scoped)
  )

  it.live("tells the packets of two instances on one port of different addresses apart", () =>
    Effect.gen(function* () {
      const port = yield* portInUse.pipe(Effect.scoped)
      const { calls, until } = yield* visitUp(
        `one: { service: rot13, host: 127.0.0.1, port: ${port} }, two: { service: rot13, host: 127.0.0.2, port: ${port} }`
      )
      yield* until(({ services }) => services.length === 2 && services.every(({ state }) => state === "ready"))
      const talk = Effect.forEach(["127.0.0.1", "127.0.0.2"], (host) =>
        Effect.scoped(
          Effect.gen(function* () {
            const connection = yield* connect(`${host}:${port}`)
            yield* connection.write("Hello")
            yield* connection.pull
          })
        )
      )
      const arrowsOf = (service: string) =>
        calls.packets({ service }).pipe(
          // The first batch is empty: the watch has begun.
          Stream.tap(({ arrows }) => (arrows.length === 0 ? Effect.forkScoped(talk) : Effect.void)),
          Stream.flatMap(({ arrows }) => Stream.fromIterable(arrows)),
          Stream.takeUntil(({ kind }) => kind === "REPLY"),
          Stream.runCollect
        )
      const two = yield* arrowsOf("two")
      assert.isAbove(two.length, 0)
      for (const { from, to } of two) assert.include([from, to], `127.0.0.2:${port}`)
      const one = yield* arrowsOf("one")
      for (const { from, to } of one) assert.include([from, to], `127.0.0.1:${port}`)
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
  )

  it.live("runs the services without a page whose port is in use, with one warning", () =>
    Effect.gen(function* () {
      const port = yield* portInUse
      const config = yield* write("up: { services: { rot13: { port: 0 } } }\n")
      const up = yield* Cli.startInProcess(["up", "--config", config, "--page", `${port}`])
      yield* up.waitForOutput("stdout", /^rot13 /m)
      yield* up.waitForOutput("stderr", /1 of 1 services up/)
      const { code, stderr, stdout } = yield* up.shutdown
      assert.strictEqual(code, 0)
      assert.notMatch(stdout, /^page/m)
      const lines = stderr.split("\n").filter((line) => line.includes("page"))
      assert.strictEqual(lines.length, 1, stderr)
      assert.match(lines[0]!, new RegExp(`up: page: TCP port ${port} is in use.*--page off; the services run without`))
    }).pipe(Effect.scoped)
  )

  it.live("prints the link after the services, as the last line of the start", () =>
    Effect.gen(function* () {
      const config = yield* write("up: { services: { rot13: { port: 0 } } }\n")
      const up = yield* Cli.startInProcess(["up", "--config", config, "--control", ...freePage])
      yield* up.waitForOutput("stderr", /1 of 1 services up/)
      const lines = (yield* up.shutdown).stdout.trim().split("\n")
      assert.match(lines[0]!, /^rot13 +127/)
      assert.match(lines.at(-1)!, /^page +(127\.0\.0\.1:\d+) +http:\/\/\1\/#token=[\w-]{43}$/)
    }).pipe(Effect.scoped)
  )

  it.live.each([
    ["up", "text", ["up"], "stdout", /^page .* (http:\S+)$/m],
    ["up", "JSON", ["up", "--json"], "stdout", /^\{"service":"page".*"link":"(.*?)"\}$/m],
    ["a server", "text", ["rot13", "serve", "--port", "0"], "stdout", /^page on (\S+)$/m],
    ["a server", "JSON", ["rot13", "serve", "--port", "0", "--json"], "stdout", /"page":"(.*?)"/]
  ] as const)(
    "keeps a chosen token out of the output of %s as %s: the link names its variable",
    ([, , args, output, line]) =>
      Effect.gen(function* () {
        const config = yield* write("up: { services: { rot13: { port: 0 } } }\n")
        const env = { PAGE_TOKEN: "chosen-by-the-operator" }
        const run = yield* Cli.startInProcess([...args, "--config", config, "--control", ...freePage], { env })
        const [, link] = yield* run.waitForOutput(output, line)
        assert.match(link!, /^http:\/\/127\.0\.0\.1:\d+\/#token=\$PAGE_TOKEN$/)
        const { calls } = yield* PageVisitor.visit(link!.replace("$PAGE_TOKEN", env.PAGE_TOKEN))
        assert.deepInclude(yield* calls.about({ token: env.PAGE_TOKEN }), { hasControl: true, isAllowed: true })
        const { stderr, stdout } = yield* run.shutdown
        assert.notInclude(stdout + stderr, env.PAGE_TOKEN)
      }).pipe(Effect.scoped)
  )

  it.live("has no token in the log of a server", () =>
    Effect.gen(function* () {
      const rot13 = yield* Cli.startInProcess(["rot13", "serve", "--port", "0", "--control", ...freePage])
      yield* rot13.waitForOutput("stdout", /^page on http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]{43}$/m)
      assert.notInclude((yield* rot13.shutdown).stderr, "token")
    }).pipe(Effect.scoped)
  )

  it.live("has nothing to control on the page of one service, unless it is a game", () =>
    Effect.gen(function* () {
      const about = Effect.fnUntraced(function* (service: string) {
        const server = yield* Cli.startInProcess([service, "serve", "--port", "0", ...freePage])
        const [, link] = yield* server.waitForOutput("stdout", /^page on (\S+)$/m)
        const { calls } = yield* PageVisitor.visit(link!)
        return yield* calls.about({ token: "" })
      })
      assert.deepInclude(yield* about("rot13"), { hasControl: false, isReadOnly: true })
      assert.notProperty(yield* about("guess"), "isReadOnly")
    }).pipe(Effect.scoped)
  )

  it.live("warns of control without a page", () =>
    Effect.gen(function* () {
      const rot13 = yield* Cli.startInProcess(["rot13", "serve", "--port", "0", "--page", "off", "--control"])
      yield* rot13.waitForOutput("stdout", /^rot13 on /m)
      const { stderr } = yield* rot13.shutdown
      assert.lengthOf(stderr.match(/--control has no effect with --page off/g) ?? [], 1)
    }).pipe(Effect.scoped)
  )

  it.live("refuses a token that is too short", () =>
    Effect.gen(function* () {
      const config = yield* write("up: { services: { rot13: { port: 0 } } }\n")
      const env = { PAGE_TOKEN: "short" }
      const { code, stderr } = yield* Cli.runInProcess(["up", "--config", config, "--control", ...freePage], { env })
      assert.match(stderr, /PAGE_TOKEN: invalid token of the page \(5 characters\)/)
      assert.strictEqual(code, 2)
    }).pipe(Effect.scoped)
  )

  it.live("refuses a page on the port of a service", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* Cli.runInProcess(["up", "--check", "--page", "1067"])
      assert.include(stderr, "up: the page and rot13 both need tcp port 1067 of 127.0.0.1")
      assert.strictEqual(code, 2)
    })
  )
})

describe("a server with --page", () => {
  it.live("shows itself, and its connections while they are open", () =>
    Effect.gen(function* () {
      const server = yield* Cli.startInProcess(["rot13", "serve", "--port", "0", "--json", ...freePage])
      const [line] = yield* server.waitForOutput("stdout", /^\{.*\}$/m)
      const { page, port } = JSON.parse(line) as { readonly page: string; readonly port: number }
      const { until } = yield* PageVisitor.visit(page)
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* connect(`127.0.0.1:${port}`)
          const { services } = yield* until(({ connections: { rows } }) => rows.length === 1)
          assert.deepInclude(services[0], { name: "rot13", state: "ready", canRestart: false, hasPackets: true })
        })
      )
      yield* until(({ connections: { rows } }) => rows.length === 0)
      assert.strictEqual((yield* server.shutdown).code, 0)
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
  )

  it.live("fails with one line if the port of the page is in use, before it listens", () =>
    Effect.gen(function* () {
      const port = yield* portInUse
      const args = ["rot13", "serve", "--port", "0", "--page", `127.0.0.1:${port}`]
      const { code, stderr, stdout } = yield* Cli.runInProcess(args)
      assert.deepStrictEqual({ code, stdout }, { code: 1, stdout: "" })
      assert.match(stderr, new RegExp(`^effect-inet: rot13: page: TCP port ${port} is in use.* with --page\\n$`))
    }).pipe(Effect.scoped)
  )

  it.live("has no control without a page", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* Cli.runInProcess(["rot13", "serve", "--port", "0", "--control"])
      assert.strictEqual(stderr, "effect-inet: --control needs --page: add it, or leave --control out\n")
      assert.strictEqual(code, 2)
    })
  )

  it.live("responds under the names of --page-host, besides addresses and localhost", () =>
    Effect.gen(function* () {
      const args = [
        "rot13",
        "serve",
        "--port",
        "0",
        "--json",
        ...freePage,
        "--page-host",
        "games.example, other.example"
      ]
      const server = yield* Cli.startInProcess(args)
      const [line] = yield* server.waitForOutput("stdout", /^\{.*\}$/m)
      const { page } = JSON.parse(line) as { readonly page: string }
      const statusFor = (host: string) =>
        Effect.callback<number | undefined>((resume) => {
          Http.get(new URL("/rpc", page), { headers: { host } }, (response) => {
            response.resume()
            resume(Effect.succeed(response.statusCode))
          })
        })
      const hosts = ["games.example", "OTHER.example:8066", "localhost", "192.0.2.1", "evil.example"]
      assert.deepStrictEqual(yield* Effect.all(hosts.map(statusFor)), [426, 426, 426, 426, 421])
      const wrong = yield* Cli.runInProcess(["rot13", "serve", "--page-host", "http://games.example"])
      assert.include(wrong.stderr, "Expected: names of hosts such as games.example")
    }).pipe(Effect.scoped)
  )

  it.live("takes the address of the page from the environment and the file", () =>
    Effect.gen(function* () {
      const config = yield* write("rot13: { page: 'off', port: 0 }\n")
      const env = { GUESS_PAGE: "127.0.0.1:0", GUESS_PORT: "0" }
      const guess = yield* Cli.startInProcess(["guess", "serve"], { env })
      yield* guess.waitForOutput("stdout", /^page on http:\/\/127\.0\.0\.1:\d+\/\n/m)
      const rot13 = yield* Cli.startInProcess(["rot13", "serve", "--config", config])
      yield* rot13.waitForOutput("stdout", /^rot13 on /m)
      assert.notInclude((yield* rot13.shutdown).stderr, "page")
      const wrong = yield* Cli.runInProcess(["rot13", "serve", "--page", "8066x"])
      assert.include(wrong.stderr, "Expected: on (127.0.0.1:8066), off, a port, or a host and a port")
    }).pipe(Effect.scoped)
  )
})
