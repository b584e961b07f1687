import { assert, describe, it } from "@effect/vitest"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Dns from "effect/net/Dns"
import * as Host from "effect/net/Host"
import { printNames, recordToJson } from "../../../../src/cli/run/resolve/records.ts"
import { line } from "../../../../src/cli/run/services.ts"
import * as Cli from "../../../support/Cli.ts"
import { freePort, have, start } from "../../../support/Shell.ts"

const domain = Host.domainNameFromStringUnsafe

const missing = have("dnsmasq") ? "" : " (skipped: no dnsmasq)"

/** Starts a name server with records of several types; returns its address. */
const nameServer = Effect.gen(function* () {
  const port = yield* freePort
  const records = [
    "--mx-host=mail.test,mx1.test,10",
    "--mx-host=mail.test,mx2.test,20",
    "--txt-record=text.test,first,second part",
    "--srv-host=_http._tcp.test,web.test,8080,1,5",
    "--ptr-record=7.2.0.192.in-addr.arpa,seven.test",
    "--host-record=web.test,192.0.2.9,2001:db8::9",
    "--cname=www.test,web.test",
    "--local=/test/",
    "--local=/2.0.192.in-addr.arpa/"
  ]
  const options =
    "--no-daemon --conf-file=/dev/null --no-resolv --no-hosts --bind-interfaces --listen-address=127.0.0.1"
  const script = yield* start(
    `exec dnsmasq ${options} --user=$(id -un) --port=${port} ${records.map((record) => `'${record}'`).join(" ")}`
  )
  yield* script.waitFor("stderr", /started/)
  return `127.0.0.1:${port}`
})

describe("resolve --record and --reverse", () => {
  it.live.skipIf(missing !== "")(`print what a name server answers${missing}`, () =>
    Effect.gen(function* () {
      const server = yield* nameServer
      const ask = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
        const { code, stderr, stdout } = yield* Cli.runInProcess(["resolve", ...args, "--server", server])
        return code === 0 ? stdout.trimEnd().split("\n").sort() : [stderr.trimEnd()]
      })
      assert.deepStrictEqual(yield* ask("--record", "MX", "mail.test"), ["MX 10 mx1.test.", "MX 20 mx2.test."])
      assert.deepStrictEqual(yield* ask("--record", "TXT", "text.test"), ['TXT "first" "second part"'])
      assert.deepStrictEqual(yield* ask("--record", "SRV", "_http._tcp.test"), ["SRV 1 5 8080 web.test."])
      assert.deepStrictEqual(yield* ask("--record", "PTR", "7.2.0.192.in-addr.arpa"), ["PTR seven.test."])
      assert.deepStrictEqual(yield* ask("--record", "PTR", "192.0.2.7"), ["PTR seven.test."])
      assert.deepStrictEqual(yield* ask("--record", "AAAA", "web.test"), ["AAAA 2001:db8::9"])
      assert.deepStrictEqual(yield* ask("--record", "CNAME", "www.test"), ["CNAME web.test."])
      assert.deepStrictEqual(yield* ask("--reverse", "192.0.2.7"), ["seven.test."])
      assert.deepStrictEqual(yield* ask("--record", "MX", "web.test"), ["effect-inet: web.test: no MX record"])
      assert.deepStrictEqual(yield* ask("--reverse", "192.0.2.8"), ["effect-inet: 192.0.2.8: no name"])
      const [json] = yield* ask("--record", "MX", "mail.test", "--json")
      assert.deepInclude(JSON.parse(json!), { type: "MX", priority: 10, exchange: "mx1.test." })
    }).pipe(Effect.scoped)
  )

  it.live("--reverse prints the names of the hosts file", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* Cli.runInProcess(["resolve", "--reverse", "127.0.0.1"])
      assert.strictEqual(code, 0)
      assert.include(stdout.split("\n"), "localhost")
    })
  )

  it("recordToJson writes times in seconds and bytes in hexadecimal", () => {
    const times = {
      refresh: Duration.hours(1),
      retry: Duration.seconds(5),
      expire: Duration.days(1),
      minimum: Duration.zero
    }
    const soa = Dns.makeRecordUnsafe("SOA", { primary: domain("ns.test."), admin: "root.test.", serial: 7, ...times })
    const json = { type: "SOA", serial: 7, refresh: 3_600, retry: 5, expire: 86_400, minimum: 0 }
    assert.deepInclude(recordToJson(soa), json as never)
    const tlsa = { certUsage: 3, selector: 1, matchingType: 1, data: Uint8Array.of(0xab, 1) }
    assert.deepInclude(recordToJson(Dns.makeRecordUnsafe("TLSA", tlsa)), { data: "ab01" } as never)
  })

  const wrong: ReadonlyArray<readonly [string, string]> = [
    ["--reverse localhost", '--reverse needs an IP address, not "localhost"'],
    ["--reverse --record MX x", "--reverse and --record cannot be combined: choose one"],
    ["--record MX x 80", "SERVICE cannot be combined with --record: leave it out"],
    ["--record MX x --canonical", "--canonical cannot be combined with --record: leave it out"],
    ["--server 127.0.0.1 x", "--server needs --record or --reverse: addresses come from the system"],
    [
      "--record MX x --server ns.test",
      'invalid --server "ns.test": give an IP address, such as 192.0.2.53 or 127.0.0.1:5353'
    ]
  ]
  it.live.each(wrong)("print one line and exit with 2 for: %s", ([args, line]) =>
    Effect.gen(function* () {
      const { code, stderr } = yield* Cli.runInProcess(["resolve", ...args.split(" ")])
      assert.deepStrictEqual([code, stderr.split("\n")[0]], [2, `effect-inet: ${line}`])
    })
  )

  it.live("--aton takes the forms of inet_aton", () =>
    Effect.gen(function* () {
      const { stdout } = yield* Cli.runInProcess(["resolve", "--aton", "0x7f.1", "80", "--type", "stream", "--json"])
      assert.deepInclude(JSON.parse(stdout)[0], { address: "127.0.0.1", port: 80 })
      const { code, stderr } = yield* Cli.runInProcess(["resolve", "--aton", "1.2.3.4.5"])
      assert.deepStrictEqual(
        [code, stderr],
        [1, 'effect-inet: "1.2.3.4.5" is not an IPv4 address: 5 numbers, at most 4\n']
      )
    })
  )
})

describe("names of the system", () => {
  const hostile = "a\u001b]0;x\u0007\u202e"

  it.effect("are printed by resolve with their control characters escaped, each on one line", () =>
    Effect.gen(function* () {
      const printed: Array<unknown> = []
      const console = { ...globalThis.console, log: (...parts: ReadonlyArray<unknown>) => void printed.push(...parts) }
      const lookup = () => Effect.succeed([hostile, "b\nforged"])
      yield* Effect.provideService(printNames("192.0.2.1", false, lookup), Console.Console, console)
      assert.deepStrictEqual(printed, ["a\\u001b]0;x\\u0007\\u202e", "b\\u000aforged"])
    })
  )

  it("are printed by services with their control characters escaped", () => {
    const shown = line({ name: hostile, aliases: ["\u009b2J"], port: 1, protocol: "tcp" })
    assert.match(shown, /^a\\u001b\]0;x\\u0007\\u202e +1\/tcp +\\u009b2J$/)
  })
})
